import { createHash } from "node:crypto";
import { arrivalPorts } from "../network/forward.ts";
import { namedMap, namedSet } from "../network/nft.ts";
import type { NamedSet, Rule } from "../network/nft.ts";
import { portCount, renderPortRange } from "../network/port.ts";
import type { PublishedForward } from "../network/publishedForward.ts";
import { answers, elements } from "./publishedElements.ts";
import type { Family } from "./publishedElements.ts";

/** Parts of the relay's ruleset. */
export interface OpenFlowRules {
  readonly sets: readonly NamedSet[];
  /** For all that comes in, before the tracker sees it. */
  readonly zones: readonly Rule[];
  /** For packets that are passed on, of whatever state, by their protocol. */
  readonly tcp: readonly Rule[];
  readonly udp: readonly Rule[];
}

/**
 * How an open UDP flow follows a forward that is changed or removed. The connection tracker remembers for minutes where
 * a flow was led when it began, and each packet, let through or not, makes it remember for longer: so the entry has to
 * lose its packets. It is looked for by addresses, ports and a zone, and each way that a forward can go has a zone of
 * its own. After a change, a caller's next packet finds no entry in its new zone, and begins a flow to the new target.
 * What a service sends in a flow that has left it finds the old entry, which no zone parts, and is dropped.
 *
 * Only the callers' half of an entry is in the zone (`original`), so that all else, and answers to what this machine
 * itself asked from such a port, is found as ever. An error (ICMP) holds the beginning of the packet that it is about, as
 * the relay had sent it: its zone goes by that packet's source port.
 *
 * A TCP connection ends by itself, so one whose forward leads elsewhere now may stay; it is cut when nobody publishes its
 * port any more.
 */
export function openFlowRules(forwards: readonly PublishedForward[], listenPort: number): OpenFlowRules {
  const udp = forwards.filter(({ forward }) => forward.protocols.includes("udp"));
  const zones = elements(udp, (protocol, range, published) =>
    protocol === "udp" ? [`${renderPortRange(range)} : ${zoneOf(published)}`] : [],
  );
  const map = { isTypeOf: true, flags: "interval" };
  return {
    sets: [
      namedMap("udp_zones", "udp dport : ct zone", zones, {
        ...map,
        why: "A number for each home, and for the distance by which a port changes on its way.",
      }),
      namedMap("udp_zones_of_errors", "ip id : ct zone", zones, {
        ...map,
        why: "The same, for ports that are read out of an error: to nft they are no ports.",
      }),
      ...(["ipv4", "ipv6"] as const).flatMap((family) => targetSets(udp, family)),
    ],
    zones: [
      {
        why: "A flow whose forward has changed is not known any more, and begins anew.",
        rule: `meta l4proto udp udp dport != ${listenPort} fib daddr type local ct original zone set udp dport map @udp_zones`,
      },
      `icmp type { destination-unreachable, time-exceeded, parameter-problem } @th,136,8 17 fib daddr type local ct original zone set @th,224,16 map @udp_zones_of_errors`,
      `icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } @th,112,8 17 fib daddr type local ct original zone set @th,384,16 map @udp_zones_of_errors`,
    ],
    tcp: [
      {
        why: "Also packets of open connections: a forward that is removed is cut at once.",
        rule: 'meta l4proto tcp ct status dnat ct original proto-dst != @published_tcp ct original proto-dst != @published_tcp_ranges counter drop comment "no longer published"',
      },
    ],
    udp: (["ipv4", "ipv6"] as const).map((family) => {
      const { number, ip } = names[family];
      const way = `ct original proto-dst . ct reply ${ip} saddr . ct reply proto-src`;
      return `iifname "homerelay" meta nfproto ${family} meta l4proto udp ct status dnat ${way} != @udp_targets${number} ${way} != @udp_target_ranges${number} counter drop comment "leads elsewhere now"`;
    }),
  };
}

const names = { ipv4: { number: 4, ip: "ip" }, ipv6: { number: 6, ip: "ip6" } } as const;

/** 1-65535, in all likelihood another one for another way; 0 is where everything else is. */
function zoneOf({ forward, address }: PublishedForward): number {
  const distance = arrivalPorts(forward).first - forward.published.first;
  const digest = createHash("sha256").update(`${address.ipv4} ${distance}`).digest();
  return 1 + (digest.readUInt16BE() % 65535);
}

/** `published . home . arrival`. Single ports apart from ranges: a hash answers sooner. */
function targetSets(udp: readonly PublishedForward[], family: Family): NamedSet[] {
  const { number } = names[family];
  const type = `inet_service . ${family}_addr . inet_service`;
  const targets = (isWanted: (ports: number) => boolean) =>
    elements(
      udp.filter(
        (published) => answers(published, family) && isWanted(portCount(published.forward.published)),
      ),
      (protocol, range, { forward, address }) =>
        protocol === "udp"
          ? [`${renderPortRange(range)} . ${address[family]} . ${renderPortRange(arrivalPorts(forward))}`]
          : [],
    );
  return [
    namedSet(
      `udp_targets${number}`,
      type,
      targets((ports) => ports === 1),
    ),
    namedSet(
      `udp_target_ranges${number}`,
      type,
      targets((ports) => ports > 1),
      { flags: "interval" },
    ),
  ];
}
