import { Unexpected } from "./errors.ts";
import type { FirewallRule, ServerHost, ServerRequest } from "./serverHost.ts";

type MachineAddresses = Pick<ServerRequest, "ipv4" | "ipv6">;

/**
 * The data centre, one order at a time: a filter that was asked for later must not be overtaken, no machine may
 * start before its filter stands, and what is still being made can be ended after that only.
 */
export class Machines {
  readonly #host: ServerHost;
  #last: Promise<void> = Promise.resolve();
  /** The addresses that each machine was made with; it cannot take others. */
  readonly #made = new Map<number, string>();

  constructor(host: ServerHost) {
    this.#host = host;
  }

  /** Sets the filter, then starts a new machine. */
  create(request: ServerRequest, rules: () => readonly FirewallRule[] | undefined): Promise<void> {
    return this.#order(async () => {
      try {
        await this.#host.setFirewall(request.id, rules());
        await this.#host.create(request);
      } catch (error) {
        // What is half made must not linger; where nothing was made, there is nothing to end.
        await this.#host.destroy(request.id).catch(() => undefined);
        throw error;
      }
      this.#made.set(request.id, written(request));
    });
  }

  powerOn(id: number, addresses: MachineAddresses): Promise<void> {
    return this.#order(async () => {
      const made = this.#made.get(id);
      if (made === undefined) return;
      if (made !== written(addresses)) {
        throw new Unexpected(
          `server ${id} was made with ${made}: the data centre cannot give it other addresses`,
        );
      }
      await this.#host.powerOn(id);
    });
  }

  powerOff(id: number): Promise<void> {
    return this.#order(async () => {
      if (this.#made.has(id)) await this.#host.powerOff(id);
    });
  }

  /** `rules` is asked for when its turn has come, so that the newest wins. */
  setFirewall(id: number, rules: () => readonly FirewallRule[] | undefined): Promise<void> {
    return this.#order(async () => {
      if (this.#made.has(id)) await this.#host.setFirewall(id, rules());
    });
  }

  destroy(id: number): Promise<void> {
    return this.#order(async () => {
      if (this.#made.delete(id)) await this.#host.destroy(id);
    });
  }

  #order(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    // A failed order is its caller's to report; the next one still gets its turn.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function written({ ipv4, ipv6 }: MachineAddresses): string {
  return [ipv4 ?? "no IPv4", ipv6 ?? "no IPv6"].join(", ");
}
