/** What keeps an order from being placed, worded as problems in the settings are. */
export class OrderProblems {
  readonly #section: string;
  readonly #texts: string[] = [];

  /** `section` of the stack file, as the user wrote it. @example home-relay:relay */
  constructor(section: string) {
    this.#section = section;
  }

  /** `what` says what is wrong with a key of the section, `mend` what to edit or run. */
  refuse(key: string, what: string, mend: string): void {
    this.#texts.push(`${this.#section}.${key}: ${what}\n  ${mend}`);
  }

  get texts(): readonly string[] {
    return this.#texts;
  }
}
