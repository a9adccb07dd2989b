/** A relay that watches its homes: the real scripts, with a clock that a test moves. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { renderSecrets, renderWatched } from "../../../components/notify/documents.ts";
import type { NotifyService } from "../../../components/network/notifyService.ts";
import { noticeHosts } from "../../lab/notices.ts";
import type { NoticeOrder, NoticeReport } from "../../lab/notices.ts";
import { runTool } from "../tool.ts";
import { LastingWorld } from "../world/namespaces.ts";

const components = join(__dirname, "../../../components");
const node = join(__dirname, "../../../node_modules/.bin/node");

/** A message that waits in the outbox. */
export interface Waiting {
  readonly kind: string;
  readonly title: string;
  readonly text: string;
}

export interface Home {
  readonly name: string;
  readonly address: string;
}

export class WatchingRelay {
  readonly folder = mkdtempSync(join(tmpdir(), "home-relay-notify-"));
  readonly #world: LastingWorld;
  readonly #children: ChildProcess[] = [];
  #ask: ((line: string) => Promise<string>) | undefined;
  #uptime = 1000;
  /** Seconds that the clock is ahead of the machine's. */
  #ahead = 0;

  private constructor(world: LastingWorld) {
    this.#world = world;
  }

  static async begin(): Promise<WatchingRelay> {
    const relay = new WatchingRelay(await LastingWorld.begin());
    relay.#install();
    return relay;
  }

  #install(): void {
    const { folder } = this;
    for (const name of ["lib", "etc/notify", "var", "bin"])
      mkdirSync(join(folder, name), { recursive: true });
    const scripts = ["host/messages.sh", "host/files.sh"].concat(
      readdirSync(join(components, "notify"))
        .filter((name) => name.endsWith(".sh"))
        .map((name) => `notify/${name}`),
    );
    for (const script of scripts)
      writeFileSync(
        join(folder, "lib", script.replace(/.*\//, "")),
        readFileSync(join(components, script), "utf8")
          .replaceAll("/usr/local/lib/homerelay", `${folder}/lib`)
          .replaceAll("/etc/homerelay", `${folder}/etc`)
          .replaceAll("/var/lib/homerelay", `${folder}/var`)
          .replaceAll("/proc/uptime", `${folder}/uptime`)
          .replaceAll("/proc/sys/kernel/random/boot_id", `${folder}/boot_id`),
        { mode: 0o755 },
      );
    writeFileSync(
      join(folder, "bin/date"),
      `#!/bin/sh\nif [ "$*" = +%s ]; then echo $(($(/bin/date +%s) + $(cat ${folder}/ahead))); else exec /bin/date "$@"; fi\n`,
      { mode: 0o755 },
    );
    this.#setClock();
    this.#boot(1);
    const hosts = ["localhost", ...noticeHosts, "other.example.net"].map((host) => `127.0.0.1 ${host}\n`);
    writeFileSync(join(folder, "hosts"), hosts.join(""));
    this.shell(`ip link set lo up; mount --bind ${folder}/hosts /etc/hosts`);
  }

  #setClock(): void {
    writeFileSync(join(this.folder, "uptime"), `${this.#uptime}.50 1.00\n`);
    writeFileSync(join(this.folder, "ahead"), `${this.#ahead}\n`);
  }

