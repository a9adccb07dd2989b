import type { Forward } from "../network/forward.ts";
import { mostProbes, proofGroup } from "../network/ourNumbers.ts";
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

/** Where the knocks go. */
export interface PublicAddresses {
  readonly ipv4: string;
  /** `undefined`: IPv6 does not lead to this home. */
  readonly ipv6: string | undefined;
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

/**
 * The document of prove-forwards.sh: the group of the knocks, the addresses, then one probe a line: `tcp 443 8081 home
 * anybody`. Of more than `mostProbes` as many are left, from the first to the last, at equal distances.
 */
export function renderProbes({ ipv4, ipv6 }: PublicAddresses, probes: readonly Probe[]): string {
  const tried = spread(probes, mostProbes);
  const left = probes.length - tried.length;
  return [
    `group ${proofGroup}`,
    `address ${ipv4}`,
    ...(ipv6 === undefined ? [] : [`address6 ${ipv6}`]),
    ...(left === 0 ? [] : [`left ${left}`]),
    ...tried.map(({ protocol, published, target, to, restricted }) =>
      [protocol, published, target, to ?? "home", restricted ? "some" : "anybody"].join(" "),
    ),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function spread<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  const step = (all.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => all[Math.round(i * step)]).filter((one) => one !== undefined);
}
