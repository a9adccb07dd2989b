import { renderPortRange } from "../network/port.ts";
import type { PortRange } from "../network/port.ts";
import { publishedPorts } from "./published.ts";
import type { RelayFirewall } from "./ruleset.ts";

/** A rule of Hetzner's firewall, which filters before the server and lets in only what a rule names. */
export interface ProviderRule {
  readonly direction: "in";
  readonly protocol: "tcp" | "udp" | "icmp";
  /** `"80"` or `"80-85"`; `undefined` for ICMP. */
  readonly port: string | undefined;
  readonly sourceIps: readonly string[];
  readonly description: string;
}

/** Hetzner takes no more rules than this in one firewall. */
export const maxProviderRules = 50;

const everybody = ["0.0.0.0/0", "::/0"];

/**
 * The same openings as the relay's own ruleset. Where the published ports are too scattered for Hetzner's limit, the
 * nearest ones are joined into ranges: this wall is then the coarser one, and the relay's own stays exact.
 */
export function renderProviderRules(firewall: RelayFirewall): ProviderRule[] {
  const fixed: ProviderRule[] = [
    {
      direction: "in",
      protocol: "icmp",
      port: undefined,
      sourceIps: everybody,
      description: "ping and path MTU",
    },
    {
      direction: "in",
      protocol: "tcp",
      port: String(firewall.sshPort),
      sourceIps: firewall.adminCidrs.map((prefix) => prefix.text),
      description: "SSH",
    },
    {
      direction: "in",
      protocol: "udp",
      port: String(firewall.listenPort),
      sourceIps: everybody,
      description: "WireGuard",
    },
  ];
  const published = (["tcp", "udp"] as const).flatMap((protocol) =>
    publishedPorts(firewall.forwards, protocol).map((range) => ({ protocol, range })),
  );
  const forwards = coarsen(published, maxProviderRules - fixed.length).map(
    ({ protocol, range }): ProviderRule => ({
      direction: "in",
      protocol,
      port: renderPortRange(range),
      sourceIps: everybody,
      description: "forwards",
    }),
  );
  return [...fixed, ...forwards];
}

interface ProtocolRange {
  readonly protocol: "tcp" | "udp";
  readonly range: PortRange;
}

/** Joins the neighbours with the smallest gap between them until no more than `limit` ranges are left. */
function coarsen(ranges: readonly ProtocolRange[], limit: number): ProtocolRange[] {
  const left = [...ranges];
  while (left.length > limit) {
    let at = -1;
    let smallest = Infinity;
    for (let i = 0; i + 1 < left.length; i++) {
      const [a, b] = [left[i], left[i + 1]];
      if (a?.protocol !== b?.protocol || !a || !b) continue;
      const gap = b.range.first - a.range.last;
      if (gap < smallest) [at, smallest] = [i, gap];
    }
    const [a, b] = [left[at], left[at + 1]];
    if (!a || !b) break;
    left.splice(at, 2, { protocol: a.protocol, range: { first: a.range.first, last: b.range.last } });
  }
  return left;
}
