/** How long a host may keep us waiting. */
export interface Wait {
  /** For one that is silent, or that boots. */
  readonly waitSeconds: number;
  /**
   * For which nobody may knock until a limit of new connections opens again: longer than the 30 s of `ufw limit`, which
   * counts refused knocks too. `undefined`: the host has none.
   */
  readonly limitSeconds: number | undefined;
}

const betweenTries = 2;

/** Counts the tries to reach one host. */
export class Patience {
  readonly #wait: Wait;
  readonly #started = Date.now();
  #refused = 0;
  #hasSatOut = false;

  constructor(wait: Wait) {
    this.#wait = wait;
  }

  get waitedSeconds(): number {
    return Math.floor((Date.now() - this.#started) / 1000);
  }

  /** Seconds until the next try; `undefined`: there is none. `isRefused`: whoever is there turned the last one away. */
  next(isRefused: boolean): number | undefined {
    const { waitSeconds, limitSeconds } = this.#wait;
    this.#refused = isRefused ? this.#refused + 1 : 0;
    if (!isRefused || limitSeconds === undefined)
      return this.waitedSeconds < waitSeconds ? betweenTries : undefined;
    // An sshd that starts again is back by then.
    if (this.#refused === 1) return betweenTries;
    if (this.#hasSatOut) return undefined;
    this.#hasSatOut = true;
    return limitSeconds;
  }
}
