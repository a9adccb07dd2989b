import { overlaps, parsePrefix } from "../network/prefix.ts";
import type { Prefix } from "../network/prefix.ts";
import { defaults } from "./defaults.ts";
import { fields, optional, parsed, wholeNumber } from "./readers.ts";
import type { TunnelSettings } from "./settings.ts";

const { tunnel } = defaults;

/** RFC 1918. Not 100.64.0.0/10 (RFC 6598): a CGNAT uses it before the very homes that this is for. */
export const privateSpace = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(parsePrefix);
/** The half of RFC 4193's unique local addresses that is meant for self-assignment. */
const private6 = parsePrefix("fd00::/8");

/** The `tunnel` section. */
export const readTunnel = fields<TunnelSettings>({
  listenPort: optional(wholeNumber(1, 65535), tunnel.listenPort),
  mtu: optional(
    wholeNumber(
      1280,
      1420,
      "IPv6 needs 1280; 1420 is what fits into 1500 bytes beside WireGuard's own; try 1412 behind PPPoE, 1280 always works",
    ),
    tunnel.mtu,
  ),
  keepaliveSeconds: optional(
    wholeNumber(
      5,
      120,
      "a NAT may forget a silent UDP mapping after two minutes, many do after 30 s, and then nothing reaches the home; " +
        "under 5 s costs traffic and gains nothing; 25 suits most",
    ),
    tunnel.keepaliveSeconds,
  ),
  prefix4: optional(
    parsed(
      parseTunnelPrefix4,
      `write a /16 to /28 that your LAN does not use, like "${tunnel.prefix4.text}"`,
    ),
    tunnel.prefix4,
  ),
  prefix6: optional(
    parsed(parseTunnelPrefix6, `write a /64 under fd00::/8, like "${tunnel.prefix6.text}"`),
    tunnel.prefix6,
  ),
  keyGeneration: optional(
    wholeNumber(1, 1_000_000, "start at 1 and raise it by one for new keys"),
    tunnel.keyGeneration,
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
