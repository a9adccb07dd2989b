/** What the operator's own OpenSSH says of a host before anybody logs in to it. */
import { collect, end, start } from "../host/connection.ts";
import { Problem } from "../host/program.ts";
import type { Destination } from "./answers.ts";
import { findHostKey } from "./hostKeys.ts";

/** For a host that is not there. */
const scanSeconds = 5;

export interface ShownKey {
  readonly hostKey: string;
  /** What the operator's known_hosts have of it. */
  readonly known: "same" | "other" | "none";
}

/** The key that the host shows to whoever asks: nobody has compared it. Throws a `Problem` where there is none. */
export async function readHostKey({ user, host, port }: Destination): Promise<ShownKey> {
  // As ssh itself would go there: an alias of ~/.ssh/config counts.
  const config = await run("ssh", ["-G", "-p", `${port}`, "-l", user, "--", host]);
  const value = (name: string) => new RegExp(`^${name} (.*?)\\r?$`, "m").exec(config.stdout)?.[1];
  const hostname = value("hostname") ?? host;
  const realPort = value("port") ?? `${port}`;
  const scanned = await run("ssh-keyscan", [
    "-T",
    `${scanSeconds}`,
    "-t",
    "ed25519",
    "-p",
    realPort,
    "--",
    hostname,
  ]);
  const hostKey = findHostKey(scanned.stdout);
  if (hostKey === undefined)
    throw new Problem(explainNoKey(hostname, realPort, scanned.stderr, value("proxyjump")));
  const known = await run("ssh-keygen", ["-F", realPort === "22" ? hostname : `[${hostname}]:${realPort}`]);
  const before = findHostKey(known.stdout);
  return { hostKey, known: before === undefined ? "none" : before === hostKey ? "same" : "other" };
}

function explainNoKey(hostname: string, port: string, said: string, jump: string | undefined): string {
  if (/not known|resolve/.test(said))
    return `No resolver knows ${hostname}. Is it written right? An address needs no resolver.`;
  if (jump !== undefined && jump !== "none")
    return `Your ~/.ssh/config goes to ${hostname} through ${jump}, where its key cannot be read from here.
Write that home into the stack file by hand, with jump: docs/settings.md`;
  return `No host key came from ${hostname}, port ${port}, within ${scanSeconds} s. Is it on, and does its sshd listen there?
On the machine itself:  systemctl status ssh
If it says that it has no ed25519 key:  ssh-keygen -A`;
}

async function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const child = start(program, args, {}, ["ignore", "pipe", "pipe"]);
  const [stdout, stderr] = [collect(child.stdout, []), collect(child.stderr, [])];
  await end(child);
  return { stdout: stdout.join(""), stderr: stderr.join("") };
}
