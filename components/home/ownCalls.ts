import type { TunnelAddress } from "../network/addressPlan.ts";
import type { CalledRelay } from "../network/calledRelay.ts";
import { endsAtHome } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { notInternet4 } from "../network/internet.ts";
import { proofGroup } from "../network/ourNumbers.ts";
import { namedMap, namedSet } from "../network/nft.ts";
import type { Chain, NamedSet, Rule } from "../network/nft.ts";
import { pairPorts, renderPortRange } from "../network/port.ts";
import type { PortRange } from "../network/port.ts";

/** Parts of a home's guard: its sets and its chains. */
export interface OwnCalls {
  readonly sets: readonly NamedSet[];
  readonly chains: readonly Chain[];
  /** For a chain that translates senders of what comes in from others, and of what is sent from here. */
  readonly input: readonly Rule[];
  readonly postrouting: readonly Rule[];
}

/** Before Docker's translation, and whatever else has the usual place. */
export const beforeOtherTranslations = -110;

/**
 * What this home and its containers send to the relay's public address goes to their own service at once where it would
 * come back out of the tunnel with an address of this very machine as its sender, to which no answer can be sent into
 * the tunnel: with IPv6, and with IPv4 where the home has a public address on its own card. Behind a router that
 * translates it comes back from the router's or the carrier's address, and all is well; and there Docker's own
 * translation of the published port still applies, of which a connection has only one.
 *
 * `relay4` and `relay6`, the public addresses, are known once there is a relay: join-relay.sh sets them.
 */
export function ownCalls(home: TunnelAddress, forwards: readonly Forward[]): OwnCalls {
  const port = "inet_proto . inet_service";
  const here = forwards.filter(endsAtHome);
  const public4 = `ip saddr != ${notInternet4} ip daddr @relay4 meta l4proto { tcp, udp }`;
  const calls = [
    `${public4} dnat ip addr . port to meta l4proto . th dport map @own4`,
    `${public4} dnat ip to meta l4proto . th dport map @own_ranges4`,
    "ip6 daddr @relay6 meta l4proto { tcp, udp } dnat ip6 addr . port to meta l4proto . th dport map @own6",
    "ip6 daddr @relay6 meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map @own_ranges6",
  ];
  const asHome = (where: string): readonly Rule[] => [
    {
      why: "A UDP service that is bound to no address answers a call from here from the address that was called, if that is the caller's.",
      rule: `${where} meta l4proto udp ct original ip daddr @relay4 snat ip to ${home.ipv4}`,
    },
    `${where} meta l4proto udp ct original ip6 daddr @relay6 snat ip6 to ${home.ipv6}`,
  ];
  const changing = { content: "changing" } as const;
  const range = { flags: "interval", content: "changing" } as const;
  return {
    sets: [
      namedSet("relay4", "ipv4_addr", [], { ...changing, why: "The relay's public addresses." }),
      namedSet("relay6", "ipv6_addr", [], changing),
      namedMap("own4", `${port} : ipv4_addr . inet_service`, singles(forwards, home.ipv4), {
        ...changing,
        why: "Where this home's own calls to published ports go.",
      }),
      namedMap("own_ranges4", `${port} : ipv4_addr`, ranges(forwards, home.ipv4), range),
      namedMap("own6", `${port} : ipv6_addr . inet_service`, singles(here, home.ipv6), changing),
      namedMap("own_ranges6", `${port} : ipv6_addr`, ranges(here, home.ipv6), range),
    ],
    input: asHome('iifname != "homerelay"'),
    postrouting: asHome('oifname "lo"'),
    chains: [
      {
        name: "called_by_others",
        hook: { type: "nat", hook: "prerouting", priority: beforeOtherTranslations, policy: "accept" },
        rules: ['iifname != "homerelay" jump own_calls'],
      },
      {
        name: "called_here",
        hook: { type: "nat", hook: "output", priority: beforeOtherTranslations, policy: "accept" },
        rules: [
          { why: "The proof calls from outside.", rule: `meta skgid ${proofGroup} return` },
          "jump own_calls",
        ],
      },
      {
        name: "own_calls",
        why: "What is sent from here to the relay's public address goes to the service at once.",
        rules: calls,
      },
    ],
  };
}

/**
 * Behind the guard: nft then reads the relay's addresses along with it, once the file is there. A name with a pattern in
 * it may name nothing.
 */
export const loadRelayAddresses = 'include "/etc/homerelay/relay.nf[t]"\n';

/** That file, as join-relay.sh writes it. */
export function renderRelayAddresses({ ipv4Address, ipv6Address }: CalledRelay): string {
  return [
    "flush set inet homerelay relay4",
    "flush set inet homerelay relay6",
    `add element inet homerelay relay4 { ${ipv4Address} }`,
    ...(ipv6Address === undefined ? [] : [`add element inet homerelay relay6 { ${ipv6Address} }`]),
    "",
  ].join("\n");
}

/** One element a port where the port changes on its way. */
function singles(forwards: readonly Forward[], home: string): string[] {
  return forwards
    .filter(translates)
    .flatMap(({ published, target, protocols, to = home }) =>
      protocols.flatMap((protocol) =>
        pairPorts(published, target).map(([from, port]) => `${protocol} . ${from} : ${to} . ${port}`),
      ),
    );
}

/** One element a range where every port stays the same. */
function ranges(forwards: readonly Forward[], home: string): string[] {
  return forwards
    .filter((forward) => !translates(forward))
    .flatMap(({ published, protocols, to = home }) =>
      protocols.map((protocol) => `${protocol} . ${renderPortRange(published)} : ${to}`),
    );
}

function translates({
  published,
  target,
}: {
  readonly published: PortRange;
  readonly target: PortRange;
}): boolean {
  return published.first !== target.first;
}
