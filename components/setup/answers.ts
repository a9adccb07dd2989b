/** What a person answers at the set-up, and the settings that come of it. */

/** How a machine is reached over SSH. */
export interface Destination {
  readonly user: string;
  /** Name or address. */
  readonly host: string;
  readonly port: number;
}

/** A machine whose host key was compared. */
export interface KnownHost extends Destination {
  /** `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
}

export type RelayAnswer =
  | { readonly provider: "hetzner"; readonly location: string; readonly serverType: string }
  | {
      readonly provider: "ssh";
      readonly at: KnownHost;
      /** @default `at.host` */
      readonly ipv4: string | undefined;
      /** @default none */
      readonly ipv6: string | undefined;
    };

export type HomeAnswer =
  { readonly install: "ssh"; readonly at: KnownHost } | { readonly install: "local" | "manual" };

export interface ChosenForward {
  /** As a Compose file has it: `80:8080`. */
  readonly text: string;
  /** Who listens there. @example caddy */
  readonly service: string | undefined;
  /** Why it is refused unless somebody says that he knows; `undefined` for most. */
  readonly danger: string | undefined;
}

export type NamesAnswer =
  | {
      readonly provider: "hetzner";
      readonly zone: string;
      readonly createZone: boolean;
      /** In the zone; `@` is the zone itself. */
      readonly names: readonly string[];
    }
  /** Its token is a secret, and stands in no answer. */
  | { readonly provider: "duckdns" | "freemyip"; readonly names: readonly string[] };

export interface Answers {
  readonly relay: RelayAnswer;
  readonly homeName: string;
  readonly home: HomeAnswer;
  readonly forwards: readonly ChosenForward[];
  /** `undefined`: no name. */
  readonly names: NamesAnswer | undefined;
  /** Names of laptops and phones that reach the home. */
  readonly devices: readonly string[];
}

/** The sections of the stack file, without the project's name before them. Absent ones have a default. */
export interface Sections {
  readonly relay: object;
  readonly homes: readonly object[];
  readonly dns?: object;
  readonly devices?: readonly object[];
}

export function settingsOf({ relay, homeName, home, forwards, names, devices }: Answers): Sections {
  return {
    relay: relaySection(relay),
    homes: [
      {
        name: homeName,
        ...(home.install === "ssh" ? { ssh: sshSection(home.at) } : { install: home.install }),
        forwards: forwards.map(forwardEntry),
      },
    ],
    ...(names === undefined ? {} : { dns: namesSection(names) }),
    ...(devices.length === 0 ? {} : { devices: devices.map((name) => ({ name, allow: [homeName] })) }),
  };
}

function relaySection(relay: RelayAnswer): object {
  if (relay.provider === "hetzner") {
    const { location, serverType } = relay;
    return { location, serverType };
  }
  const { at, ipv4, ipv6 } = relay;
  return {
    provider: "ssh",
    ...sshSection(at),
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
}

function sshSection({ host, port, user, hostKey }: KnownHost): object {
  return { host, ...(port === 22 ? {} : { port }), ...(user === "root" ? {} : { user }), hostKey };
}

/** `"80:8080"`, or the long form where it takes a word more. */
function forwardEntry({ text, danger }: ChosenForward): string | object {
  if (danger === undefined) return text;
  const [ports = "", protocol] = text.split("/");
  const [published, target] = ports.split(":");
  return {
    published: portOf(published),
    ...(target === undefined ? {} : { target: portOf(target) }),
    ...(protocol === undefined ? {} : { protocol }),
    acknowledge: true,
  };
}

/** A number needs no quotes in a stack file. */
function portOf(text = ""): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function namesSection(names: NamesAnswer): object {
  if (names.provider !== "hetzner") return { provider: names.provider, names: [...names.names] };
  const { zone, createZone } = names;
  return { zone, ...(createZone ? { createZone } : {}), names: [...names.names] };
}

/** `root@192.168.1.10`, `nas`, `me@[2001:db8::5]:2222`. Throws an `Error` for the reader on what cannot be one. */
export function parseDestination(text: string): Destination {
  const match = /^(?:([^@\s]+)@)?(?:\[([^\]\s]+)\]|([^@\s[\]:]+))(?::(\d{1,5}))?$/.exec(text.trim());
  // An address of IPv6 without brackets has colons of its own.
  const bare = /^(?:([^@\s]+)@)?([0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)$/i.exec(text.trim());
  if (bare) return { user: bare[1] ?? "root", host: bare[2] ?? "", port: 22 };
  const [, user = "root", bracketed, plain, port = "22"] = match ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || host.startsWith("-") || user.startsWith("-"))
    throw new Error(`must be like root@192.168.1.10, with :PORT behind it for another one; found "${text}"`);
  return { user, host, port: Number(port) };
}

/** As a person would type it after ssh. */
export function renderDestination({ user, host, port }: Destination): string {
  return `${port === 22 ? "" : `-p ${port} `}${user}@${host}`;
}
