import { overlaps, parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { record, withDefault } from "./fields.ts";
import { parsed, wholeNumber } from "./readers.ts";

/** RFC 1918. Not 100.64.0.0/10 (RFC 6598): a CGNAT uses it before the very homes that this is for. */
export const privateSpace = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(parsePrefix);
/** The half of RFC 4193's unique local addresses that is meant for self-assignment. */
const private6 = parsePrefix("fd00::/8");

const [prefix4, prefix6] = ["10.77.0.0/16", "fd77::/64"] as const;

/** The `tunnel` section. */
export const tunnel = record<TunnelPlan>({
  listenPort: withDefault(wholeNumber(1, 65535, "UDP port"), {
    default: 51820,
    means: "Where WireGuard listens on the relay.",
    example: 443,
  }),
  mtu: withDefault(
    wholeNumber(
      1280,
      1420,
      "bytes",
      "IPv6 needs 1280; 1420 is what fits into 1500 bytes beside WireGuard's own; try 1412 behind PPPoE, 1280 always works",
    ),
    {
      default: 1420,
      means: "The largest packet in the tunnel. Lower it behind PPPoE (1412) or DS-Lite (1400).",
      example: 1412,
    },
  ),
  keepaliveSeconds: withDefault(
    wholeNumber(
      5,
      120,
      "seconds",
      "a NAT may forget a silent UDP mapping after two minutes, many do after 30 s, and then nothing reaches the home; " +
        "under 5 s costs traffic and gains nothing; 5 suits most, 25 a line that is paid by the megabyte",
    ),
    {
      default: 5,
      means:
        "How often a home sends something. Whenever its line gets another address, the relay knows of it after so many seconds; and the NATs before it keep their mapping. 5 s cost about 17,000 packets a day, 1.6 MB.",
      example: 20,
    },
  ),
  prefix4: withDefault(
    parsed(
      parseTunnelPrefix4,
      "private IPv4 prefix, /16 to /28",
      `write a /16 to /28 that your LAN does not use, like "${prefix4}"`,
    ),
    {
      default: prefix4,
      means: "The tunnel's IPv4 addresses. Change it where a LAN of yours uses the same.",
      example: "192.168.77.0/24",
    },
  ),
  prefix6: withDefault(
    parsed(
      parseTunnelPrefix6,
      `IPv6 prefix within ${private6.text}, a /64`,
      `write a /64 under ${private6.text}, like "${prefix6}"`,
    ),
    {
      default: prefix6,
      means: "The tunnel's IPv6 addresses.",
      example: "fd12:3456:789a:1::/64",
    },
  ),
  keyGeneration: withDefault(
    wholeNumber(1, 1_000_000, "number", "start at 1 and raise it by one for new keys"),
    {
      default: 1,
      means:
        "Raise it by one to get new WireGuard keys everywhere (docs/operate.md); the number before brings those of before back.",
      example: 2,
    },
  ),
});

function parseTunnelPrefix4(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix.family !== 4) throw new Error(`"${text}" is not an IPv4 prefix`);
  if (prefix.length < 16 || prefix.length > 28) throw new Error(`"${text}" is not a /16 to /28`);
  if (!privateSpace.some((space) => overlaps(space, prefix)))
    throw new Error(
      `"${text}" is outside ${privateSpace.map((space) => space.text).join(", ")}, the space for private networks`,
    );
  return prefix;
}

function parseTunnelPrefix6(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix.family !== 6) throw new Error(`"${text}" is not an IPv6 prefix`);
  if (prefix.length !== 64) throw new Error(`"${text}" is not a /64`);
  if (!overlaps(private6, prefix))
    throw new Error(`"${text}" is outside ${private6.text}, the space for private networks`);
  return prefix;
}
