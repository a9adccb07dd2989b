import type { Forward } from "../network/forward.ts";
import { portCount } from "../network/port.ts";
import type { Protocol } from "../network/port.ts";

/** One knock from outside. */
export interface Probe {
  readonly protocol: Protocol;
  /** Port on the relay. */
  readonly published: number;
  /** Port at home. */
  readonly target: number;
}

/** What is tried from outside: every forward, a range at both of its ends. */
export function listProbes(forwards: readonly Forward[]): Probe[] {
  return forwards.flatMap(({ published, target, protocols }) =>
    protocols.flatMap((protocol) => {
      const first = { protocol, published: published.first, target: target.first };
      const last = { protocol, published: published.last, target: target.last };
      return portCount(published) > 1 ? [first, last] : [first];
    }),
  );
}

/** The document of prove-forwards.sh: the address, then one probe a line, `tcp 443 8081`. */
export function renderProbes(publicAddress: string, probes: readonly Probe[]): string {
  const lines = probes.map(({ protocol, published, target }) => `${protocol} ${published} ${target}`);
  return [`address ${publicAddress}`, ...lines].map((line) => `${line}\n`).join("");
}
