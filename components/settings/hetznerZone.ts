import { domainToASCII } from "node:url";
import { fullName } from "../network/domainNames.ts";
import { isLabel, isZone } from "./domainName.ts";
import { optional, record, required, withDefault } from "./fields.ts";
import { isRead, refused, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import {
  distinct,
  flag,
  isAbsent,
  isMapping,
  isText,
  notEmpty,
  oneOf,
  textBy,
  wholeNumber,
} from "./readers.ts";
import type { Kind, Mapping } from "./readers.ts";
import { relaySections } from "./relay.ts";
import type { HetznerDnsSettings } from "./settings.ts";

/** As it is written: `reverse` may be left out, and `false` is none. */
type WrittenZone = Omit<HetznerDnsSettings, "reverse"> & { readonly reverse: string | false | undefined };

const written = record<WrittenZone>(
  {
    provider: withDefault(oneOf(["hetzner"]), {
      default: "hetzner",
      means: "Records in a zone at Hetzner's DNS, in the project of the token.",
      example: "hetzner",
    }),
    zone: required(textBy(readZone, "name of a zone, in lower case"), {
      means: "The zone that holds the names.",
      example: "example.org",
    }),
    createZone: withDefault(flag, {
      default: false,
      means: "Whether this stack makes the zone, and takes it away again.",
      example: true,
    }),
    names: withDefault(
      notEmpty(
        distinct(textBy(readName, "name in the zone"), "list of names in the zone", (name) => name),
        "is an empty list: no name would point at the relay",
        'write "@" for the zone itself, or remove the whole dns section',
      ),
      {
        default: ["@"],
        means: 'The names that point at the relay; "@" is the zone itself.',
        example: ["@", "www"],
      },
    ),
    ttlSeconds: withDefault(
      wholeNumber(
        60,
        86_400,
        "seconds",
        "Hetzner takes no less than 60; over a day, a wrong address would stick; 60 suits most",
      ),
      {
        default: 60,
        means: "How long others may remember the records. Once all works, 3600 spares them questions.",
        example: 3600,
      },
    ),
    reverse: optional(
      {
        read: readReverse,
        shape: "name in the zone, full name with a dot at its end, or false",
        schema: { anyOf: [{ type: "string" }, { enum: [false] }] },
        tables: [],
      },
      {
        otherwise: "the first of names that is no wildcard",
        means:
          "The name that the relay's addresses lead back to; false for none. It takes a relay at Hetzner.",
        example: "www",
      },
    ),
  },
  "provider: hetzner",
);

/** The `dns` section of provider `hetzner`, beside which the `relay` section stands. */
export const hetznerZone: Kind<Draft<HetznerDnsSettings>> = {
  ...written,
  read: (value, place, { relay }) => {
    const relayAtHetzner = isAtHetzner(relay);
    const { reverse: asked, ...others } = isMapping(value) ? value : {};
    const isForeign = !relayAtHetzner && !isAbsent(asked) && asked !== false;
    const draft = written.read(isForeign ? others : value, place, {});
    if (!isRead(draft)) return refused;
    if (isForeign) return { ...draft, reverse: refuseForeignReverse(asked, place.at("reverse")) };
    const { reverse } = draft;
    if (reverse === false) return { ...draft, reverse: undefined };
    return { ...draft, reverse: reverse ?? (relayAtHetzner ? usualReverse(draft) : undefined) };
  },
};

/**
 * Whether the addresses of a relay are Hetzner's, so that Hetzner can say where they lead back to. One of no known
 * provider is refused for that, and for nothing else.
 */
function isAtHetzner(relay: unknown): boolean {
  const provider = isMapping(relay) ? relay["provider"] : undefined;
  return provider === "hetzner" || !isText(provider) || !Object.hasOwn(relaySections, provider);
}

function refuseForeignReverse(reverse: unknown, place: Place): typeof refused {
  return place.refuse(
    `needs a relay at Hetzner, as an address leads back to where its owner says; found ${show(reverse)}`,
    "set it at the relay's own provider, and remove the key",
  );
}

/** What mail servers and traceroutes show of the relay, where the user does not say it. */
function usualReverse({ names, zone }: Draft<WrittenZone>): string | undefined {
  if (!isRead(names) || !isRead(zone)) return undefined;
  // A wildcard is no host's name, and neither is one with an underscore in front.
  return names.map((name) => fullName(name, zone)).find(isZone);
}

/** The zone beside a key; `undefined` where that was refused. */
function zoneOf({ zone }: Mapping): string | undefined {
  return isText(zone) && isZone(zone) ? zone : undefined;
}

/** A full name; `false` for none. */
function readReverse(value: unknown, place: Place, siblings: Mapping): Read<string | false> {
  if (value === false) return false;
  const zone = zoneOf(siblings);
  const full = isText(value) ? meantReverse(value, zone) : undefined;
  if (full !== undefined) return full;
  const dotted =
    isText(value) && isZone(value) ? `, or "${value}." with a dot at its end for that very name` : "";
  return place.refuse(
    `must be one name in the zone, or a full name, in lower case; found ${show(value)}`,
    `write it like www, www.${zone ?? "example.org"}, or "@" for the zone itself, or false for none${dotted}`,
  );
}

/** `www`, `www.example.org` and `www.example.org.` -> `www.example.org`; `relay.example.net.` -> `relay.example.net`. */
function meantReverse(text: string, zone: string | undefined): string | undefined {
  const full = text.endsWith(".") ? text.slice(0, -1) : undefined;
  if (full !== undefined) return isZone(full) ? full : undefined;
  if (zone !== undefined && (text === zone || text.endsWith(`.${zone}`)))
    return isZone(text) ? text : undefined;
  if (text === "@") return zone ?? text;
  // With a dot inside it could be meant either way.
  return isLabel(text) ? fullName(text, zone ?? "") : undefined;
}

function readZone(value: unknown, place: Place): Read<string> {
  if (isText(value) && isZone(value)) return value;
  const meant = isText(value) ? domainToASCII(value.trim().replace(/\.$/, "")) : "";
  return place.refuse(
    `must be the name of a zone, in lower case, without a dot at its end; found ${show(value)}`,
    `write ${isZone(meant) ? meant : "it like example.org"}`,
  );
}

function readName(value: unknown, place: Place, siblings: Mapping): Read<string> {
  const inside = isText(value) ? meantName(value, zoneOf(siblings)) : undefined;
  if (inside === value && inside !== undefined) return inside;
  return place.refuse(
    `must be a name inside the zone, in lower case, without the zone and without a dot at its end; found ${show(value)}`,
    inside === undefined
      ? 'write it like www, a.b or "*", or "@" for the zone itself'
      : `write ${show(inside)}`,
  );
}

/** The relative name that `text` is or was meant to be: `www` for `www.example.org.`, `@` for `example.org`. */
function meantName(text: string, zone: string | undefined): string | undefined {
  const plain = text.trim().replace(/\.$/, "").toLowerCase();
  const relative =
    zone === undefined
      ? plain
      : plain === zone
        ? "@"
        : plain.endsWith(`.${zone}`)
          ? plain.slice(0, -zone.length - 1)
          : plain;
  if (relative === "@" || relative === "*") return relative;
  const whole = `${relative}.${zone ?? ""}`;
  return whole.length <= 253 && relative.replace(/^\*\./, "").split(".").every(isLabel)
    ? relative
    : undefined;
}
