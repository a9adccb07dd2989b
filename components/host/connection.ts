import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { atExit } from "./atExit.ts";
import type { JumpDocument } from "./jumpDocument.ts";
import type { HostAccess, SshWay } from "./operatorAccess.ts";
import { Problem } from "./program.ts";
import { documentVariable, renderProgramDocument } from "../network/programDocument.ts";
import { judgeSshComplaint } from "./sshComplaint.ts";
import { sharedSocket } from "./sharedSocket.ts";
import {
  endSharingArguments,
  renderAskpass,
  renderKnownHosts,
  renderProxyCommand,
  sshArguments,
} from "./sshArguments.ts";
import type { Sharing } from "./sshArguments.ts";

/** What a command on a host left, as text alone; line ends at the end are gone. */
export interface Ran {
  /** 255: ssh itself failed, or the command ended so. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as they came. */
  readonly said: string;
}

export interface Secrets {
  readonly password?: string | undefined;
  /** Private key to log in with, OpenSSH format. @default the operator's own */
  readonly loginKey?: string | undefined;
}

export interface RunOptions {
  /** How long the host may take to answer the connection. @default 10 */
  readonly dialSeconds?: number;
  /** The command's stdin. @default empty */
  readonly input?: string;
  /** How long the command may run before it is ended, with exit code 1. @default 900 */
  readonly limitSeconds?: number;
  /** Ends it here, whatever becomes of it there. @default nothing does */
  readonly signal?: AbortSignal;
}

/** A first boot is waited for in less, and so is a busy apt. */
const answerSeconds = 900;
/** For a host that is very busy to do nothing. */
const knockSeconds = 120;
/** A step is ended on its host in half of this. */
const stepSeconds = 1800;
/** No host of ours has more to tell; one in the wrong hands would go on until this machine has no memory left. */
const mostCharacters = 4_000_000;

/** Runs commands on a host, or on this very machine. */
export class Connection {
  readonly #access: HostAccess;
  readonly #files: Files | undefined;
  readonly #socket: string | undefined;

  private constructor(access: HostAccess, files: Files | undefined, socket: string | undefined) {
    this.#access = access;
    this.#files = files;
    this.#socket = socket;
  }

  /** What ssh reads from files lies in a folder that goes when the program ends. Each command has a connection of its own. */
  static open(access: HostAccess, secrets: Secrets = {}): Connection {
    return new Connection(access, access.way === "here" ? undefined : new Files(access, secrets), undefined);
  }

