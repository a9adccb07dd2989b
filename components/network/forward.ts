import { parsePortRange, portCount, rangesOverlap, renderPortRange } from "./port.ts";
import type { PortRange, Protocol } from "./port.ts";
import type { Prefix } from "./prefix.ts";

/** A published port (or range) on the relay and the port at home where it goes. */
export interface Forward {
  /** Ports on the relay's public address. */
  readonly published: PortRange;
  /** Ports at home; as many as are published. */
  readonly target: PortRange;
  readonly protocols: readonly Protocol[];
  /** IPv4 address of another machine in the home's LAN; `undefined`: the home itself, its containers included. */
  readonly to: string | undefined;
  /**
   * Whom the service sees: the caller, or (masquerade) the relay's address in the tunnel. Another machine in the LAN
   * sees the home in either case.
   */
  readonly clientIp: "preserve" | "masquerade";
  /** Who may connect; empty: everybody. */
  readonly from: readonly Prefix[];
  /** New connections a second that one source may make to one published port; `undefined`: the relay's general limit. */
  readonly newPerSecond: number | undefined;
}

/** What the long form of a forward says beyond ports and protocol. */
export type ForwardOptions = Partial<Pick<Forward, "to" | "clientIp" | "from" | "newPerSecond">>;

const protocolLists: ReadonlyMap<string, readonly Protocol[]> = new Map([
  ["tcp", ["tcp"]],
  ["udp", ["udp"]],
  ["tcp+udp", ["tcp", "udp"]],
]);

/**
 * Parses Compose's port syntax: `[published:]target[/protocol]` with protocol `tcp` (the default), `udp` or
 * `tcp+udp`: `443`, `80:8080`, `50000-50100:50000-50100/udp`, `53:5353/tcp+udp`.
 * Throws an `Error` that says what was found and what is allowed. Compose's address part (`127.0.0.1:80:80`) has no
 * meaning here and is refused.
 */
export function parseForward(text: string): Forward {
  const [ports = "", protocol = "tcp", ...rest] = text.split("/");
  if (rest.length > 0) throw new Error(`"${text}" has more than one "/"`);
  const parts = ports.split(":");
  if (parts.length > 2)
    throw new Error(`"${text}" has more than one ":"; write published:target, with no address before it`);
  const published = parsePortRange(parts[0] ?? "");
  return createForward(published, parts[1] === undefined ? published : parsePortRange(parts[1]), protocol);
}

/** A forward from its parts; `protocol` as in `parseForward`. Throws an `Error` on an unknown protocol or unequal ranges. */
export function createForward(
  published: PortRange,
  target: PortRange,
  protocol: string,
  options: ForwardOptions = {},
): Forward {
  const protocols = protocolLists.get(protocol);
  if (!protocols) throw new Error(`"${protocol}" is not a protocol; use tcp, udp or tcp+udp`);
  if (portCount(published) !== portCount(target))
    throw new Error(
      `${renderPortRange(published)} and ${renderPortRange(target)} are not the same number of ports ` +
        `(${portCount(published)} and ${portCount(target)})`,
    );
  const { to, clientIp = "preserve", from = [], newPerSecond } = options;
  return Object.freeze({
    published,
    target,
    protocols,
    to,
    clientIp,
    from: Object.freeze([...from]),
    newPerSecond,
  });
}

/** The canonical text: `443:8081/tcp`, both sides and the protocol always written, and every option that is used. */
export function renderForward(forward: Forward): string {
  const { published, target, protocols, to, clientIp, from, newPerSecond } = forward;
  return [
    `${renderPortRange(published)}:${renderPortRange(target)}/${protocols.join("+")}`,
    ...(to === undefined ? [] : [`to ${to}`]),
    ...(clientIp === "preserve" ? [] : [clientIp]),
    ...(from.length === 0 ? [] : [`from ${from.map(({ text }) => text).join(" ")}`]),
    ...(newPerSecond === undefined ? [] : [`at most ${newPerSecond} new a second`]),
  ].join(", ");
}

/** What `renderForward` wrote, taken apart again. */
export interface ForwardParts extends Pick<Forward, "published" | "target" | "protocols" | "to"> {
  /** Prefixes as they are written, a space between two; empty: everybody. */
  readonly from: string;
  /** All other options, as they are written. @example masquerade */
  readonly rest: string;
}

/** Throws an `Error` on a text that `renderForward` does not write. */
export function parseRendered(text: string): ForwardParts {
  const [ports = "", ...options] = text.split(", ");
  const { published, target, protocols } = parseForward(ports);
  const valueOf = (word: string) =>
    options.find((option) => option.startsWith(`${word} `))?.slice(word.length + 1);
  const rest = options.filter((option) => !/^(to|from) /.test(option)).join(", ");
  return { published, target, protocols, to: valueOf("to"), from: valueOf("from") ?? "", rest };
}

/** Whether a forward's packets are for the home itself, its containers included, and for no other machine in its LAN. */
export function endsAtHome({ to }: Pick<Forward, "to">): boolean {
  return to === undefined;
}

/**
 * The ports at which a forward's packets arrive on the home's address in the tunnel. For a machine behind the home
 * they are the published ones, which no other forward has, and the home translates.
 */
export function arrivalPorts(forward: Forward): PortRange {
  return endsAtHome(forward) ? forward.target : forward.published;
}

/** Whether both want one published port of one protocol. */
export function collide(a: Forward, b: Forward): boolean {
  return (
    rangesOverlap(a.published, b.published) && a.protocols.some((protocol) => b.protocols.includes(protocol))
  );
}
