import { createForward, parseForward } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { parsePortRange, renderPortRange } from "../network/port.ts";
import type { PortRange } from "../network/port.ts";
import { parseAddress } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import { dangerOf } from "./dangerousPorts.ts";
import { optional, record, required, withDefault } from "./fields.ts";
import { complete, isRead, refused, show } from "./place.ts";
import type { Place, Read } from "./place.ts";
import { sources } from "./prefixes.ts";
import { attempt, flag, isMapping, isText, oneOf, parsed, wholeNumber } from "./readers.ts";
import type { Kind, Mapping } from "./readers.ts";

const shortForm =
  'write "port", "published:target" or "published:target/protocol", like "80:8080" or "64738:64738/udp"';

/** As it is written: every option of a `Forward` is a key of its own. */
interface LongForm extends Omit<Forward, "target" | "protocols" | "from"> {
  readonly target: PortRange | undefined;
  readonly protocol: string;
  readonly from: readonly Prefix[] | undefined;
  readonly acknowledge: boolean;
}

const ports: Kind<PortRange> = {
  read: readPorts,
  shape: "port or range, 1 to 65535",
  schema: { anyOf: [{ type: "integer", minimum: 1, maximum: 65535 }, { type: "string" }] },
  tables: [],
};

const longForm = record<LongForm>({
  published: required(ports, { means: "The port on the relay.", example: 80 }),
  target: optional(ports, {
    otherwise: "as published",
    means: "The port at home; a range has as many ports as the published one.",
    example: 8080,
  }),
  protocol: withDefault(
    {
      read: readProtocol,
      shape: "tcp, udp or tcp+udp",
      schema: { enum: ["tcp", "udp", "tcp+udp"] },
      tables: [],
    },
    { default: "tcp", means: "One protocol, or both.", example: "udp" },
  ),
  to: optional(
    parsed(
      parseLanAddress,
      "private IPv4 address",
      "write the machine's address in the home's LAN, like 192.168.1.50",
    ),
    {
      otherwise: "the home itself",
      means:
        "Another machine in the home's LAN. It sees the home as its client, since its answers would take another way.",
      example: "192.168.1.50",
    },
  ),
  clientIp: withDefault(oneOf(["preserve", "masquerade"]), {
    default: "preserve",
    means: "Whom the service sees: its caller (preserve), or the relay (masquerade).",
    example: "masquerade",
  }),
  from: optional(
    sources({
      empty: "nobody could connect",
      mend: "write the prefixes of those who may, or remove the key to let in everybody",
    }),
    { otherwise: "everybody", means: "Who may connect.", example: ["203.0.113.0/24"] },
  ),
  newPerSecond: optional(
    wholeNumber(
      1,
      200,
      "new connections a second",
      "the relay allows 200 a second to any source; 5 to 50 suits most services",
    ),
    {
      otherwise: "200 over all forwards together",
      means: "How many new connections one source may make to the port.",
      example: 20,
    },
  ),
  acknowledge: withDefault(flag, {
    default: false,
    means:
      "Write true for ports that are refused without it: SSH, databases, Docker's API, UDP services that answer more " +
      "than they were asked.",
    example: true,
  }),
});

/** A forward in Compose's short syntax, as a bare port number, or in the long form `{ published, target, protocol }`. */
export const forward: Kind<Forward> = {
  read: (value, place) => {
    const read = readEitherForm(value, place);
    return isRead(read) ? refuseDanger(read, value, place) : refused;
  },
  shape: "published:target/protocol, or mapping",
  schema: { anyOf: [{ type: "integer", minimum: 1, maximum: 65535 }, { type: "string" }, longForm.schema] },
  tables: longForm.tables,
};

function refuseDanger(forward: Forward, written: unknown, place: Place): Read<Forward> {
  if (isMapping(written) && written["acknowledge"] === true) return forward;
  const danger = dangerOf(forward);
  if (danger === undefined) return forward;
  const { published, target, protocols } = forward;
  const long = `{ published: "${renderPortRange(published)}", target: "${renderPortRange(target)}", protocol: ${protocols.join("+")}, acknowledge: true }`;
  const write = isMapping(written) ? "add acknowledge: true to it" : `write ${long}`;
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

function readLongForm(value: Mapping, place: Place): Read<Forward> {
  const [key = "", ...otherKeys] = Object.keys(value);
  const behind = value[key];
  // `80: 8080`, with a space, is a mapping to YAML.
  if (otherKeys.length === 0 && /^\d[\d-]*$/.test(key) && (isText(behind) || typeof behind === "number"))
    return place.refuse(
      `must be a forward; found ${show(value)}`,
      `write "${key}:${behind}", in quotes and without a space`,
    );
  const long = complete<LongForm>(longForm.read(value, place, {}));
  if (!isRead(long)) return refused;
  const { published, target = published, protocol, from = [], ...options } = long;
  if (options.to !== undefined && from.length > 0 && from.every(({ family }) => family === 6))
    return place.refuse(
      `lets in IPv6 senders only, and a machine in the LAN is reached over IPv4; found from: ${from.map(({ text }) => text).join(", ")}`,
      "name IPv4 prefixes",
    );
  const mend = "write as many target ports as published ones";
  return attempt(() => createForward(published, target, protocol, { ...options, from }), place, mend);
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
