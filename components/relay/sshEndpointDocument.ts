import { Fields } from "../network/programDocument.ts";

/** What move-ssh-endpoint.ts goes by. */
export interface SshEndpointDocument {
  /** What the user calls the relay. */
  readonly title: string;
  /** Where SSH is wanted. */
  readonly wanted: SshEndpoint;
  /** The relay's, at which SSH answers as well while the tunnel is down (open-ssh-fallback.sh). */
  readonly publicAddress: string;
  /** Whether SSH comes in from outside or through the tunnel. */
  readonly sshVia: "public" | "tunnel";
  /** Tunnel addresses that may come in through the tunnel. */
  readonly sshPeers: readonly string[];
  readonly user: string;
  /** The public keys that are wanted. */
  readonly keys: SshKeys;
  /** Those of a relay of which no note has others. */
  readonly firstKeys: SshKeys;
  /** What to do when the server is gone or lost. */
  readonly lostMend: string;
}

/** An address and a TCP port at which sshd answers. */
export interface SshEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Public keys, as `ssh-ed25519 AAAA…`. */
export interface SshKeys {
  /** By which this program comes in. */
  readonly admin: string;
  /** By which the relay proves itself. */
  readonly host: string;
}

/** What it reads from stdin: private keys to log in with, OpenSSH format. */
export interface SshEndpointSecrets {
  /** The one that is to open the relay. */
  readonly loginKey: string;
  /** The one that opens a relay of which no note has another. */
  readonly firstLoginKey: string;
  /** With it the one in the note is sealed. */
  readonly noteSecret: string;
}

/** What a run knows of the relay from the run before it. */
export interface SshNote {
  /** Newest first; none: there is no relay yet. */
  readonly endpoints: readonly SshEndpoint[];
  /** The key that was admitted last, so that the relay has it for certain. `undefined`: the first one. */
  readonly login: { readonly publicKey: string; readonly sealed: string } | undefined;
  /** The host keys that it may show, newest first, each with the number of its change behind it. None: the first one. */
  readonly hostKeys: readonly string[];
}

export function parseSshEndpointDocument(text: string | undefined, source: string): SshEndpointDocument {
  const fields = Fields.parse(text, source);
  const wanted = fields.fields("wanted");
  return {
    title: fields.text("title"),
    wanted: { host: wanted.text("host"), port: wanted.number("port") },
    publicAddress: fields.text("publicAddress"),
    sshVia: fields.word("sshVia", ["public", "tunnel"]),
    sshPeers: fields.texts("sshPeers"),
    user: fields.text("user"),
    keys: parseKeys(fields.fields("keys")),
    firstKeys: parseKeys(fields.fields("firstKeys")),
    lostMend: fields.text("lostMend"),
  };
}

export function parseSshEndpointSecrets(text: string, source: string): SshEndpointSecrets {
  const fields = Fields.parse(text, source);
  return {
    loginKey: fields.text("loginKey"),
    firstLoginKey: fields.text("firstLoginKey"),
    noteSecret: fields.text("noteSecret"),
  };
}

function parseKeys(fields: Fields): SshKeys {
  return { admin: fields.text("admin"), host: fields.text("host") };
}

const [loginMark, hostKeyMark] = ["login-key ", "host-key "] as const;

/** The note of an earlier run: an endpoint a line, `HOST PORT`, the newest first, and then keys, if not the first ones. */
export function parseNote(note: string): SshNote {
  const lines = note.split(/\r?\n/).filter((line) => line !== "");
  const behind = (mark: string) =>
    lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length));
  const [type = "", key = "", sealed] = behind(loginMark)[0]?.split(" ") ?? [];
  return {
    endpoints: lines
      .filter((line) => !line.startsWith(loginMark) && !line.startsWith(hostKeyMark))
      .map((line) => {
        const [host = "", port = ""] = line.split(" ");
        return { host, port: Number(port) };
      }),
    login: sealed === undefined ? undefined : { publicKey: `${type} ${key}`, sealed },
    hostKeys: behind(hostKeyMark),
  };
}

export function renderNote({ endpoints, login, hostKeys }: SshNote): string {
  return [
    ...endpoints.map(renderEndpoint),
    ...(login === undefined ? [] : [`${loginMark}${login.publicKey} ${login.sealed}`]),
    ...hostKeys.map((key) => `${hostKeyMark}${key}`),
  ].join("\n");
}

/** The note, but for what is sealed in it. */
export function withoutLogin(note: string): string {
  return note.replaceAll(/^login-key .*\n?/gm, "");
}

/** The host keys that the relay may show, that which it is to have first. */
export function hostKeysOf({ hostKeys }: SshNote, wanted: string): readonly string[] {
  return hostKeys.length === 0 ? [wanted] : hostKeys;
}

/**
 * The host keys of which the relay may have any from now on. The number behind one tells it from the same key at another
 * time: it is known of the relay which it had last, and that any of the newer ones may have taken its place.
 */
export function noteHostKeys(wanted: string, first: string, known: SshNote): readonly string[] {
  const [newest, ...older] =
    known.hostKeys.length > 0 ? known.hostKeys : known.endpoints.length > 0 ? [first] : [wanted];
  const [type, key, change = "0"] = (newest ?? wanted).split(" ");
  const all =
    `${type ?? ""} ${key ?? ""}` === wanted
      ? [newest ?? wanted, ...older]
      : [`${wanted} ${Number(change) + 1}`, newest ?? wanted, ...older];
  const isFirst = all.length === 1 && all[0] === first;
  return isFirst ? [] : all.slice(0, 8);
}

export function renderEndpoint({ host, port }: SshEndpoint): string {
  return `${host} ${port}`;
}

/**
 * The endpoints known from now on, newest first. An older one is not forgotten at once, for an `up` that ended half-way
 * may have left that one open and not the newer.
 */
export function noteEndpoints(
  { wanted, publicAddress }: Pick<SshEndpointDocument, "wanted" | "publicAddress">,
  known: readonly SshEndpoint[],
): SshEndpoint[] {
  const all = [wanted, { host: publicAddress, port: wanted.port }, ...known];
  const isFirst = (one: SshEndpoint, i: number) => all.findIndex((other) => isSame(one, other)) === i;
  return all.filter(isFirst).slice(0, 4);
}

/** Whether the wanted endpoint is a known one at another port than the newest has. */
export function isOlderPort(wanted: SshEndpoint, known: readonly SshEndpoint[]): boolean {
  return known.some((one) => isSame(one, wanted)) && known[0]?.port !== wanted.port;
}

export function isSame(one: SshEndpoint, other: SshEndpoint): boolean {
  return one.host === other.host && one.port === other.port;
}
