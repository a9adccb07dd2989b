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
  /** The public host keys that the relay may show. */
  readonly hostKeys: readonly string[];
  /** What to do when the server is gone or lost. */
  readonly lostMend: string;
}

/** An address and a TCP port at which sshd answers. */
export interface SshEndpoint {
  readonly host: string;
  readonly port: number;
}

/** What it reads from stdin. */
export interface SshEndpointSecrets {
  /** Private key to log in with, OpenSSH format. */
  readonly loginKey: string;
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
    hostKeys: fields.texts("hostKeys"),
    lostMend: fields.text("lostMend"),
  };
}

export function parseSshEndpointSecrets(text: string, source: string): SshEndpointSecrets {
  return { loginKey: Fields.parse(text, source).text("loginKey") };
}

/** The note of an earlier run: an endpoint a line, `HOST PORT`, the newest first. */
export function parseEndpoints(note: string): SshEndpoint[] {
  return note
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => {
      const [host = "", port = ""] = line.split(" ");
      return { host, port: Number(port) };
    });
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
