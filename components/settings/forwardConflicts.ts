import { arrivalPorts, collide, endsAtHome, renderForward } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { mergeRanges, portCount, rangesOverlap, renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";
import { isWithin } from "./isWithin.ts";
import type { Place } from "./place.ts";
import { readItems } from "./written.ts";
import type { Written } from "./written.ts";

interface PlacedForward {
  readonly place: Place;
  readonly forward: Forward;
  /** `home nas`, or the home's key where its name was refused. */
  readonly owner: string;
}

/** Forwards that are right on their own, and wrong beside another one or what the relay and the home need themselves. */
export function refuseForwardConflicts(written: Written): void {
  const byHome = written.homes.map(placeForwards);
  const forwards = byHome.flat();
  refuseSshPort(forwards, written);
  refuseWireguardPort(forwards, written);
  refuseCollisions(forwards);
  for (const [i, home] of written.homes.entries()) {
    const own = byHome[i] ?? [];
    refuseSharedArrivals(own);
    refuseScarcePorts(own, home.place.at("forwards"));
  }
}

function placeForwards({ value: home, place }: Written["homes"][number]): PlacedForward[] {
  const owner = home.name === undefined ? place.path : `home ${home.name}`;
  return readItems(home.forwards, place.at("forwards")).map((forward) => ({
    place: forward.place,
    forward: forward.value,
    owner,
  }));
}

function refuseSshPort(forwards: readonly PlacedForward[], { relay }: Written): void {
  if (relay.value === undefined) return;
  const { sshPort, moveSsh } = relay.value;
  refuseOwnPort(forwards, sshPort, "tcp", "SSH", moveSsh);
}

function refuseWireguardPort(forwards: readonly PlacedForward[], { tunnel }: Written): void {
  const move = `move WireGuard away with ${tunnel.place.at("listenPort").path}`;
  refuseOwnPort(forwards, tunnel.value.listenPort, "udp", "WireGuard", move);
}

/** A forward over a port on which the relay itself listens would lock the operator or the tunnel out. */
function refuseOwnPort(
  forwards: readonly PlacedForward[],
  port: number | undefined,
  protocol: Protocol,
  service: string,
  moveAway: string,
): void {
  if (port === undefined) return;
  for (const { place, forward } of forwards)
    if (forward.protocols.includes(protocol) && rangesOverlap(forward.published, { first: port, last: port }))
      place.refuse(
        `publishes ${port}/${protocol}, where the relay's own ${service} listens; found "${renderForward(forward)}"`,
        `publish another port, or ${moveAway}`,
      );
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
  const own = forwards.filter(({ forward }) => endsAtHome(forward));
  for (const lan of forwards.filter(({ forward }) => !endsAtHome(forward))) {
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
function refuseScarcePorts(forwards: readonly PlacedForward[], place: Place): void {
  const own = forwards.filter(({ forward }) => endsAtHome(forward) && forward.protocols.includes("udp"));
  const taken = mergeRanges(own.map(({ forward }) => arrivalPorts(forward)))
    .filter((range) => rangesOverlap(range, callingPorts))
    .map((range) => ({
      first: Math.max(range.first, callingPorts.first),
      last: Math.min(range.last, callingPorts.last),
    }))
    .reduce((sum, range) => sum + portCount(range), 0);
  const all = portCount(callingPorts);
  if (all - taken >= fewestCallingPorts) return;
  place.refuse(
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

/** Another home is not a machine in this one's LAN. */
export function refuseTargetsInTunnel({ homes, tunnel }: Written): void {
  const prefixes = [tunnel.value.prefix4, tunnel.value.prefix6];
  for (const { place, forward } of homes.flatMap(placeForwards)) {
    const inside = prefixes.find((prefix) => isWithin(forward.to, prefix));
    if (inside !== undefined)
      place
        .at("to")
        .refuse(
          `lies within the tunnel's own addresses, ${inside.text}; found "${forward.to ?? ""}"`,
          "write the machine's address in the LAN; a forward to another home belongs under that home",
        );
  }
}
