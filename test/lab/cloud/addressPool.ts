import { pools } from "../addresses.ts";
import { ApiError } from "./errors.ts";

/** Hands out addresses in turn: what has been given back comes round last, so that a new address is a new one. */
export class AddressPool {
  readonly #taken = new Set<string>();
  readonly #next: Record<"ipv4" | "ipv6", number> = { ipv4: pools.ipv4.first, ipv6: pools.ipv6.first };

  take(type: "ipv4" | "ipv6"): string {
    const { first, last }: { first: number; last: number } = pools[type];
    for (let tried = first; tried <= last; tried++) {
      const number = this.#next[type];
      this.#next[type] = number === last ? first : number + 1;
      const ip =
        type === "ipv4" ? `${pools.ipv4.prefix}${number}` : `${pools.ipv6.prefix}${number.toString(16)}::/64`;
      if (!this.#taken.has(ip)) {
        this.#taken.add(ip);
        return ip;
      }
    }
    throw new ApiError(412, "resource_unavailable", `no ${type} address left`);
  }

  giveBack(ip: string): void {
    this.#taken.delete(ip);
  }
}
