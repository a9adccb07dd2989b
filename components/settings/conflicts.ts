import { peerAddress } from "../network/addressPlan.ts";
import { arrivalPorts, collide, renderForward } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { overlaps, parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import { mergeRanges, portCount, rangesOverlap, renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";
import type { WrittenHome } from "./homes.ts";
import { isRead } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import type { RelaySettings, SshSettings, TunnelSettings } from "./settings.ts";

/** A home that could be read at least in part, and where it was written. */
interface PlacedHome {
  readonly place: Place;
  readonly home: Draft<WrittenHome>;
}

interface PlacedForward {
  readonly place: Place;
  readonly forward: Forward;
  /** `home nas`, or the home's key where its name was refused. */
  readonly owner: string;
}

/** What is right on its own and wrong together. Whatever was refused before is left out of the comparison. */
export function refuseConflicts(
  homes: readonly Read<Draft<WrittenHome>>[],
  homesPlace: Place,
  relay: Read<Draft<RelaySettings>>,
  tunnel: Read<Draft<TunnelSettings>>,
): void {
  const placed = homes.flatMap((home, i) => (isRead(home) ? [{ place: homesPlace.at(i), home }] : []));
  const forwards = placed.flatMap(placeForwards);
  if (isRead(relay) && isRead(relay.sshPort))
    refuseOwnPort(forwards, relay.sshPort, "tcp", "SSH", moveSshAway(relay));
  if (isRead(tunnel) && isRead(tunnel.listenPort))
    refuseOwnPort(
      forwards,
      tunnel.listenPort,
      "udp",
      "WireGuard",
      "move WireGuard away with home-relay:tunnel.listenPort",
    );
  refuseCollisions(forwards);
  for (const home of placed) {
    refuseSharedArrivals(placeForwards(home));
    refuseScarcePorts(home);
  }
  refuseRepeatedNames(placed);
  refuseSecondLocal(placed);
  refuseSharedMachines(placed, relay);
  if (!isRead(tunnel)) return;
  if (isRead(tunnel.prefix4) && isRead(tunnel.prefix6))
    refuseSharedAddresses(placed, tunnel.prefix4, tunnel.prefix6);
  const prefixes: readonly Read<Prefix>[] = [tunnel.prefix4, tunnel.prefix6];
  refuseHomesInTunnel(placed, prefixes.filter(isRead));
  refuseTargetsInTunnel(forwards, prefixes.filter(isRead));
}

function placeForwards({ place, home }: PlacedHome): PlacedForward[] {
  if (!isRead(home.forwards)) return [];
  const owner = isRead(home.name) ? `home ${home.name}` : place.path;
  return home.forwards.flatMap((forward, i) =>
    isRead(forward) ? [{ place: place.at("forwards").at(i), forward, owner }] : [],
  );
}

/** A forward over a port on which the relay itself listens would lock the operator or the tunnel out. */
function refuseOwnPort(
  forwards: readonly PlacedForward[],
  port: number,
  protocol: Protocol,
  service: string,
  moveAway: string,
): void {
  for (const { place, forward } of forwards)
    if (forward.protocols.includes(protocol) && rangesOverlap(forward.published, { first: port, last: port }))
      place.refuse(
        `publishes ${port}/${protocol}, where the relay's own ${service} listens; found "${renderForward(forward)}"`,
        `publish another port, or ${moveAway}`,
      );
}

function moveSshAway({ provider }: Draft<RelaySettings>): string {
  return provider === "ssh"
    ? "move sshd away there, then change home-relay:relay.port"
    : "move SSH away with home-relay:relay.sshPort";
}

/**
 * Names each two forwards that want one public port. A sweep over the sorted ports, because the comparison of each
 * with each takes a second at 10,000 forwards.
 */
function refuseCollisions(forwards: readonly PlacedForward[]): void {
  const order = new Map(forwards.map((forward, i) => [forward, i]));
  const compare = (a: PlacedForward, b: PlacedForward) => (order.get(a) ?? 0) - (order.get(b) ?? 0);
  const rivals = new Map<PlacedForward, Set<PlacedForward>>();
  for (const protocol of ["tcp", "udp"] as const) {
    const wanted = forwards.filter(({ forward }) => forward.protocols.includes(protocol));
    let open: PlacedForward[] = [];
    for (const next of wanted.sort((a, b) => a.forward.published.first - b.forward.published.first)) {
      open = open.filter(({ forward }) => collide(forward, next.forward));
      for (const other of open) {
        const [earlier, later] = compare(other, next) < 0 ? [other, next] : [next, other];
        rivals.set(later, (rivals.get(later) ?? new Set()).add(earlier));
      }
      open.push(next);
    }
  }
  for (const [later, all] of [...rivals].sort(([a], [b]) => compare(a, b)))
    for (const earlier of [...all].sort(compare)) refuseCollision(later, earlier);
}

function refuseCollision(later: PlacedForward, earlier: PlacedForward): void {
  later.place.refuse(
    `publishes ${renderShared(later.forward, earlier.forward)} for ${later.owner}, which ${earlier.place.path} ` +
      `publishes for ${earlier.owner}; found "${renderForward(later.forward)}" and "${renderForward(earlier.forward)}"`,
    "a public port leads to one place: publish another port in one of them",
  );
}

/** A machine in the LAN is told by the port at which its packets arrive at home, which so cannot be the home's own. */
function refuseSharedArrivals(forwards: readonly PlacedForward[]): void {
  const own = forwards.filter(({ forward }) => forward.to === undefined);
  for (const lan of forwards.filter(({ forward }) => forward.to !== undefined)) {
    const rival = own.find(
      ({ forward }) =>
        rangesOverlap(arrivalPorts(forward), arrivalPorts(lan.forward)) &&
        forward.protocols.some((protocol) => lan.forward.protocols.includes(protocol)),
    );
    if (rival !== undefined)
      lan.place.refuse(
        `passes through the home's port ${renderPortRange(lan.forward.published)}, where ${rival.place.path} ends; ` +
          `found "${renderForward(lan.forward)}" and "${renderForward(rival.forward)}"`,
        "publish the LAN machine's service on another port",
      );
  }
}

/** Where Linux takes the port from when a program calls somebody (net.ipv4.ip_local_port_range, as it comes). */
const callingPorts: PortRange = { first: 32768, last: 60999 };
/** As many as a busy server at home has calls open at a time, many times over. */
const fewestCallingPorts = 4096;

/** A home gives the ports of its UDP forwards to none of its own programs, which need some to call others. */
function refuseScarcePorts(home: PlacedHome): void {
  const own = placeForwards(home).filter(
    ({ forward }) => forward.to === undefined && forward.protocols.includes("udp"),
  );
  const taken = mergeRanges(own.map(({ forward }) => arrivalPorts(forward)))
    .filter((range) => rangesOverlap(range, callingPorts))
    .map((range) => ({
      first: Math.max(range.first, callingPorts.first),
      last: Math.min(range.last, callingPorts.last),
    }))
    .reduce((sum, range) => sum + portCount(range), 0);
  const all = portCount(callingPorts);
  if (all - taken >= fewestCallingPorts) return;
  home.place
    .at("forwards")
    .refuse(
      `take ${taken} of the ${all} ports, ${renderPortRange(callingPorts)}, from which the home's own programs call others; ` +
        `at least ${fewestCallingPorts} have to be left`,
      "forward fewer UDP ports there, or to targets below 32768",
    );
}

function renderShared(a: Forward, b: Forward): string {
  const shared: PortRange = {
    first: Math.max(a.published.first, b.published.first),
    last: Math.min(a.published.last, b.published.last),
  };
  return `${renderPortRange(shared)}/${a.protocols.filter((protocol) => b.protocols.includes(protocol)).join("+")}`;
}

function refuseRepeatedNames(homes: readonly PlacedHome[]): void {
  const first = new Map<string, Place>();
  for (const { place, home } of homes) {
    if (!isRead(home.name)) continue;
    const before = first.get(home.name);
    if (before === undefined) first.set(home.name, place);
    else
      place
        .at("name")
        .refuse(
          `repeats ${before.path}.name; found "${home.name}" in both`,
          "give each home a name of its own",
        );
  }
}

/** There is one machine that runs this program. */
function refuseSecondLocal(homes: readonly PlacedHome[]): void {
  const [first, ...others] = homes.filter(({ home }) => home.install === "local");
  for (const { place } of others)
    place
      .at("install")
      .refuse(
        `makes this machine a second home, after ${first?.place.path ?? ""}; found local in both`,
        "write one home with the forwards of both, or install: ssh for the one that is another machine",
      );
}

/** Each end sets up its machine as its own, so one machine can be one end only. */
function refuseSharedMachines(homes: readonly PlacedHome[], relay: Read<Draft<RelaySettings>>): void {
  const first = new Map<string, string>();
  if (isRead(relay) && relay.provider === "ssh") first.set(machineOf(relay), "home-relay:relay");
  for (const { place, home } of homes) {
    if (!isRead(home.ssh) || !home.ssh || !isRead(home.ssh.host) || !isRead(home.ssh.port)) continue;
    const { host, port } = home.ssh;
    const machine = machineOf(home.ssh);
    const before = first.get(machine);
    if (before === undefined) first.set(machine, place.path);
    else
      place
        .at("ssh")
        .at("host")
        .refuse(
          `is the machine of ${before}; found "${host}" port ${port} in both`,
          "a machine is one home, with all of its forwards, and no relay besides: remove one of the two",
        );
  }
}

/** With the key, since one address behind two different gates is two machines. */
function machineOf({ host, port, hostKey }: Draft<SshSettings>): string {
  return [host, port, hostKey].map(String).join(" ").toLowerCase();
}

/** An address comes from the name alone, so two names can, rarely, fall on one. */
function refuseSharedAddresses(homes: readonly PlacedHome[], prefix4: Prefix, prefix6: Prefix): void {
  const first = new Map<string, { readonly place: Place; readonly name: string }>();
  for (const { place, home } of homes) {
    if (!isRead(home.name)) continue;
    const { ipv4 } = peerAddress(prefix4, prefix6, home.name);
    const before = first.get(ipv4);
    if (before === undefined) first.set(ipv4, { place, name: home.name });
    else if (before.name !== home.name)
      place
        .at("name")
        .refuse(
          `gives the tunnel address ${ipv4}, as ${before.place.path}.name does; found "${home.name}" and "${before.name}"`,
          "rename one of the two homes: the address comes from the name",
        );
  }
}

/** With its LAN inside the tunnel's prefix, a home would send its LAN's traffic into the tunnel. */
function refuseHomesInTunnel(homes: readonly PlacedHome[], prefixes: readonly Prefix[]): void {
  for (const { place, home } of homes) {
    if (!isRead(home.ssh) || home.ssh === undefined || !isRead(home.ssh.host)) continue;
    const { host } = home.ssh;
    const inside = prefixes.find((prefix) => isWithin(host, prefix));
    if (inside !== undefined)
      place
        .at("ssh")
        .at("host")
        .refuse(
          `lies within the tunnel's own addresses, ${inside.text}; found "${host}"`,
          `give the tunnel addresses that your LAN does not use, with home-relay:tunnel.prefix${inside.family}`,
        );
  }
}

/** Another home is not a machine in this one's LAN. */
function refuseTargetsInTunnel(forwards: readonly PlacedForward[], prefixes: readonly Prefix[]): void {
  for (const { place, forward } of forwards) {
    const { to } = forward;
    const inside = to === undefined ? undefined : prefixes.find((prefix) => isWithin(to, prefix));
    if (inside !== undefined)
      place
        .at("to")
        .refuse(
          `lies within the tunnel's own addresses, ${inside.text}; found "${to ?? ""}"`,
          "write the machine's address in the LAN; a forward to another home belongs under that home",
        );
  }
}

function isWithin(host: string, prefix: Prefix): boolean {
  try {
    return overlaps(parsePrefix(host), prefix);
  } catch {
    // A name, not an address.
    return false;
  }
}
