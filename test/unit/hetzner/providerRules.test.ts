import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { maxProviderRules, renderProviderRules } from "../../../components/hetzner/providerRules.ts";
import type { ProviderRule } from "../../../components/hetzner/providerRules.ts";
import { publishedPorts } from "../../../components/network/publishedForward.ts";
import type { PublishedForward } from "../../../components/network/publishedForward.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import type { PortRange } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import type { Prefix } from "../../../components/network/prefix.ts";
import { firewall, nas, toHome } from "../generators/examples.ts";
import { callersWithin } from "../generators/prefixes.ts";
import { portsOf, publishedForwards } from "../generators/publishedForwards.ts";

const everybody = ["0.0.0.0/0", "::/0"];
const protocols = ["tcp", "udp"] as const;
/** Ping, SSH and WireGuard, before those for forwards. */
const fixedRules = 3;

test("lets in ping, the operator's SSH, WireGuard and every forward", () => {
  const forward = (protocol: string, port: string) => ({
    direction: "in",
    protocol,
    port,
    sourceIps: everybody,
    description: "forwards",
  });
  expect(renderProviderRules(firewall)).toEqual([
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
      port: "22",
      sourceIps: everybody,
      description: "SSH",
    },
    { direction: "in", protocol: "udp", port: "51820", sourceIps: everybody, description: "WireGuard" },
    forward("tcp", "80"),
    forward("tcp", "443"),
    forward("tcp", "2200-2201"),
    forward("tcp", "64738"),
    forward("udp", "50000-50002"),
    forward("udp", "64738"),
  ]);
});

test("joins the nearest ports first when there are more than Hetzner takes", () => {
  const scattered = Array.from({ length: 46 }, (_, i) => `${1000 + 10 * i}`);
  const texts = [...scattered, "5000", "5003", "5000/udp", "5002/udp"];
  const rules = forwardRules(texts);
  expect(rules).toHaveLength(47);
  expect(rules.filter((rule) => rule.includes("-"))).toEqual(
    ["tcp 5000-5003", "udp 5000-5002", "tcp 1000-1010"].sort(),
  );
});

test("never joins across protocols, however near the ports are", () => {
  const tcp = Array.from({ length: 47 }, (_, i) => `${1000 + 1000 * i}`);
  expect(forwardRules([...tcp, "47001/udp"]).slice(-2)).toEqual(["tcp 47000", "udp 47001"]);
});

test("names the same sources as the forward, and keeps forwards with other sources apart", () => {
  const forward = (port: number, ...from: string[]) => {
    const range = { first: port, last: port };
    return createForward(range, range, "tcp", { from: from.map(parsePrefix) });
  };
  const office = ["192.0.2.0/24", "2001:db8::/32"];
  const forwards = [
    forward(80, ...office),
    forward(81, ...office.toReversed()),
    forward(82),
    forward(83, "192.0.2.7"),
  ];
  const rules = renderProviderRules({ ...firewall, forwards: toHome(nas, forwards) }).slice(3);
  expect(rules.map(({ port, sourceIps }) => [port, ...sourceIps])).toEqual([
    ["82", ...everybody],
    ["80-81", ...office],
    ["83", "192.0.2.7/32"],
  ]);
});

test("tells sources apart up to as many as Hetzner takes in a rule, and leaves more of them to the relay", () => {
  const from = (count: number) => Array.from({ length: count }, (_, i) => parsePrefix(`192.0.2.${i}`));
  const range = { first: 80, last: 80 };
  const sourcesOf = (count: number) => {
    const forwards = toHome(nas, [createForward(range, range, "tcp", { from: from(count) })]);
    return renderProviderRules({ ...firewall, forwards })[fixedRules]?.sourceIps;
  };
  expect(sourcesOf(100)).toEqual(
    from(100)
      .map(({ text }) => text)
      .sort(),
  );
  expect(sourcesOf(101)).toEqual(everybody);
});

/** To some that are there already, up to 150 more sources. */
function withManySources(forwards: fc.Arbitrary<PublishedForward[]>): fc.Arbitrary<PublishedForward[]> {
  const more = fc.array(fc.constantFrom(0, 0, 90, 99, 100, 150), { minLength: 1, maxLength: 20 });
  return fc.tuple(forwards, more).map(([all, counts]) =>
    all.map(({ forward, ...home }, i) => {
      const count = forward.from.length === 0 ? 0 : (counts[i % counts.length] ?? 0);
      const added = Array.from({ length: count }, (_, n) => parsePrefix(`172.20.${i % 3}.${n}`));
      return { ...home, forward: { ...forward, from: [...forward.from, ...added] } };
    }),
  );
}

