/** What the worlds of the contract tests stand on: namespaces of their own, which end with them. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { asRoot } from "../tool.ts";

const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" };

/** For `unshare`: whatever a world starts, and every namespace that it names, is gone with its one program. */
export const apart: readonly string[] = [
  ...asRoot,
  ...["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"],
];

/** Lines of shell: names of network namespaces are this world's own from here on. */
export const ownNames = "mount -t tmpfs tmpfs /run; mkdir /run/netns";

/** Throws with all that is missing at once. `tools`: the Debian package of each command. */
export function needTools(tools: Readonly<Record<string, string>>): void {
  const missing = Object.entries(tools).filter(
    ([command]) => spawnSync("sh", ["-c", `command -v ${command}`], { env }).status !== 0,
  );
  if (missing.length === 0) return;
  const [commands, packages] = [0, 1].map((i) => [...new Set(missing.map((one) => one[i]))]);
  throw new Error(
    `not on this machine: ${commands?.join(", ")}; install what has them: apt-get install ${packages?.join(" ")}`,
  );
}

/** A world in which several programs run one after the other, or at once. */
export class LastingWorld {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async begin(): Promise<LastingWorld> {
    const hold = `${ownNames}; echo ready; exec cat`;
    const holder = spawn("unshare", [...asRoot, "--mount", "--net", "sh", "-ec", hold], {
      stdio: ["pipe", "pipe", "inherit"],
      env,
    });
    const { done = false } = await createInterface({ input: holder.stdout })[Symbol.asyncIterator]().next();
    if (done) throw new Error("this machine gives no namespaces; run this as root");
    return new LastingWorld(holder);
  }

  /** A command, and its arguments, that runs another one in this world. */
  enter(command: readonly string[]): [string, string[]] {
    const user = asRoot.length === 0 ? [] : ["--user", "--preserve-credentials"];
    return ["nsenter", ["--target", `${this.#holder.pid}`, ...user, "--mount", "--net", ...command]];
  }

  /** With all of its namespaces, once nothing runs in them. */
  async end(): Promise<void> {
    const ended = once(this.#holder, "exit");
    this.#holder.stdin?.end();
    await ended;
  }
}