  /**
   * One that is shared with every other program of this user's, for a while after its last use too, where this system's
   * ssh can. A secret opens none: it could be another one by then.
   */
  static share(access: HostAccess, secrets: Secrets = {}): Connection {
    const opened = Connection.open(access, secrets);
    if (access.way !== "ssh" || secrets.loginKey !== undefined) return opened;
    return new Connection(access, opened.#files, sharedSocket(access));
  }

  /** The same host at another address, by the same keys. Throws where there is none but this machine. */
  at(host: string, port: number): Connection {
    if (this.#access.way === "here") throw new Error("this very machine has no other address");
    return new Connection({ ...this.#access, host, port }, this.#files, undefined);
  }

  get isShared(): boolean {
    return this.#socket !== undefined;
  }

  /** As whom commands run. */
  get user(): string {
    return this.#access.way === "here" ? userInfo().username : this.#access.user;
  }

  /** By which name or address ssh gets there, and through what, with the operator's own settings. */
  async way(): Promise<{ readonly hostname: string | undefined; readonly through: string | undefined }> {
    if (this.#access.way === "here" || !this.#files) return { hostname: undefined, through: undefined };
    const [args, environment] = this.#files.sshCall(this.#access, 10, "true", undefined);
    const child = start("ssh", ["-G", ...args], environment, ["ignore", "pipe", "ignore"]);
    const said = collect(child.stdout, []);
    await end(child);
    const value = (name: string) => new RegExp(`^${name} (.*?)\\r?$`, "m").exec(said.join(""))?.[1];
    const through = [value("proxyjump"), value("proxycommand")].find(
      (one) => one !== undefined && one !== "none",
    );
    return { hostname: value("hostname"), through };
  }

  /** Whether the host lets us in: runs a command there that does nothing. A connection that is shared opens with it. */
  async reach(dialSeconds = 10): Promise<Ran> {
    const socket = this.#socket;
    const knock = { dialSeconds, limitSeconds: knockSeconds };
    if (socket === undefined) return this.run("true", knock);
    if (existsSync(socket)) {
      // The host may have gone meanwhile, without a word; or something was mended there, which counts for a new login only.
      const limit = AbortSignal.timeout(dialSeconds * 1000);
      const through = await this.#openShared(socket, dialSeconds, limit);
      if (through.code === 0 && !limit.aborted) return through;
      await this.endSharing();
      rmSync(socket, { force: true });
    }
    const opened = await this.#openShared(socket, dialSeconds, AbortSignal.timeout(knockSeconds * 1000));
    // Where ssh is to leave a connection open it keeps to itself what a ProxyCommand or a ProxyJump complains of.
    const { kind } = judgeSshComplaint(opened.said);
    const isHidden = opened.code === 255 && (kind === "turnedAway" || kind === "other");
    return isHidden ? this.run("true", knock) : opened;
  }

  /** The next command opens another connection; what uses this one ends by itself. */
  async endSharing(): Promise<void> {
    if (this.#socket === undefined || this.#access.way === "here" || !existsSync(this.#socket)) return;
    const args = endSharingArguments(this.#access, this.#socket);
    // Where nobody listens any more there is nothing to end.
    await end(start("ssh", args, {}, "ignore"));
  }

  /** Some versions keep their stderr in the background, and with it a pipe: what they say goes to a file. */
  async #openShared(socket: string, dialSeconds: number, signal?: AbortSignal): Promise<Ran> {
    if (this.#access.way === "here" || !this.#files) throw new Error("this very machine has no connection");
    const { path, handle } = this.#files.openAnswer();
    try {
      const call = this.#files.sshCall(this.#access, dialSeconds, "true", { socket, opens: true });
      const child = start("ssh", ...call, ["ignore", handle, handle]);
      signal?.addEventListener("abort", () => child.kill());
      const code = await end(child);
      const said = tidy(readFileSync(path, "utf8"));
      return { code, stdout: "", stderr: said, said };
    } finally {
      closeSync(handle);
    }
  }

  /** Runs a command, and returns what it said. */
  async run(
    command: string,
    { dialSeconds = 10, input, limitSeconds = answerSeconds, signal }: RunOptions = {},
  ): Promise<Ran> {
    const child = this.#start(command, dialSeconds, [
      input === undefined ? "ignore" : "pipe",
      "pipe",
      "pipe",
    ]);
    const limit = new Limit(child, limitSeconds);
    signal?.addEventListener("abort", () => child.kill());
    const said: string[] = [];
    const texts = [child.stdout, child.stderr].map((stream) => collect(stream, said));
    send(child, input ?? "");
    const code = await limit.end();
    const [stdout = "", stderr = ""] = texts.map((text) => tidy(text.join("")));
    const all = tidy(said.join(""));
    if (limit.exceeded === undefined) return { code, stdout, stderr, said: all };
    const shown = all.length > 300 ? `${all.slice(0, 300)}…` : all;
    return { code: 1, stdout, stderr, said: `${shown}${shown === "" ? "" : "\n"}(${limit.exceeded})` };
  }

  /** Runs a command whose output is shown on stderr while it runs; returns its exit code. */
  async show(command: string, input: string): Promise<number> {
    const child = this.#start(command, 10, ["pipe", 2, 2]);
    send(child, input);
    return end(child);
  }

  /**
   * Hands stdin through, and stdout as text alone; `complaint` is the command's stderr, and what ssh complains of, ending
   * with a line's end.
   */
  async pass(command: string): Promise<{ readonly code: number; readonly complaint: string }> {
    const child = this.#start(command, 10, ["inherit", "pipe", "pipe"]);
    const limit = new Limit(child, stepSeconds);
    // Where nobody reads it any more, the step goes to its end all the same.
    process.stdout.on("error", () => undefined);
    child.stdout
      ?.setEncoding("utf8")
      .on("data", (text: string) => process.stdout.write(withoutControls(text)));
    const complaint = collect(child.stderr, []);
    const code = await limit.end();
    const said = withoutControls(complaint.join(""));
    return limit.exceeded === undefined
      ? { code, complaint: said }
      : { code: 1, complaint: `${tidy(said)}\nended here: ${limit.exceeded}\n`.trimStart() };
  }

  #start(command: string, dialSeconds: number, stdio: StdioOptions): ChildProcess {
    if (this.#access.way === "here" || !this.#files) return start("sh", ["-c", command], {}, stdio);
    const sharing = this.#socket === undefined ? undefined : { socket: this.#socket, opens: false };
    return start("ssh", ...this.#files.sshCall(this.#access, dialSeconds, command, sharing), stdio);
  }
}

/** Starts a program, without our document in its environment; it is ended when this program is. */
export function start(
  program: string,
  args: readonly string[],
  more: Readonly<Record<string, string>>,
  stdio: StdioOptions,
): ChildProcess {
  const environment = { ...process.env, [documentVariable]: undefined, ...more };
  const child = spawn(program, args, { env: environment, stdio, windowsHide: true });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** The exit code, as a shell counts it; waits until all output is there. Throws where the program is not to be had. */
export async function end(child: ChildProcess): Promise<number> {
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } catch (error) {
    const [program = ""] = child.spawnargs;
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Problem(
      `${program} is not on this machine${program === "ssh" ? "; install OpenSSH's client" : ""}`,
    );
  }
}

/** Collects what comes into a list of its own, and into one that several share. */
export function collect(stream: Readable | null, shared: string[]): string[] {
  const own: string[] = [];
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    own.push(chunk);
    shared.push(chunk);
  });
  return own;
}

function send(child: ChildProcess, input: string): void {
  // Whoever does not read to the end says why by its exit code.
  child.stdin?.on("error", () => undefined).end(input);
}

/** Without what a terminal does not show but does, which a host may send; ssh itself ends its lines as a terminal wants it. */
function withoutControls(text: string): string {
  return text.replace(/(?![\t\n])\p{Cc}/gu, "");
}

/** The same, without line ends at the end. */
export function tidy(text: string): string {
  return withoutControls(text).replace(/\n+$/, "");
}

/** Ends a child that runs for too long, or says too much. */
class Limit {
  readonly #child: ChildProcess;
  readonly #timer: NodeJS.Timeout;
  #characters = 0;
  /** Why it was ended. */
  exceeded: string | undefined;

  constructor(child: ChildProcess, seconds: number) {
    this.#child = child;
    this.#timer = setTimeout(() => this.#stop(`it took longer than ${seconds} s`), seconds * 1000);
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#characters += text.length;
        if (this.#characters > mostCharacters) this.#stop("it said more than any host has to say");
      });
  }

  /** As `end` below. */
  async end(): Promise<number> {
    try {
      return await end(this.#child);
    } finally {
      clearTimeout(this.#timer);
    }
  }

  #stop(why: string): void {
    if (this.exceeded !== undefined) return;
    this.exceeded = why;
    this.#child.kill();
    // What it has started may keep them open.
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}

/** The files of one host, for as long as this program runs. */
class Files {
  readonly #folder: string;
  readonly #knownHosts: string;
  readonly #jumpKnownHosts: string | undefined;
  readonly #loginKey: string | undefined;
  readonly #askpass: string | undefined;

  constructor({ way, hostKeys, jump }: SshWay, { password, loginKey }: Secrets) {
    if (way === "password" && password === undefined) throw new Problem("stdin has no password");
    const folder = (this.#folder = temporaryFolder());
    const write = (name: string, text: string, mode = 0o600): string => {
      const path = join(folder, name);
      writeFileSync(path, text, { mode });
      return path;
    };
    this.#knownHosts = write("known_hosts", renderKnownHosts(hostKeys));
    this.#jumpKnownHosts =
      jump?.hostKey === undefined ? undefined : write("jump_known_hosts", renderKnownHosts([jump.hostKey]));
    this.#loginKey = loginKey === undefined ? undefined : write("login_key", loginKey);
    if (way === "password" && password !== undefined) {
      const { name, text } = renderAskpass(write("password", password), process.platform);
      this.#askpass = write(name, text, 0o700);
    }
  }

  /** An empty file for what ssh says. */
  openAnswer(): { readonly path: string; readonly handle: number } {
    const path = join(this.#folder, "answer");
    return { path, handle: openSync(path, "w", 0o600) };
  }

  /** The arguments of ssh, and what it finds in its environment besides ours. */
  sshCall(
    access: SshWay,
    dialSeconds: number,
    command: string,
    sharing: Sharing | undefined,
  ): [args: string[], environment: Record<string, string>] {
    const files = { knownHosts: this.#knownHosts, loginKey: this.#loginKey };
    const { jump } = access;
    const askpass: Record<string, string> =
      this.#askpass === undefined ? {} : { SSH_ASKPASS: this.#askpass, SSH_ASKPASS_REQUIRE: "force" };
    if (!jump) return [sshArguments(access, files, dialSeconds, undefined, command, sharing), askpass];
    const document: JumpDocument = { jump, knownHosts: this.#jumpKnownHosts, dialSeconds };
    return [
      sshArguments(access, files, dialSeconds, proxyCommand(), command, sharing),
      { ...askpass, [documentVariable]: renderProgramDocument(document) },
    ];
  }
}

function proxyCommand(): string {
  const program = join(import.meta.dirname, "open-jump.ts");
  return renderProxyCommand(
    [process.execPath, "--disable-warning=ExperimentalWarning", program],
    process.platform,
  );
}

/** What this program has started and still runs. */
const running = new Set<ChildProcess>();

/** Nobody else may look into it; it goes when this program ends. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-"));
  atExit(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    for (const child of running) child.kill();
    process.exit(130);
  });
