import { domainToASCII } from "node:url";
import { defaults } from "./defaults.ts";
import { show } from "./place.ts";
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
import type { DnsSettings } from "./settings.ts";

/** The `dns` section; nothing, or an empty mapping, is `undefined`: no name points at the relay. */
export function readDns(value: unknown, place: Place): Read<Draft<DnsSettings>> | undefined {
  if (isAbsent(value) || (isMapping(value) && Object.keys(value).length === 0)) return undefined;
  const zone = isMapping(value) && isText(value["zone"]) && isZone(value["zone"]) ? value["zone"] : undefined;
  const read = fields<DnsSettings>({
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
  });
  return read(value, place);
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

function isZone(text: string): boolean {
  const labels = text.split(".");
  return (
    text.length <= 253 &&
    labels.length >= 2 &&
    labels.every((label) => isLabel(label) && !label.startsWith("_")) &&
    !/^\d+$/.test(labels.at(-1) ?? "")
  );
}

function isLabel(label: string): boolean {
  return /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label);
}
