import type {
  DuckdnsService,
  DynDnsService,
  Dyndns2Service,
  FreemyipService,
  UrlService,
} from "../network/dynDnsService.ts";
import { isZone } from "./domainName.ts";
import { isRead, refused, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { distinct, fields, isAbsent, isMapping, isText, oneOf, optional, required } from "./readers.ts";
import type { Reader } from "./readers.ts";

type Provider = DynDnsService["provider"];

/** The keys of each provider in the `dns` section. */
export const dynDnsKeys = {
  freemyip: ["provider", "names", "token"],
  duckdns: ["provider", "names", "token"],
  dyndns2: ["provider", "names", "server", "user", "password"],
  url: ["provider", "names", "url", "expect", "token"],
} as const satisfies Readonly<Record<Provider, readonly string[]>>;

/** The `dns` section of a DynDNS provider. */
export function readDynDns(provider: Provider, value: unknown, place: Place): Read<Draft<DynDnsService>> {
  switch (provider) {
    case "freemyip":
      return fields<FreemyipService>({
        provider: required(oneOf(["freemyip"]), "provider: freemyip"),
        names: atMost(
          1,
          "the token of freemyip.com owns one name alone",
          namesUnder("freemyip.com", 'names: ["myhome.freemyip.com"]'),
        ),
        token: secretToken(/^[A-Za-z0-9]+$/, "letters and digits"),
      })(value, place);
    case "duckdns":
      return fields<DuckdnsService>({
        provider: required(oneOf(["duckdns"]), "provider: duckdns"),
        names: namesUnder("duckdns.org", "names: [myhome]"),
        token: secretToken(/^[A-Za-z0-9-]+$/, "letters, digits and hyphens"),
      })(value, place);
    case "dyndns2":
      return fields<Dyndns2Service>({
        provider: required(oneOf(["dyndns2"]), "provider: dyndns2"),
        server: required(readServer, 'server: "https://dyn.example.net"'),
        user: required(readUser, "user: me"),
        password: secret("password", isPrintable, "one line of printable characters"),
        names: atMost(20, "the protocol takes no more", fullNameList),
      })(value, place);
    case "url":
      return readUrlService(value, place);
  }
}

const fullNameList = required(
  nonEmpty(distinct(readFullName, (name) => name)),
  'names: ["home.example.net"]',
);

function readUrlService(value: unknown, place: Place): Read<Draft<UrlService>> {
  const written = isMapping(value) && isText(value["url"]) ? value["url"] : "";
  const takesToken = written.includes("{token}");
  const names = distinct(readFullName, (name) => name);
  // With a token in a place of its own the URL is no secret, and previews show it.
  const secretUrl = !takesToken && place.isEncrypted(written);
  const draft = fields<Omit<UrlService, "secretUrl">>({
    provider: required(oneOf(["url"]), "provider: url"),
    url: required(urlTemplate(secretUrl), 'url: "https://dns.example.net/update?host={name}&ip={ip}"'),
    names: written.includes("{name}") ? fullNameList : optional(names, []),
    expect: optional(readPattern, undefined),
    token: takesToken
      ? secretToken(/^[\w.~%-]+$/, 'letters, digits and "-._~", all else as %XX')
      : unwantedToken,
  })(value, place);
  return isRead(draft) ? { ...draft, secretUrl } : refused;
}

/** Full names below the service's own, which may be left out. */
function namesUnder(parent: string, example: string): Reader<readonly string[]> {
  const read: Reader<string> = (value, place) => {
    const full = isText(value) && !value.includes(".") ? `${value}.${parent}` : value;
    if (isText(full) && isZone(full) && full.endsWith(`.${parent}`)) {
      const below = full.slice(0, -parent.length - 1);
      if (!below.includes(".")) return full;
    }
    return place.refuse(
      `must be one name below ${parent}, in lower case; found ${show(value)}`,
      `write it like myhome.${parent}; whatever stands before it, as in www.myhome.${parent}, follows it by itself`,
    );
  };
  return required(nonEmpty(distinct(read, (name) => name)), example);
}

function readFullName(value: unknown, place: Place): Read<string> {
  if (isText(value) && isZone(value)) return value;
  return place.refuse(
    `must be a full name, in lower case, without a dot at its end; found ${show(value)}`,
    "write it like home.example.net",
  );
}

function nonEmpty(list: Reader<readonly string[]>): Reader<readonly string[]> {
  return (value, place) =>
    Array.isArray(value) && value.length === 0
      ? place.refuse(
          "is an empty list: no name would point at the relay",
          "write the name that the service keeps for you, or remove the whole dns section",
        )
      : list(value, place);
}

function atMost(most: number, why: string, list: Reader<readonly string[]>): Reader<readonly string[]> {
  return (value, place) => {
    const names = list(value, place);
    return isRead(names) && names.length > most
      ? place.refuse(
          `must have ${most === 1 ? "one name" : `at most ${most} names`}; found ${names.length}`,
          `${why}; remove the others`,
        )
      : names;
  };
}

function secretToken(form: RegExp, characters: string): Reader<string> {
  return secret("token", (text) => form.test(text), `text of ${characters}`);
}

/** A text that must be encrypted in the stack file, and is never shown. */
function secret(key: string, accepts: (text: string) => boolean, rule: string): Reader<string> {
  return (value, place) => {
    const command = `pulumi config set --secret --path home-relay:dns.${key}`;
    if (isAbsent(value)) return place.refuse("is missing", `set it, encrypted: ${command}`);
    if (!isText(value) || !place.isEncrypted(value))
      return place.refuse(
        "is a secret, and stands in the stack file in plain text",
        `have another one made at the service, remove this one and set it, encrypted: ${command}`,
      );
    if (accepts(value)) return value;
    return place.refuse(
      `must be ${rule}; found something else, which is not shown`,
      `set it anew: ${command}`,
    );
  };
}

function unwantedToken(value: unknown, place: Place): Read<undefined> {
  return isAbsent(value)
    ? undefined
    : place.refuse(
        "is used nowhere: the url has no {token}",
        "write {token} into the url where it belongs, or remove it: pulumi config rm --path home-relay:dns.token",
      );
}

function readServer(value: unknown, place: Place): Read<string> {
  const mend = "write it like https://dyn.example.net, or with its path where that is not /nic/update";
  if (!isText(value)) return place.refuse(`must be text; found ${show(value)}`, mend);
  const url = parseHttps(value);
  if (url === undefined || url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "")
    return place.refuse(
      `must be the service's address, beginning with https:// and without user or question mark; found ${show(value)}`,
      mend,
    );
  return `${url.origin}${url.pathname === "/" ? "/nic/update" : url.pathname}`;
}

function readUser(value: unknown, place: Place): Read<string> {
  return isText(value) && isPrintable(value) && !value.includes(":")
    ? value
    : place.refuse(
        `must be the user's name at the service, without a colon; found ${show(value)}`,
        "write it as you would log in there; in quotes if it is a number",
      );
}

const placeholders = ["name", "ip", "ip6", "token"];

function urlTemplate(isSecret: boolean): Reader<string> {
  const command = "pulumi config set --secret --path home-relay:dns.url";
  return (value, place) => {
    const found = isSecret ? "something else, which is not shown" : show(value);
    const mend = isSecret
      ? `set it anew: ${command}`
      : 'write it like "https://dns.example.net/update?host={name}&ip={ip}&ip6={ip6}"';
    if (!isText(value) || !/^[!-~]+$/.test(value) || parseHttps(value) === undefined)
      return place.refuse(`must be a URL that begins with https://, without spaces; found ${found}`, mend);
    const others = [...value.matchAll(/\{([^}]*)\}/g)].filter(
      ([, word = ""]) => !placeholders.includes(word),
    );
    if (others.length > 0)
      return place.refuse(
        `has braces for ${placeholders.map((word) => `{${word}}`).join(", ")} alone; found ${found}`,
        mend,
      );
    if (!isSecret && holdsSecret(value))
      return place.refuse(
        "holds a secret, and stands in the stack file in plain text",
        `have another one made at the service; then write {token} in its place and set that, encrypted: ` +
          `pulumi config set --secret --path home-relay:dns.token; or set the whole url: ${command}`,
      );
    return value;
  };
}

