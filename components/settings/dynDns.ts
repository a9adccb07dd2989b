import type {
  DuckdnsService,
  DynDnsService,
  Dyndns2Service,
  FreemyipService,
  UrlService,
} from "../network/dynDnsService.ts";
import { isZone } from "./domainName.ts";
import { optional, record, required } from "./fields.ts";
import { isRead, refused, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { distinct, isAbsent, isText, notEmpty, oneOf, textBy } from "./readers.ts";
import type { Field, Kind, Mapping } from "./readers.ts";
import { encrypted } from "./schema.ts";
import { aboutSecret, secret, setSecret } from "./secret.ts";

type Provider = DynDnsService["provider"];

const freemyip = record<FreemyipService>(
  {
    provider: provider("freemyip", "The service of https://freemyip.com."),
    names: required(atMost(1, "the token of freemyip.com owns one name alone", namesUnder("freemyip.com")), {
      means: "The one name that the token owns.",
      example: ["myhome.freemyip.com"],
    }),
    token: required(
      secretToken(/^[A-Za-z0-9]+$/, "letters and digits"),
      aboutSecret("What the service gave you."),
    ),
  },
  "provider: freemyip",
);

const duckdns = record<DuckdnsService>(
  {
    provider: provider("duckdns", "The service of https://www.duckdns.org."),
    names: required(namesUnder("duckdns.org"), {
      means: "Names that the token owns, with or without duckdns.org.",
      example: ["myhome"],
    }),
    token: required(
      secretToken(/^[A-Za-z0-9-]+$/, "letters, digits and hyphens"),
      aboutSecret("What the service gave you."),
    ),
  },
  "provider: duckdns",
);

const fullNames = distinct(textBy(readFullName, "full name"), "list of full names", (name) => name);
const aboutFullNames = {
  means: "The names that the service keeps for you.",
  example: ["home.example.net"],
};
const someFullNames = someNames(fullNames);
const requiredFullNames = required(someFullNames, aboutFullNames);

const dyndns2 = record<Dyndns2Service>(
  {
    provider: provider("dyndns2", "Any service that speaks the protocol of dyn.com, as most do."),
    server: required(textBy(readServer, "address that begins with https://"), {
      means: "Where updates are sent; its path, where that is not /nic/update.",
      example: "https://dyn.example.net",
    }),
    user: required(textBy(readUser, "text without a colon"), {
      means: "Your name at the service.",
      example: "me",
    }),
    password: required(
      secret(isPrintable, "one line of printable characters"),
      aboutSecret("Your password at the service."),
    ),
    names: required(atMost(20, "the protocol takes no more", someFullNames), aboutFullNames),
  },
  "provider: dyndns2",
);

const urlToken = required(
  secretToken(/^[\w.~%-]+$/, 'letters, digits and "-._~", all else as %XX'),
  aboutSecret("Takes the place of {token} in the URL, which then is no secret itself."),
);

const writtenUrl = record<Omit<UrlService, "secretUrl">>(
  {
    provider: provider("url", "Any service that takes an update as one GET request."),
    url: required(
      {
        read: readUrl,
        shape: "URL that begins with https://, may be a secret",
        schema: { anyOf: [{ type: "string" }, encrypted] },
        tables: [],
      },
      {
        means: "What is asked for, with {name}, {ip}, {ip6} and {token} where those belong.",
        example: "https://dns.example.net/update?host={name}&ip={ip}",
      },
    ),
    names: {
      ...fullNames,
      ...aboutFullNames,
      otherwise: "none; required where the URL has {name}",
      read: (value, place, siblings) =>
        hasPlaceholder(siblings, "name")
          ? requiredFullNames.read(value, place, siblings)
          : fullNames.read(value ?? [], place, siblings),
    },
    expect: optional(textBy(readPattern, "regular expression"), {
      otherwise: "every answer is good",
      means: "What a good answer matches.",
      example: "^OK",
    }),
    token: {
      ...urlToken,
      otherwise: "none; required where the URL has {token}",
      read: (value, place, siblings) =>
        hasPlaceholder(siblings, "token")
          ? urlToken.read(value, place, siblings)
          : refuseUnwantedToken(value, place),
    },
  },
  "provider: url",
);

const url: Kind<Draft<UrlService>> = {
  ...writtenUrl,
  read: (value, place, siblings) => {
    const draft = writtenUrl.read(value, place, siblings);
    if (!isRead(draft)) return refused;
    return { ...draft, secretUrl: isRead(draft.url) && isSecretUrl(draft.url, place) };
  },
};

/** The `dns` section of each DynDNS provider. */
export const dynDns = { freemyip, duckdns, dyndns2, url } as const satisfies Readonly<
  Record<Provider, Kind<Draft<DynDnsService>>>
>;

function provider<P extends Provider>(name: P, means: string): Field<P> {
  return required(oneOf([name]), { means, example: name });
}

/** Whether the `url` beside a key has this word in braces. */
function hasPlaceholder({ url: written }: Mapping, word: string): boolean {
  return isText(written) && written.includes(`{${word}}`);
}

/** With a token in a place of its own the URL is no secret, and previews show it. */
function isSecretUrl(written: string, place: Place): boolean {
  return !written.includes("{token}") && place.at("url").isEncrypted;
}

/** Full names below the service's own, which may be left out. */
function namesUnder(parent: string): Kind<readonly string[]> {
  return someNames(
    distinct(
      textBy((value, place) => readNameUnder(parent, value, place), `name below ${parent}`),
      `list of names below ${parent}`,
      (name) => name,
    ),
  );
}

function readNameUnder(parent: string, value: unknown, place: Place): Read<string> {
  const full = isText(value) && !value.includes(".") ? `${value}.${parent}` : value;
  if (isText(full) && isZone(full) && full.endsWith(`.${parent}`)) {
    const below = full.slice(0, -parent.length - 1);
    if (!below.includes(".")) return full;
  }
  return place.refuse(
    `must be one name below ${parent}, in lower case; found ${show(value)}`,
    `write it like myhome.${parent}; whatever stands before it, as in www.myhome.${parent}, follows it by itself`,
  );
}

function someNames(names: Kind<readonly string[]>): Kind<readonly string[]> {
  return notEmpty(
    names,
    "is an empty list: no name would point at the relay",
    "write the name that the service keeps for you, or remove the whole dns section",
  );
}

function readFullName(value: unknown, place: Place): Read<string> {
  if (isText(value) && isZone(value)) return value;
  return place.refuse(
    `must be a full name, in lower case, without a dot at its end; found ${show(value)}`,
    "write it like home.example.net",
  );
}

function atMost(most: number, why: string, names: Kind<readonly string[]>): Kind<readonly string[]> {
  return {
    ...names,
    schema: { ...names.schema, maxItems: most },
    read: (value, place, siblings) => {
      const read = names.read(value, place, siblings);
      return isRead(read) && read.length > most
        ? place.refuse(
            `must have ${most === 1 ? "one name" : `at most ${most} names`}; found ${read.length}`,
            `${why}; remove the others`,
          )
        : read;
    },
  };
}

function secretToken(form: RegExp, characters: string): Kind<string> {
  return secret((text) => form.test(text), `text of ${characters}`);
}

function refuseUnwantedToken(value: unknown, place: Place): Read<undefined> {
  return isAbsent(value)
    ? undefined
    : place.refuse(
        "is used nowhere: the url has no {token}",
        `write {token} into the url where it belongs, or remove it: pulumi config rm --path ${place.path}`,
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

function readUrl(value: unknown, place: Place): Read<string> {
  const isSecret = isText(value) && isSecretUrl(value, place);
  const command = setSecret(place);
  const found = isSecret ? "something else, which is not shown" : show(value);
  const mend = isSecret
    ? `set it anew: ${command}`
    : 'write it like "https://dns.example.net/update?host={name}&ip={ip}&ip6={ip6}"';
  if (!isText(value) || !/^[!-~]+$/.test(value) || parseHttps(value) === undefined)
    return place.refuse(`must be a URL that begins with https://, without spaces; found ${found}`, mend);
  const others = [...value.matchAll(/\{([^}]*)\}/g)].filter(([, word = ""]) => !placeholders.includes(word));
  if (others.length > 0)
    return place.refuse(
      `has braces for ${placeholders.map((word) => `{${word}}`).join(", ")} alone; found ${found}`,
      mend,
    );
  if (!isSecret && holdsSecret(value))
    return place.refuse(
      "holds a secret, and stands in the stack file in plain text",
      `have another one made at the service; then write {token} in its place and set that, encrypted: ` +
        `pulumi config set --secret --path ${place.beside("token").path}; or set the whole url: ${command}`,
    );
  return value;
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
