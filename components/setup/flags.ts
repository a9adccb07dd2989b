import { parseArgs } from "node:util";
import { nearest } from "../network/nearest.ts";

interface Flag {
  /** What may stand behind it, for the reader; an empty text: nothing. */
  readonly value: string;
  readonly means: string;
  /** The only values that there are. @default any */
  readonly oneOf?: readonly string[];
  /** Whether the question is asked at all, with these other answers. @default it is none: there is a default */
  readonly asked?: (given: Given, around: Around) => boolean;
}

/** What the flags say, each as text; one without a value as `yes`. */
export type Given = Readonly<Partial<Record<FlagName, string>>>;

/** What is known before anything is asked. */
export interface Around {
  /** Whether the environment has a token for Hetzner. */
  readonly hasToken: boolean;
}

export type FlagName =
  | "relay"
  | "token-file"
  | "location"
  | "server-type"
  | "relay-host"
  | "relay-key"
  | "relay-ipv4"
  | "home"
  | "home-host"
  | "home-key"
  | "home-name"
  | "forwards"
  | "dangerous"
  | "dns"
  | "zone"
  | "names"
  | "dns-token-file"
  | "devices"
  | "stack"
  | "yes"
  | "help";

const rents = ({ relay }: Given) => relay === undefined || relay === "hetzner";
const ownVps = ({ relay }: Given) => relay === "ssh";
const overSsh = ({ home }: Given) => home === undefined || home === "ssh";
const atHetzner = ({ dns }: Given) => dns === "hetzner" || dns === "new-zone";
const atDynDns = ({ dns }: Given) => dns === "duckdns" || dns === "freemyip";

/** Every question has one, in the order in which they are asked; then what is no question. */
export const flags: Readonly<Record<FlagName, Flag>> = {
  relay: {
    value: "hetzner|ssh",
    means: "a server that Hetzner makes, or a VPS of your own",
    oneOf: ["hetzner", "ssh"],
    asked: () => true,
  },
  "token-file": {
    value: "FILE",
    means: "holds the token of Hetzner's API (or HCLOUD_TOKEN in the environment)",
    asked: (given, { hasToken }) => !hasToken && (rents(given) || atHetzner(given)),
  },
  location: { value: "NAME", means: "where the server stands, as nbg1", asked: rents },
  "server-type": { value: "NAME", means: "how large it is, as cx23", asked: rents },
  "relay-host": { value: "[USER@]HOST[:PORT]", means: "your VPS, as after ssh", asked: ownVps },
  "relay-key": { value: "KEY", means: "its ssh-ed25519 host key, or the key's SHA256:…", asked: ownVps },
  "relay-ipv4": { value: "ADDRESS", means: "its public IPv4 address, where it cannot tell it" },
  home: {
    value: "ssh|local|manual",
    means: "the home is reached over SSH, is this machine, or is set up by a script that you run there",
    oneOf: ["ssh", "local", "manual"],
    asked: () => true,
  },
  "home-host": { value: "[USER@]HOST[:PORT]", means: "the home, as after ssh", asked: overSsh },
  "home-key": { value: "KEY", means: "its ssh-ed25519 host key, or the key's SHA256:…", asked: overSsh },
  forwards: { value: "PORTS", means: 'what to open, as in Compose: "80:8080,443"', asked: () => true },
  dns: {
    value: "hetzner|new-zone|duckdns|freemyip|none",
    means:
      "who keeps the name: a zone that Hetzner has, one that is to be made there, a DynDNS service, nobody",
    oneOf: ["hetzner", "new-zone", "duckdns", "freemyip", "none"],
    asked: () => true,
  },
  zone: { value: "ZONE", means: "as example.org", asked: atHetzner },
  names: {
    value: "NAMES",
    means: 'the names that lead to the relay: in a zone as "@,www", elsewhere as myhome',
    asked: (given) => atHetzner(given) || atDynDns(given),
  },
  "dns-token-file": { value: "FILE", means: "holds the DynDNS service's token", asked: atDynDns },
  devices: { value: "NAMES|none", means: "laptops and phones that join: phone,laptop", asked: () => true },
  "home-name": { value: "NAME", means: "what the home is called; as a rule by its own hostname" },
  dangerous: { value: "", means: "open ports of --forwards that are known to be dangerous, too" },
  stack: { value: "NAME", means: "what the stack is called, and its file Pulumi.NAME.yaml; as a rule home" },
  yes: { value: "", means: "write without a last question", asked: () => true },
  help: { value: "", means: "this text" },
};

/** Where what a flag means begins. */
const column = 32;
const names = Object.keys(flags) as FlagName[];

export const usage = [
  "usage: npm run setup [-- FLAGS]",
  "Asks what it has to know and writes a stack file of your own; a flag answers its question.",
  "",
  ...names.map((name) => describe(name)),
  "",
  "A passphrase that is in PULUMI_CONFIG_PASSPHRASE, or in the file PULUMI_CONFIG_PASSPHRASE_FILE, is not asked.",
].join("\n");

function describe(name: FlagName): string {
  const { value, means } = flags[name];
  const flag = `  --${name} ${value}`.trimEnd();
  return flag.length < column ? `${flag.padEnd(column)} ${means}` : `${flag}\n${" ".repeat(column)} ${means}`;
}

/** Throws an `Error` with every word that is wrong. */
export function readFlags(words: readonly string[]): Given {
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      names.map((name) => [name, { type: flags[name].value === "" ? "boolean" : "string" } as const]),
    ),
  });
  const given: Partial<Record<FlagName, string>> = {};
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional")
      problems.push(`What is ${token.value}? Each answer stands behind its flag.`);
    else if (!isFlag(token.name)) {
      const meant = nearest(token.name, names);
      problems.push(`What is ${token.rawName}?${meant === undefined ? "" : ` Perhaps --${meant}.`}`);
    } else if (flags[token.name].value === "") given[token.name] = "yes";
    else if (token.value === undefined || token.value === "")
      problems.push(`--${token.name} needs a value: --${token.name} ${flags[token.name].value}`);
    else {
      const { oneOf } = flags[token.name];
      if (oneOf?.includes(token.value) === false)
        problems.push(`--${token.name} is one of ${oneOf.join(", ")}; found ${token.value}`);
      given[token.name] = token.value;
    }
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return given;
}

function isFlag(name: string): name is FlagName {
  return Object.hasOwn(flags, name);
}

/** What would have to be asked; each as a line for the reader. */
export function listMissing(given: Given, around: Around): string[] {
  return names
    .filter((name) => given[name] === undefined && flags[name].asked?.(given, around) === true)
    .map(describe);
}

/** `a, b` -> both; `none` and an empty text -> nobody. */
export function splitList(text: string): string[] {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return parts.length === 1 && parts[0] === "none" ? [] : parts;
}