/** What is so named by most services, or stands before an `@`. */
function holdsSecret(url: string): boolean {
  return (
    /[?&](token|password|passwd|pass|pwd|key|apikey|secret|auth)=(?!\{token\})[^&#]/i.test(url) ||
    /^https:\/\/[^/?#]*:(?!\{token\}@)[^/?#]*@/.test(url)
  );
}

function readPattern(value: unknown, place: Place): Read<string> {
  const mend = 'write what the answer begins with when all is well, like "^OK"';
  if (!isText(value) || !isPrintable(value) || value !== value.trim())
    return place.refuse(`must be a regular expression; found ${show(value)}`, mend);
  try {
    new RegExp(value);
    return value;
  } catch {
    return place.refuse(`must be a regular expression; found ${show(value)}`, mend);
  }
}

/** `undefined` for what is no URL or goes over the network in plain text. Braces stand for parts to come. */
function parseHttps(text: string): URL | undefined {
  const filled = text.replace(/\{\w+\}/g, "x");
  return /^https:\/\//.test(filled) && URL.canParse(filled) ? new URL(filled) : undefined;
}

/** On one line, without spaces at its ends. */
function isPrintable(text: string): boolean {
  return /^[!-~\u00a0-\uffff]([ -~\u00a0-\uffff]*[!-~\u00a0-\uffff])?$/.test(text);
}
