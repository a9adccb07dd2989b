import { renderPortRange } from "../network/port.ts";
import type { PortRange } from "../network/port.ts";
import { publishedPorts } from "../network/publishedForward.ts";
import type { PublishedForward } from "../network/publishedForward.ts";
import type { Forward } from "../network/forward.ts";

/** A rule of Hetzner's firewall, which filters before the server and lets in only what a rule names. */
export interface ProviderRule {
  readonly direction: "in";
  readonly protocol: "tcp" | "udp" | "icmp";
  /** `"80"` or `"80-85"`; `undefined` for ICMP. */
  readonly port: string | undefined;
  readonly sourceIps: readonly string[];
  readonly description: string;
}

/** What Hetzner's firewall lets through. */
export interface ProviderOpenings {
  /** TCP port of sshd. */
  readonly sshPort: number;
  /** UDP port of WireGuard. */
  readonly listenPort: number;
  readonly forwards: readonly PublishedForward[];
}

/** Hetzner takes no more rules than this in one firewall. */
export const maxProviderRules = 50;

/** Nor more sources in one rule. */
const maxRuleSources = 100;

/** Nor more sources in all rules of a firewall together. */
const maxProviderSources = 500;

const everybody = ["0.0.0.0/0", "::/0"];

/**
 * The same openings as the relay's own ruleset, as far as Hetzner's limits go. A forward with too many sources is open
 * to everybody here. Where the published ports are too scattered, the nearest ones are joined into ranges, and if that
 * is not enough no source is told from another. Hetzner's firewall is then the coarser one, and the relay's own stays
 * exact.
 */
export function renderProviderRules(firewall: ProviderOpenings): ProviderRule[] {
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
      // Not the admin prefixes: a wrong one here would lock the operator out before the relay, which can take its own
      // rules back, has tried it. The relay's ruleset is exact.
      sourceIps: everybody,
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
  const limit = maxProviderRules - fixed.length;
  const exact = coarsen(openings(firewall.forwards, sourcesOf), limit);
  const sources = [...fixed, ...exact].reduce((sum, { sourceIps }) => sum + sourceIps.length, 0);
  const fits = exact.length <= limit && sources <= maxProviderSources;
  const fitting = fits
    ? exact
    : coarsen(
        openings(firewall.forwards, () => everybody),
        limit,
      );
  const forwards = fitting.map(({ protocol, range, sourceIps }): ProviderRule => ({
    direction: "in",
    protocol,
    port: renderPortRange(range),
    sourceIps,
    description: "forwards",
  }));
  return [...fixed, ...forwards];
}

/** Ports of one protocol that are open to the same sources. */
interface Opening {
  readonly protocol: "tcp" | "udp";
  readonly range: PortRange;
  readonly sourceIps: readonly string[];
  /** Protocol and sources in one text. */
  readonly group: string;
}

function openings(
  forwards: readonly PublishedForward[],
  sources: (forward: Forward) => readonly string[],
): Opening[] {
  const bySources = Map.groupBy(forwards, ({ forward }) => sources(forward).join());
  return (["tcp", "udp"] as const).flatMap((protocol) =>
    [...bySources]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([sourceIps, group]) =>
        publishedPorts(group, protocol).map((range) => ({
          protocol,
          range,
          sourceIps: sourceIps.split(","),
          group: `${protocol} ${sourceIps}`,
        })),
      ),
  );
}

/** Everybody, too, where Hetzner takes no rule with that many sources: only the relay can tell those apart. */
function sourcesOf({ from }: Forward): readonly string[] {
  return from.length === 0 || from.length > maxRuleSources ? everybody : from.map(({ text }) => text).sort();
}

/**
 * Joins the neighbours with the smallest gap between them until no more than `limit` ranges are left. Only those of one
 * group are joined, so that nobody is let in who was not let in to one of the two. A join changes no other gap, so they
 * are all measured once.
 */
function coarsen(ranges: readonly Opening[], limit: number): Opening[] {
  const gaps = ranges.flatMap((range, i) => {
    const before = ranges[i - 1];
    return before?.group === range.group ? [{ at: i, gap: range.range.first - before.range.last }] : [];
  });
  const tooMany = Math.max(ranges.length - limit, 0);
  const joined = new Set(
    gaps
      .sort((a, b) => a.gap - b.gap || a.at - b.at)
      .slice(0, tooMany)
      .map(({ at }) => at),
  );
  const left: Opening[] = [];
  for (const [i, opening] of ranges.entries()) {
    const before = left.at(-1);
    if (before && joined.has(i))
      left[left.length - 1] = { ...before, range: { first: before.range.first, last: opening.range.last } };
    else left.push(opening);
  }
  return left;
}
