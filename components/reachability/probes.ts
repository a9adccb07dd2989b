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
  /** A machine in the home's LAN; `undefined`: the home itself. */
  readonly to: string | undefined;
  /** Whether only some may connect. */
  readonly restricted: boolean;
}

/** What is tried from outside: every forward, a range at both of its ends. */
export function listProbes(forwards: readonly Forward[]): Probe[] {
  return forwards.flatMap(({ published, target, protocols, to, from }) =>
    protocols.flatMap((protocol) => {
      const common = { protocol, to, restricted: from.length > 0 };
      const first = { ...common, published: published.first, target: target.first };
      const last = { ...common, published: published.last, target: target.last };
      return portCount(published) > 1 ? [first, last] : [first];
    }),
  );
}

/** The document of prove-forwards.sh: the address, then one probe a line: `tcp 443 8081 home anybody`. */
export function renderProbes(publicAddress: string, probes: readonly Probe[]): string {
  const lines = probes.map(({ protocol, published, target, to, restricted }) =>
    [protocol, published, target, to ?? "home", restricted ? "some" : "anybody"].join(" "),
  );
  return [`address ${publicAddress}`, ...lines].map((line) => `${line}\n`).join("");
}
