/** A real sshd at a port of this machine's, alone in a network of its own where this runs as root, and the operator's programs before it. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { debianProgram } from "../debianFiles.ts";
import { runTool } from "../tool.ts";

const project = join(__dirname, "../../..");
const isRoot = process.getuid?.() === 0;

export interface SshdOptions {
  /** Of sshd_config(5). */
  readonly options?: Readonly<Record<string, string>>;
  /** Options before the operator's key in authorized_keys. */
  readonly keyOptions?: string;
  /** What goes before sshd, as root in its own network and with its own files; `$1` is the port. */
  readonly prepare?: string;
}

export interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class RealSshd {
  readonly folder = mkdtempSync(join(tmpdir(), "home-relay-sshd-"));
  /** Where ssh finds no agent and no settings of whoever runs the test, and the sockets of shared connections lie. */
  readonly runtime = join(this.folder, "run");
  #port = 0;
  #child: ChildProcess | undefined;

  constructor() {
    mkdirSync(this.runtime, { mode: 0o700 });
    for (const key of ["login", "host"])
      runTool("openssh-client", "ssh-keygen", [
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-f",
        join(this.folder, key),
      ]);
  }

  async start({ options = {}, keyOptions = "", prepare = "" }: SshdOptions = {}): Promise<void> {
    this.#port = await freePort();
    writeFileSync(join(this.folder, "keys"), `${keyOptions} ${this.read("login.pub")}`);
    const { path, env } = debianProgram("/usr/sbin/sshd", ["openssh-server", "libwrap0"]);
    const all = {
      ListenAddress: `127.0.0.1:${this.#port}`,
      HostKey: join(this.folder, "host"),
      AuthorizedKeysFile: join(this.folder, "keys"),
      PidFile: "none",
      StrictModes: "no",
      UsePAM: "no",
      LogLevel: "VERBOSE",
      SetEnv: `PATH=${this.folder}/tools:/usr/sbin:/usr/bin:/sbin:/bin`,
      ...options,
    };
    const args = Object.entries(all).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
    const command = [path, "-D", "-f", "/dev/null", "-E", join(this.folder, "log"), ...args];
    // What is asked of a host before its first step, and answered, is preflight.test.ts's matter.
    mkdirSync(join(this.folder, "tools"), { recursive: true });
    this.answer();
    writeFileSync(join(this.folder, "passwd"), "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n");
    // As root it wants a user and a folder that this machine may not have.
    const ground = `cat /etc/passwd >>${this.folder}/passwd; mount --bind ${this.folder}/passwd /etc/passwd
      mount -t tmpfs none /run; mkdir /run/sshd; ip link set lo up
      ${prepare}
      shift; exec "$@"`;
    const [program = "", ...rest] = isRoot
      ? [
          "unshare",
          "--net",
          "--mount",
          "--pid",
          "--kill-child",
          "sh",
          "-ec",
          ground,
          "sh",
          String(this.#port),
          ...command,
        ]
      : command;
    this.#child = spawn(program, rest, {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
      // What runs for somebody who is in may outlive it, and would keep a pipe open.
      stdio: ["ignore", "ignore", openSync(join(this.folder, "stderr"), "w")],
    });
    for (let tries = 0; !this.log().includes("Server listening"); tries++) {
      if (tries === 50 || this.#child.exitCode !== null)
        throw new Error(`sshd does not come up: ${this.read("stderr")}${this.log()}`);
      await sleep(100);
    }
  }

  /** What the host says from now on when it is asked: `KIND TEXT`. */
  answer(line = ""): void {
    const says = line === "" ? "" : `echo "$3 ${line}"; `;
    writeFileSync(
      join(this.folder, "tools/sh"),
      `#!/bin/sh\n[ "$1 $2" = "-s --" ] || exec /bin/sh "$@"\ncat >/dev/null; ${says}echo "$3 end"\n`,
      { mode: 0o755 },
    );
  }

  /** Waits until somebody has made a file in the folder. */
  async until(name: string): Promise<void> {
    for (let tries = 0; !existsSync(join(this.folder, name)); tries++) {
      if (tries === 200) throw new Error(`nobody has made ${name}`);
      await sleep(50);
    }
  }

  /** As root it takes with it whoever is in. */
  async stop(): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) {
      // unshare does not heed SIGTERM.
      this.#child.kill(isRoot ? "SIGKILL" : "SIGTERM");
      await once(this.#child, "exit");
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), "utf8");
  }

  log(): string {
    return existsSync(join(this.folder, "log")) ? this.read("log") : "";
  }

  /** How many connections have been made to it. */
  get connections(): number {
    return this.log()
      .split("\n")
      .filter((line) => line.startsWith("Connection from ")).length;
  }

  access(more: object = {}): object {
    return {
      way: "ssh",
      host: "127.0.0.1",
      port: this.#port,
      user: userInfo().username,
      hostKeys: [this.read("host.pub").split(" ").slice(0, 2).join(" ")],
      identityFile: join(this.folder, "login"),
      ...more,
    };
  }

  /** Runs the program that waits until it is reached, for a host called nas; `more` is of its document. */
  reach(more: object = {}): Promise<Answer> {
    return this.run("reach-host.ts", {
      title: "nas",
      access: this.access(),
      stackId: "0123456789abcdef",
      stack: "home-relay/dev",
      needs: { packages: [] },
      waitSeconds: 15,
      limitSeconds: 35,
      hostKeyMend: "",
      ...more,
    });
  }

  /** Runs a program of components/host/ with a document. */
  async run(
    program: string,
    document: object,
    { args = [], input = "", env = {} }: { args?: string[]; input?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Answer> {
    const command = [
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      join("components/host", program),
      ...args,
    ];
    const [file = "", ...rest] = this.#inside(command);
    const child = spawn(file, rest, {
      cwd: project,
      env: {
        ...{ PATH: process.env["PATH"], HOME: this.folder, TMPDIR: this.folder, LC_ALL: "C" },
        ...{ XDG_RUNTIME_DIR: this.runtime, HOMERELAY_DOCUMENT: JSON.stringify(document), ...env },
      },
    });
    child.stdin.end(input);
    const [[status], stdout, stderr] = await Promise.all([
      once(child, "close") as Promise<[number | null]>,
      text(child.stdout),
      text(child.stderr),
    ]);
    return { status, stdout, stderr };
  }

  /** Runs a command in sshd's network. */
  must(command: readonly string[]): void {
    const [file = "", ...args] = this.#inside(command);
    const { status, stderr } = spawnSync(file, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  }

  #inside(command: readonly string[]): string[] {
    return isRoot ? ["nsenter", `--net=/proc/${this.#child?.pid ?? 0}/ns/net`, ...command] : [...command];
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
