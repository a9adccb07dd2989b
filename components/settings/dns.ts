import { domainToASCII } from "node:url";
import { fullName } from "../network/domainNames.ts";
import { defaults } from "./defaults.ts";
import { isLabel, isZone } from "./domainName.ts";
import { dynDnsKeys, readDynDns } from "./dynDns.ts";
import { isRead, refused, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import {
  distinct,
  fields,
  flag,
  isAbsent,
  isMapping,
  isText,
  oneOf,
  optional,
  required,
  wholeNumber,
} from "./readers.ts";
import type { Reader } from "./readers.ts";
import type { DnsSettings, HetznerDnsSettings } from "./settings.ts";

export interface DnsContext {
  /** Whether the relay's addresses are Hetzner's. */
  readonly relayAtHetzner: boolean;
}

/** The `dns` section; nothing, or an empty mapping, is `undefined`: no name points at the relay. */
export function readDns(
  value: unknown,
  place: Place,
  context: DnsContext,
): Read<Draft<DnsSettings>> | undefined {
  if (isAbsent(value) || (isMapping(value) && Object.keys(value).length === 0)) return undefined;
  const written = isMapping(value) ? value : {};
  const provider = readProvider(written["provider"], place.at("provider"));
  if (!isRead(provider)) return refused;
  const own = isMapping(value) ? withoutForeignKeys(value, provider, place) : value;
  if (provider === "hetzner") return readHetzner(own, place, context);
  return readDynDns(provider, own, place);
}

const keysOf = {
  hetzner: ["provider", "zone", "createZone", "names", "ttlSeconds", "reverse"],
  ...dynDnsKeys,
} as const satisfies Readonly<Record<DnsSettings["provider"], readonly string[]>>;

const providers = Object.keys(keysOf) as DnsSettings["provider"][];
const readProvider = optional(oneOf(providers), defaults.dns.provider);

/** Refuses what belongs to another provider, with that provider's name, and leaves the rest. */
function withoutForeignKeys(
  value: Readonly<Record<string, unknown>>,
  provider: DnsSettings["provider"],
  place: Place,
): Readonly<Record<string, unknown>> {
  const owners = (key: string) => providers.filter((it) => keysOf[it].some((known) => known === key));
  const isForeign = (key: string) => owners(key).length > 0 && !owners(key).includes(provider);
  for (const key of Object.keys(value).filter(isForeign))
    place
      .at(key)
      .refuse(
        `belongs to provider ${owners(key).join(" or ")}; the provider here is ${provider}`,
        `remove it, or write provider: ${owners(key)[0] ?? ""}`,
      );
  return Object.fromEntries(Object.entries(value).filter(([key]) => !isForeign(key)));
}

function readHetzner(value: unknown, place: Place, context: DnsContext): Read<Draft<HetznerDnsSettings>> {
  const zone = isMapping(value) && isText(value["zone"]) && isZone(value["zone"]) ? value["zone"] : undefined;
  const draft = fields<Omit<HetznerDnsSettings, "reverse"> & { reverse: string | false | undefined }>({
    provider: optional(oneOf(["hetzner"]), defaults.dns.provider),
    zone: required(readZone, "zone: example.org"),
    createZone: optional(flag, defaults.dns.createZone),
    names: optional(namesIn(zone), defaults.dns.names),
    ttlSeconds: optional(
      wholeNumber(
        60,
        86_400,
        "Hetzner takes no less than 60; over a day, a wrong address would stick; 60 suits most",
      ),
      defaults.dns.ttlSeconds,
    ),
    reverse: optional(reverseIn(zone, context.relayAtHetzner), undefined),
  })(value, place);
  if (!isRead(draft)) return refused;
  return {
    ...draft,
    reverse: draft.reverse === undefined ? defaultReverse(draft, zone, context) : orNone(draft.reverse),
  };
}

/** What mail servers and traceroutes show of the relay, where the user does not say it. */
function defaultReverse(
  { names }: Pick<Draft<HetznerDnsSettings>, "names">,
  zone: string | undefined,
  { relayAtHetzner }: DnsContext,
): string | undefined {
  if (!relayAtHetzner || !isRead(names) || zone === undefined) return undefined;
  // A wildcard is no host's name, and neither is one with an underscore in front.
  return names.map((name) => fullName(name, zone)).find(isZone);
}

const orNone = (reverse: Read<string | false>) => (reverse === false ? undefined : reverse);

/** A full name; `false` for none. */
function reverseIn(zone: string | undefined, relayAtHetzner: boolean): Reader<string | false> {
  return (value, place) => {
    if (value === false) return false;
    if (!relayAtHetzner)
      return place.refuse(
        `needs a relay at Hetzner, as an address leads back to where its owner says; found ${show(value)}`,
        "set it at the relay's own provider, and remove the key",
      );
    const full = isText(value) ? meantReverse(value, zone) : undefined;
    if (full !== undefined) return full;
    const dotted =
      isText(value) && isZone(value) ? `, or "${value}." with a dot at its end for that very name` : "";
    return place.refuse(
      `must be one name in the zone, or a full name, in lower case; found ${show(value)}`,
      `write it like www, www.${zone ?? "example.org"}, or "@" for the zone itself, or false for none${dotted}`,
    );
  };
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

/** Names inside `zone`; `undefined` where the zone itself was refused. */
function namesIn(zone: string | undefined): Reader<readonly string[]> {
  const list = distinct<string>(
    (value, place) => readName(value, zone, place),
    (name) => name,
  );
  return (value, place) =>
    Array.isArray(value) && value.length === 0
      ? place.refuse(
          "is an empty list: no name would point at the relay",
          'write "@" for the zone itself, or remove the whole dns section',
        )
      : list(value, place);
}

function readName(value: unknown, zone: string | undefined, place: Place): Read<string> {
  const inside = isText(value) ? meantName(value, zone) : undefined;
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
