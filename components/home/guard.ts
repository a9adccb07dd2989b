import type { TunnelAddress } from "../network/addressPlan.ts";
import { arrivalPorts, endsAtHome } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { internet6, notInternet4 } from "../network/internet.ts";
import { deviceMark, forwardedMark, lookupMark, neighbourMark, tunnelMark } from "../network/ourNumbers.ts";
import { others, passOthers, passesOthers } from "../network/othersPassing.ts";
import { namedMap, namedSet, renderTable } from "../network/nft.ts";
import type { NamedSet, Rule, SetContent } from "../network/nft.ts";
import { mergeRanges, pairPorts, portCount, renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";
import { deviceRules } from "./deviceRules.ts";
import type { AdmittedDevice } from "./deviceRules.ts";
import { beforeOtherTranslations, ownCalls } from "./ownCalls.ts";
import { udpAnswers } from "./udpAnswers.ts";

export interface HomeGuard {
  readonly home: TunnelAddress;
  readonly relay: TunnelAddress;
  readonly forwards: readonly Forward[];
  /** Devices to which the home opens something. @default none */
  readonly devices?: readonly AdmittedDevice[];
}

/** By number: a small system has no /etc/protocols, and there nft 1.0.6 does not know the second one by name. */
const icmp = 1;
const icmpv6 = 58;

/** The ports of the home's tunnel address at which forwards of a protocol arrive. */
export function openPorts(forwards: readonly Forward[], protocol: Protocol): PortRange[] {
  return mergeRanges(forwards.filter(({ protocols }) => protocols.includes(protocol)).map(arrivalPorts));
}

/** Whether the home's kernel passes packets on for us: to machines in the LAN, or from devices. */
export function passesOn(forwards: readonly Forward[], devices: readonly AdmittedDevice[]): boolean {
  return (
    forwards.some((forward) => !endsAtHome(forward)) ||
    devices.some(({ lans, exits }) => lans.length > 0 || exits)
  );
}

/**
 * The home's guard for `nft -f`: whatever the relay sends, only the forwarded ports are reached.
 *
 * It runs before Docker's address translation and before the reverse path filter (priority mangle), and judges
 * nothing that did not come through the tunnel. In the order of the rules, what each one stops or lets through:
 * packets for the LAN, a container or another address of this machine; packets of forwarded connections, as long as
 * their port is open; replies between the tunnel's two ends; senders that are nobody's on the internet, or this
 * machine's own; then the forwarded ports. Connections that the home itself began elsewhere match none of these, so
 * nothing can be slipped in.
 *
 * A sender that is found beside this home is the family, who opened the public name, or a relay that says so: it is let
 * in, and the service sees the relay in its place, so that nobody is believed to be in the LAN who is not. Its answers go
 * back into the tunnel, as all answers do.
 *
 * A forward to another machine in the LAN is translated here, and masqueraded: that machine would answer the stranger
 * through the LAN's own router, where nobody knows of the connection.
 */
export function renderGuard({ home, relay, forwards, devices = [] }: HomeGuard): string {
  const ofDevices = deviceRules(devices, home);
  const udp = forwards.some((forward) => endsAtHome(forward) && forward.protocols.includes("udp"))
    ? udpAnswers(home)
    : undefined;
  const own = ownCalls(home, forwards);
  const isPassingOn = passesOn(forwards, devices);
  const forwarded = `{ ${forwardedMark}, ${neighbourMark} }`;
  const tunnelled =
    devices.length === 0 ? forwarded : `{ ${forwardedMark}, ${deviceMark}, ${neighbourMark} }`;
  const arrives = "meta l4proto { tcp, udp } meta l4proto . th dport";
  const open = openSets.map((set) => `${arrives} @${set}`);
  const lanOpen = lanOpenSets.map((set) => `meta nfproto ipv4 ${arrives} @${set}`);
  const letIn = `ct state new ct mark set ${forwardedMark} meta mark set ${forwardedMark} accept`;
  const letNeighbourIn = `ct state new ct mark set ${neighbourMark} meta mark set ${forwardedMark} accept`;
  return renderTable({
    family: "inet",
    name: "homerelay",
    sets: [
      // There with every home, so that a forward is nothing but an element.
      ...arrivalSets(openSets, forwards.filter(endsAtHome), "changing"),
      ...lanSets(forwards.filter((forward) => !endsAtHome(forward))),
      ...own.sets,
      ...(udp?.sets ?? []),
      ...ofDevices.sets,
      ...(isPassingOn ? [passesOthers] : []),
    ],
    chains: [
      {
        name: "prerouting",
        hook: { type: "filter", hook: "prerouting", priority: "mangle", policy: "accept" },
        rules: [
          'iifname "homerelay" jump from_relay',
          {
            why: "Answers of a container or of a machine in the LAN: the mark routes them into the tunnel.",
            rule: `ct mark ${forwarded} meta mark set ${forwardedMark}`,
          },
          {
            why: "The tunnel's own packets: by the mark the reverse path filter looks for the relay on the line.",
            rule: `ct mark ${tunnelMark} meta mark set ${tunnelMark}`,
          },
        ],
      },
      {
        name: "from_relay",
        why: "Lets in what is named here, and nothing else. By the mark the reverse path filter looks for the sender behind the tunnel.",
        rules: [
          ...ofDevices.fromRelay,
          `ip daddr != ${home.ipv4} counter drop comment "not for this address"`,
          `ip6 daddr != ${home.ipv6} counter drop comment "not for this address"`,
          ...explained(
            "A forwarded connection, while its port is open; no other has this mark.",
            [...open, ...lanOpen].map(
              (port) =>
                `ct mark ${forwarded} ct state established ${port} meta mark set ${forwardedMark} accept`,
            ),
          ),
          `ct mark ${forwarded} ct state established,related meta l4proto { ${icmp}, ${icmpv6} } meta mark set ${forwardedMark} accept`,
          {
            why: "The relay's answers to this machine itself. It also calls, for all strangers where a forward hides them.",
            rule: `ip saddr ${relay.ipv4} ct mark != ${forwarded} ct state established,related meta mark set ${forwardedMark} accept`,
          },
          `ip6 saddr ${relay.ipv6} ct mark != ${forwarded} ct state established,related meta mark set ${forwardedMark} accept`,
          `ip saddr != ${relay.ipv4} ip saddr ${notInternet4} counter drop comment "not from the internet"`,
          `ip6 saddr != ${relay.ipv6} ip6 saddr != ${internet6} counter drop comment "not from the internet"`,
          'fib saddr type { local, broadcast, multicast } counter drop comment "poses as this machine"',
          {
            why: "By the mark a stranger is found behind the tunnel. Who is found elsewhere is in the LAN or in a container.",
            rule: `meta mark set ${lookupMark} fib saddr . mark oifname != "homerelay" goto from_neighbour`,
          },
          ...[...open, ...lanOpen].map((port) => `${port} ${letIn}`),
          "icmp type echo-request limit rate 5/second accept",
          "icmpv6 type echo-request limit rate 5/second accept",
          'counter drop comment "no forward"',
        ],
      },
      {
        name: "from_neighbour",
        why: "The family by the public name, or who poses as them.",
        rules: [
          ...[...open, ...lanOpen].map((port) => `${port} ${letNeighbourIn}`),
          'counter drop comment "poses as a neighbour"',
        ],
      },
      ...(isPassingOn ? [others] : []),
      ofDevices.fromDevice,
      ...ofDevices.outOfTheHouse,
      {
        name: "to_lan",
        why: "Before Docker's translation, which may have published the same port.",
        hook: { type: "nat", hook: "prerouting", priority: beforeOtherTranslations, policy: "accept" },
        rules: [
          `iifname "homerelay" ct mark ${forwarded} ip daddr ${home.ipv4} meta l4proto { tcp, udp } dnat ip addr . port to meta l4proto . th dport map @lan`,
        ],
      },
      {
        name: "senders",
        why: "Nobody is believed to be in the LAN who came out of the tunnel: the service sees the relay.",
        hook: { type: "nat", hook: "input", priority: 100, policy: "accept" },
        rules: [
          `ct mark ${neighbourMark} meta nfproto ipv4 snat ip to ${relay.ipv4}`,
          `ct mark ${neighbourMark} meta nfproto ipv6 snat ip6 to ${relay.ipv6}`,
          ...own.input,
        ],
      },
      {
        name: "forward",
        hook: { type: "filter", hook: "forward", priority: "filter", policy: "accept" },
        rules: [
          ...(isPassingOn ? [passOthers] : []),
          `oifname "homerelay" ct mark != ${tunnelled} counter drop comment "the tunnel is no way out for others"`,
        ],
      },
      {
        name: "from_home",
        hook: { type: "nat", hook: "postrouting", priority: "srcnat", policy: "accept" },
        rules: [
          {
            why: "A machine in the LAN would answer a stranger through its own router, which knows nothing of the connection.",
            rule: `ct mark ${forwarded} ct direction original meta l4proto { tcp, udp } ip daddr . meta l4proto . th dport @lan_targets masquerade`,
          },
          `iifname "homerelay" ct mark ${neighbourMark} meta nfproto ipv4 snat ip to ${relay.ipv4}`,
          `iifname "homerelay" ct mark ${neighbourMark} meta nfproto ipv6 snat ip6 to ${relay.ipv6}`,
          ...own.postrouting,
          ...ofDevices.fromHome,
        ],
      },
      ...own.chains,
      ...(udp?.chains ?? []),
      {
        name: "output",
        hook: { type: "route", hook: "output", priority: "mangle", policy: "accept" },
        rules: [
          {
            why: "What WireGuard sends, told by its socket.",
            rule: `meta mark ${tunnelMark} ct mark set ${tunnelMark} accept`,
          },
          ...(udp === undefined
            ? []
            : explained(
                "A service that speaks first from a forwarded port: its answer is let in as a forwarded packet is.",
                [
                  `ip saddr ${home.ipv4} ip daddr != ${notInternet4}`,
                  `ip6 saddr ${home.ipv6} ip6 daddr ${internet6}`,
                ].flatMap((way) =>
                  openSets.map(
                    (set) =>
                      `meta l4proto udp ct state new ${way} meta l4proto . th sport @${set} ct mark set ${forwardedMark}`,
                  ),
                ),
              )),
          {
            why: "Answers of a service on this machine. To a stranger they have their way by their sender, as a rule, and keep it.",
            rule: `oifname != "homerelay" ct mark ${forwardedMark} meta mark set ${forwardedMark}`,
          },
          {
            why: "The service knows a neighbour as the relay; where its answer really goes is found after this.",
            rule: `ct mark ${neighbourMark} meta mark set ${forwardedMark}`,
          },
        ],
      },
    ],
  });
}

/** Where forwards arrive. Single ports and ranges apart: every packet asks for its port, and a hash answers sooner. */
type ArrivalSets = readonly [single: string, ranges: string];
const openSets: ArrivalSets = ["open", "open_ranges"];
const lanOpenSets: ArrivalSets = ["lan_open", "lan_open_ranges"];

function arrivalSets(
  [single, ranges]: ArrivalSets,
  forwards: readonly Forward[],
  content: SetContent,
): NamedSet[] {
  const type = "inet_proto . inet_service";
  const isSingle = (forward: Forward) => portCount(arrivalPorts(forward)) === 1;
  // Each by itself, also where two of them touch.
  const ports = new Set(
    (["tcp", "udp"] as const).flatMap((protocol) =>
      forwards
        .filter((forward) => isSingle(forward) && forward.protocols.includes(protocol))
        .map((forward) => arrivalPorts(forward).first)
        .sort((a, b) => a - b)
        .map((port) => `${protocol} . ${port}`),
    ),
  );
  const wider = forwards.filter((forward) => !isSingle(forward));
  return [
    namedSet(single, type, [...ports], { content }),
    namedSet(
      ranges,
      type,
      (["tcp", "udp"] as const).flatMap((protocol) =>
        openPorts(wider, protocol).map((range) => `${protocol} . ${renderPortRange(range)}`),
      ),
      { flags: "interval", content },
    ),
  ];
}

/** One reason for several rules. */
function explained(why: string, [first, ...others]: readonly string[]): Rule[] {
  return first === undefined ? [] : [{ why, rule: first }, ...others];
}

/** For the forwards to other machines in the LAN. */
function lanSets(forwards: readonly Forward[]): NamedSet[] {
  const port = "inet_proto . inet_service";
  const targets = forwards.flatMap(lanTargets);
  const translations = targets.map(
    ({ protocol, arrival, to, target }) => `${protocol} . ${arrival} : ${to} . ${target}`,
  );
  const reached = new Set(targets.map(({ protocol, to, target }) => `${to} . ${protocol} . ${target}`));
  return [
    ...arrivalSets(lanOpenSets, forwards, forwards.length === 0 ? "rendered" : "changing"),
    namedMap("lan", `${port} : ipv4_addr . inet_service`, translations),
    namedSet("lan_targets", `ipv4_addr . ${port}`, [...reached]),
  ];
}

interface LanTarget {
  readonly protocol: Protocol;
  /** Port on the home's tunnel address. */
  readonly arrival: number;
  readonly to: string;
  /** Port on the machine in the LAN. */
  readonly target: number;
}

function lanTargets(forward: Forward): LanTarget[] {
  const { to, protocols, target } = forward;
  if (to === undefined) return [];
  return protocols.flatMap((protocol) =>
    pairPorts(arrivalPorts(forward), target).map(([arrival, port]) => ({
      protocol,
      arrival,
      to,
      target: port,
    })),
  );
}