test("is never over Hetzner's limits and never tighter than the relay's own firewall", () => {
  const reached = { below: 0, above: 0 };
  fc.assert(
    fc.property(fc.oneof(publishedForwards(), withManySources(publishedForwards())), (forwards) => {
      const rules = renderProviderRules({ ...firewall, forwards });
      expect(rules.length).toBeLessThanOrEqual(maxProviderRules);
      const sources = rules.map(({ sourceIps }) => sourceIps.length);
      expect(Math.max(...sources)).toBeLessThanOrEqual(100);
      expect(sources.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(500);
      reached[forwards.some(({ forward: { from } }) => from.length > 100) ? "above" : "below"]++;
      const walls = rules.slice(fixedRules).map(readRule);
      const tighter = forwards.flatMap(({ forward: { published, protocols, from } }) =>
        protocols.flatMap((protocol) =>
          portsOf(published).flatMap((port) => {
            const covering = walls.filter(
              ({ protocols: [only], range }) =>
                only === protocol && range.first <= port && port <= range.last,
            );
            const admitted = new Set(covering.flatMap(({ callers }) => callers));
            return callersOf(from)
              .filter((caller) => !admitted.has(caller))
              .map((caller) => `${caller} on ${protocol} ${port}`);
          }),
        ),
      );
      expect(tighter).toEqual([]);
    }),
  );
  expect(Math.min(...Object.values(reached))).toBeGreaterThan(0);
});

test("says the same as the relay's own firewall when it fits, and is no coarser than it must be when it does not", () => {
  const reached = { exact: 0, portsJoined: 0, sourcesGivenUp: 0 };
  fc.assert(
    fc.property(publishedForwards(), (forwards) => {
      const rules = renderProviderRules({ ...firewall, forwards });
      const groups = groupBySources(forwards);
      const openings = groups.reduce((sum, { ranges }) => sum + ranges, 0);
      const own = rules.slice(fixedRules);
      if (openings + fixedRules <= maxProviderRules) {
        reached.exact++;
        expect(admittedByRules(rules)).toEqual(admittedByRelay(forwards));
      } else if (groups.length + fixedRules <= maxProviderRules) {
        reached.portsJoined++;
        expect(rules).toHaveLength(maxProviderRules);
        // Joining fills gaps; it never reaches beyond the ports that the same sources have anyway.
        expect(boundsOf(own)).toEqual(
          new Map(groups.map(({ key, first, last }) => [key, { first, last }] as const)),
        );
      } else {
        reached.sourcesGivenUp++;
        expect(own.filter(({ sourceIps }) => sourceIps.join() !== everybody.join())).toEqual([]);
        const ranges = protocols.flatMap((protocol) => publishedPorts(forwards, protocol)).length;
        expect(rules).toHaveLength(Math.min(maxProviderRules, fixedRules + ranges));
      }
    }),
    { numRuns: 200 },
  );
  expect(Math.min(...Object.values(reached))).toBeGreaterThan(0);
});

/** For scattered forwards, which have to be joined, some with sources of their own. */
const scattered = fc
  .array(
    fc.record({
      port: fc.integer({ min: 1, max: 400 }),
      protocol: fc.constantFrom(...protocols),
      from: fc.constantFrom([], ["192.0.2.7"], ["2001:db8::/32", "192.0.2.0/24"]),
    }),
    { minLength: 40, maxLength: 150 },
  )
  .map((all) =>
    toHome(
      nas,
      all.map(({ port, protocol, from }) => {
        const range = { first: port, last: port };
        return createForward(range, range, protocol, { from: from.map(parsePrefix) });
      }),
    ),
  );

test("joins exactly what joining the nearest two, the first of them, again and again, would join", () => {
  fc.assert(
    fc.property(fc.oneof(scattered, publishedForwards()), (forwards) => {
      const rules = renderProviderRules({ ...firewall, forwards }).slice(fixedRules);
      expect(rules.map(readOpening)).toEqual(joinStepByStep(forwards));
    }),
  );
});

test("takes no more time than a list of 10,000 scattered forwards with sources of their own is worth", () => {
  const from = Array.from({ length: 20 }, (_, i) => parsePrefix(`198.51.100.${i}`));
  const forwards = Array.from({ length: 10_000 }, (_, i) => {
    const range = { first: 2 + 6 * i, last: 2 + 6 * i };
    return createForward(range, range, "tcp", { from });
  });
  const published = toHome(nas, forwards);
  const started = performance.now();
  expect(renderProviderRules({ ...firewall, forwards: published }).length).toBeLessThanOrEqual(
    maxProviderRules,
  );
  expect(performance.now() - started).toBeLessThan(1000);
});

function readOpening({ protocol, port, sourceIps }: ProviderRule) {
  return { protocol, range: parsePortRange(port ?? ""), sources: sourceIps.join() };
}

type SlowOpening = ReturnType<typeof readOpening>;

/** The same by the definition, one join at a time. */
function joinStepByStep(forwards: readonly PublishedForward[]): SlowOpening[] {
  const sourcesOf = ({ forward: { from } }: PublishedForward) =>
    from.length === 0
      ? everybody.join()
      : from
          .map(({ text }) => text)
          .sort()
          .join();
  const join = (sources: (forward: PublishedForward) => string) => {
    const keys = [...new Set(forwards.map(sources))].sort();
    let left: SlowOpening[] = protocols.flatMap((protocol) =>
      keys.flatMap((key) =>
        publishedPorts(
          forwards.filter((forward) => sources(forward) === key),
          protocol,
        ).map((range) => ({ protocol, range, sources: key })),
      ),
    );
    while (left.length > maxProviderRules - fixedRules) {
      const gaps = left.map((a, i) => {
        const b = left[i + 1];
        return b?.protocol === a.protocol && b.sources === a.sources
          ? b.range.first - a.range.last
          : Infinity;
      });
      const gap = Math.min(...gaps);
      if (gap === Infinity) break;
      const at = gaps.indexOf(gap);
      left = left.flatMap((a, i) => {
        const b = left[i + 1];
        if (i === at && b) return [{ ...a, range: { first: a.range.first, last: b.range.last } }];
        return i === at + 1 ? [] : [a];
      });
    }
    return left;
  };
  const exact = join(sourcesOf);
  return exact.length <= maxProviderRules - fixedRules ? exact : join(() => everybody.join());
}

function forwardRules(texts: readonly string[]): string[] {
  return renderProviderRules({ ...firewall, forwards: toHome(nas, texts.map(parseForward)) })
    .filter(({ description }) => description === "forwards")
    .map(({ protocol, port }) => `${protocol} ${port ?? ""}`);
}

/** For each `tcp 80` that forwards open, the callers who are let in. */
type Admitted = Map<string, Set<string>>;

function admittedByRules(rules: readonly ProviderRule[]): Admitted {
  return admit(rules.slice(fixedRules).map(readRule));
}

/** Over IPv6 nobody reaches a machine in the LAN, which the wall needs not say. */
function admittedByRelay(forwards: readonly PublishedForward[]): Admitted {
  return admit(
    forwards.map(({ forward: { protocols, published, from } }) => ({
      protocols,
      range: published,
      callers: callersOf(from),
    })),
  );
}

interface Opening {
  readonly protocols: readonly string[];
  readonly range: PortRange;
  readonly callers: readonly string[];
}

function readRule({ protocol, port, sourceIps }: ProviderRule): Opening {
  return {
    protocols: [protocol],
    range: parsePortRange(port ?? ""),
    callers: callersWithin(sourceIps.map(parsePrefix)),
  };
}

function callersOf(from: readonly Prefix[]): string[] {
  return callersWithin(from.length === 0 ? everybody.map(parsePrefix) : from);
}

function admit(openings: readonly Opening[]): Admitted {
  const admitted: Admitted = new Map();
  for (const { protocols, range, callers } of openings)
    for (const protocol of protocols)
      for (const port of portsOf(range)) {
        const key = `${protocol} ${port}`;
        admitted.set(key, new Set([...(admitted.get(key) ?? []), ...callers]));
      }
  return admitted;
}

interface SourceGroup {
  /** Protocol and sources. */
  readonly key: string;
  /** How many ranges its ports make. */
  readonly ranges: number;
  readonly first: number;
  readonly last: number;
}

/** What a wall with exactly the relay's openings would need: for each protocol and list of sources, its ranges. */
function groupBySources(forwards: readonly PublishedForward[]): SourceGroup[] {
  const sources = ({ forward: { from } }: PublishedForward) =>
    from.length === 0
      ? everybody.join()
      : from
          .map(({ text }) => text)
          .sort()
          .join();
  return [...Map.groupBy(forwards, sources)].flatMap(([list, group]) =>
    protocols.flatMap((protocol) => {
      const ranges = publishedPorts(group, protocol);
      const [first, last] = [ranges[0]?.first, ranges.at(-1)?.last];
      if (first === undefined || last === undefined) return [];
      return [{ key: `${protocol} ${list}`, ranges: ranges.length, first, last }];
    }),
  );
}

function boundsOf(rules: readonly ProviderRule[]): Map<string, PortRange> {
  const grouped = Map.groupBy(rules, ({ protocol, sourceIps }) => `${protocol} ${sourceIps.join()}`);
  return new Map(
    [...grouped].map(([key, group]) => {
      const ranges = group.map(({ port }) => parsePortRange(port ?? ""));
      return [
        key,
        {
          first: Math.min(...ranges.map(({ first }) => first)),
          last: Math.max(...ranges.map(({ last }) => last)),
        },
      ];
    }),
  );
}