  #boot(number: number): void {
    writeFileSync(join(this.folder, "boot_id"), `boot-${number}\n`);
  }

  settings(services: readonly NotifyService[], homes: readonly Home[], includedTrafficGb?: number): void {
    const peers = homes.map(({ name, address }) => ({
      name,
      tunnelAddress: { ipv4: address, ipv6: "fd77::1" },
    }));
    const watched = {
      stack: "home-relay/dev",
      section: "home-relay:notify",
      services,
      homes: peers,
      includedTrafficGb,
    };
    writeFileSync(join(this.folder, "etc/notify/watched"), renderWatched(watched));
    writeFileSync(join(this.folder, "etc/notify/secrets"), renderSecrets(services));
  }

  /** Lines of shell in the relay's network, and what they said. */
  shell(script: string): string {
    return runTool("util-linux", ...this.#entered(["bash", "-euc", script]));
  }

  #entered(command: readonly string[]): [string, string[]] {
    const path = `${join(this.folder, "bin")}:/usr/sbin:/usr/bin:/sbin:/bin`;
    const env = ["env", `PATH=${path}`, "LC_ALL=C", `CURL_CA_BUNDLE=${join(this.folder, "authority.pem")}`];
    return this.#world.enter([...env, ...command]);
  }

  /** Time goes by, without anybody looking; the clock of the day may go another way. */
  pass(seconds: number, clockSeconds = seconds): void {
    this.#uptime += seconds;
    this.#ahead += clockSeconds;
    this.#setClock();
  }

  reboot(number: number): void {
    this.#uptime = 20;
    this.#setClock();
    this.#boot(number);
  }

  /** One run of each script; what went into the journal. */
  watch(): string {
    return this.run("watch-homes.sh").said;
  }

  send(word?: string): { readonly status: number | null; readonly said: string } {
    return this.run("send-messages.sh", ...(word === undefined ? [] : [word]));
  }

  run(
    script: string,
    ...words: readonly string[]
  ): { readonly status: number | null; readonly said: string } {
    const [program, args] = this.#entered(["bash", join(this.folder, "lib", script), ...words]);
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 120_000 });
    return { status, said: stdout + stderr };
  }

  /** What waits for the services, oldest first. */
  waiting(): readonly Waiting[] {
    const outbox = join(this.folder, "var/notify/services");
    if (!existsSync(outbox)) return [];
    return readdirSync(outbox).flatMap((id) =>
      readdirSync(join(outbox, id))
        .filter((name) => /^\d+$/.test(name))
        .sort()
        .map((name) => {
          const lines = readFileSync(join(outbox, id, name), "utf8").split("\n");
          return { kind: lines[0] ?? "", title: lines[1] ?? "", text: lines[2] ?? "" };
        }),
    );
  }

  forgetWaiting(): void {
    rmSync(join(this.folder, "var/notify/services"), { recursive: true, force: true });
  }

  file(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  /** A program in the relay's network that ends with it. */
  start(command: readonly string[]): ChildProcess {
    const [program, args] = this.#entered(command);
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#children.push(child);
    return child;
  }

  /** Whoever is told, at all names that there are. */
  async serve(): Promise<void> {
    const at = (name: string) => join(this.folder, name);
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"];
    const ssl = (args: readonly string[]) => runTool("openssl", "openssl", ["req", "-x509", ...key, ...args]);
    ssl(["-subj", "/CN=authority", "-keyout", at("authority.key"), "-out", at("authority.pem")]);
    const names = noticeHosts.map((host) => `DNS:${host}`).join();
    ssl([
      ...["-subj", "/CN=services", "-addext", `subjectAltName=${names}`],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-CA", at("authority.pem"), "-CAkey", at("authority.key")],
      ...["-keyout", at("own.key"), "-out", at("own.pem")],
    ]);
    const program = join(__dirname, "serveNotices.ts");
    const child = this.start([
      node,
      "--disable-warning=ExperimentalWarning",
      program,
      at("own.pem"),
      at("own.key"),
    ]);
    if (child.stdout === null) throw new Error("no output");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => String((await lines.next()).value);
    if ((await next()) !== "ready") throw new Error("the services do not start");
    this.#ask = (line) => {
      child.stdin?.write(`${line}\n`);
      return next();
    };
  }

  async control(order: NoticeOrder = {}): Promise<NoticeReport> {
    if (this.#ask === undefined) throw new Error("nobody is served");
    return JSON.parse(await this.#ask(JSON.stringify(order))) as NoticeReport;
  }

  async end(): Promise<void> {
    for (const child of this.#children) {
      const ended = once(child, "exit");
      if (child.exitCode === null && child.signalCode === null) {
        child.kill();
        await ended;
      }
    }
    await this.#world.end();
    rmSync(this.folder, { recursive: true });
  }
}
