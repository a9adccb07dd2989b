import { createForward, parseForward } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { parsePortRange, renderPortRange } from "../network/port.ts";
import type { PortRange } from "../network/port.ts";
import { parseAddress } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import { dangerOf } from "./dangerousPorts.ts";
import { sources } from "./prefixes.ts";
import { complete, isRead, refused, show } from "./place.ts";
import type { Place, Read } from "./place.ts";
import {
  attempt,
  fields,
  flag,
  isMapping,
  isText,
  oneOf,
  optional,
  parsed,
  required,
  wholeNumber,
} from "./readers.ts";

const shortForm =
  'write "port", "published:target" or "published:target/protocol", like "80:8080" or "64738:64738/udp"';

/** A forward in Compose's short syntax, as a bare port number, or in the long form `{ published, target, protocol }`. */
export function readForward(value: unknown, place: Place): Read<Forward> {
  const forward = readEitherForm(value, place);
  if (!isRead(forward) || (isMapping(value) && value["acknowledge"] === true)) return forward;
  const danger = dangerOf(forward);
  if (danger === undefined) return forward;
  const { published, target, protocols } = forward;
  const long = `{ published: "${renderPortRange(published)}", target: "${renderPortRange(target)}", protocol: ${protocols.join("+")}, acknowledge: true }`;
  const write = isMapping(value) ? "add acknowledge: true to it" : `write ${long}`;
  return place.refuse(danger, `if you mean it, ${write}; and name those who need it with from: [prefixes]`);
}

function readEitherForm(value: unknown, place: Place): Read<Forward> {
  if (isText(value) || typeof value === "number") return readShortForm(value, place);
  if (isMapping(value)) return readLongForm(value, place);
  return place.refuse(`must be a forward; found ${show(value)}`, shortForm);
}

function readShortForm(value: string | number, place: Place): Read<Forward> {
  if (typeof value === "number" && !isPort(value)) return refuseNumber(value, place);
  const meant = meantForward(String(value));
  const mend = meant === undefined ? shortForm : `write "${meant}"`;
  return attempt(() => parseForward(String(value)), place, mend);
}

interface LongForm {
  readonly published: PortRange;
  readonly target: PortRange | undefined;
  readonly protocol: string;
  readonly to: string | undefined;
  readonly clientIp: Forward["clientIp"];
  readonly from: readonly Prefix[];
  readonly newPerSecond: number | undefined;
  readonly acknowledge: boolean;
}

const readLong = fields<LongForm>({
  published: required(readPorts, "published: 80"),
  target: optional(readPorts, undefined),
  protocol: optional(readProtocol, "tcp"),
  to: optional(
    parsed(parseLanAddress, "write the machine's address in the home's LAN, like 192.168.1.50"),
    undefined,
  ),
  clientIp: optional(oneOf(["preserve", "masquerade"]), "preserve"),
  from: optional(
    sources({
      empty: "nobody could connect",
      mend: "write the prefixes of those who may, or remove the key to let in everybody",
    }),
    [],
  ),
  newPerSecond: optional(
    wholeNumber(1, 200, "the relay allows 200 a second to any source; 5 to 50 suits most services"),
    undefined,
  ),
  acknowledge: optional(flag, false),
});

function readLongForm(value: Readonly<Record<string, unknown>>, place: Place): Read<Forward> {
  const [key = "", ...otherKeys] = Object.keys(value);
  const behind = value[key];
  // `80: 8080`, with a space, is a mapping to YAML.
  if (otherKeys.length === 0 && /^\d[\d-]*$/.test(key) && (isText(behind) || typeof behind === "number"))
    return place.refuse(
      `must be a forward; found ${show(value)}`,
      `write "${key}:${behind}", in quotes and without a space`,
    );
  const long = complete<LongForm>(readLong(value, place));
  if (!isRead(long)) return refused;
  const { published, target = published, protocol, ...options } = long;
  if (options.to !== undefined && options.from.length > 0 && options.from.every(({ family }) => family === 6))
    return place.refuse(
      `lets in IPv6 senders only, and a machine in the LAN is reached over IPv4; found from: ${options.from.map(({ text }) => text).join(", ")}`,
      "name IPv4 prefixes",
    );
  const mend = "write as many target ports as published ones";
  return attempt(() => createForward(published, target, protocol, options), place, mend);
}

function parseLanAddress(text: string): string {
  const address = parseAddress(text);
  if (address.range() !== "private" || address.kind() !== "ipv4")
    throw new Error(`"${text}" is not a private IPv4 address`);
  return address.toString();
}

function readPorts(value: unknown, place: Place): Read<PortRange> {
  if (typeof value === "number" && !isPort(value)) return refuseNumber(value, place);
  if (!isText(value) && typeof value !== "number")
    return place.refuse(
      `must be a port or a range of ports; found ${show(value)}`,
      'write 80 or "50000-50100"',
    );
  const mend = 'write a port from 1 to 65535, like 80, or a range, like "50000-50100"';
  return attempt(() => parsePortRange(String(value)), place, mend);
}

function readProtocol(value: unknown, place: Place): Read<string> {
  if (value === "tcp" || value === "udp" || value === "tcp+udp") return value;
  const meant = isText(value) ? meantProtocol(value) : undefined;
  return place.refuse(
    `must be tcp, udp or tcp+udp; found ${show(value)}`,
    `write ${meant ?? "tcp, udp or tcp+udp"}`,
  );
}

/** YAML 1.1 reads an unquoted 22:22 as the number 1342, so a number that is no port was probably two ports. */
function refuseNumber(value: number, place: Place): typeof refused {
  return place.refuse(
    `must be a port from 1 to 65535; found the number ${value}`,
    'YAML can take an unquoted a:b for one number: quote it, like "80:8080"',
  );
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

/** The forward that a text with a common mistake was meant to be: spaces, an address, capitals, `tcp,udp`, `->`. */
function meantForward(text: string): string | undefined {
  const [ports = "", ...protocol] = text
    .toLowerCase()
    .replaceAll(/\s/g, "")
    .replace(/->|=>|=/, ":")
    .replace(/^(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]*\]|\*|localhost):/, "")
    .split("/");
  const meant = protocol.length === 0 ? ports : `${ports}/${meantProtocol(protocol.join("+")) ?? "?"}`;
  try {
    parseForward(meant);
    return meant;
  } catch {
    return undefined;
  }
}

function meantProtocol(text: string): string | undefined {
  const plain = text.toLowerCase().replaceAll(/[^a-z]/g, "");
  if (plain === "tcp" || plain === "udp") return plain;
  return ["tcpudp", "udptcp", "tcpandudp", "both", "all", "any"].includes(plain) ? "tcp+udp" : undefined;
}
