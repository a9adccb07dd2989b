import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { addresses, cloudApiUrl } from "./addresses.ts";
import { prepareEngine } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { inNetworkOf } from "./machines.ts";
import { asPerson } from "./network.ts";
import { paths } from "./paths.ts";
import { must, run } from "./shell.ts";
import type { Result, RunOptions } from "./shell.ts";
import { cloudToken } from "./world.ts";

const repository = join(import.meta.dirname, "../..");

/**
 * Where the operator's commands run: at a machine of his own in the LAN, or with the home's network, as somebody who
 * runs pulumi on the home itself and so is in the tunnel. Files are the operator's own in both cases.
 */
export type Seat = "operator" | "home";

/** What `home-relay:` holds in the stack file of the lab. */
export interface StackConfig {
  readonly relay?: Readonly<Record<string, unknown>>;
  readonly homes: readonly Readonly<Record<string, unknown>>[];
  readonly tunnel?: Readonly<Record<string, unknown>>;
  readonly dns?: Readonly<Record<string, unknown>>;
  readonly devices?: readonly unknown[];
}

/**
 * The operator, who sits in the home's LAN with a checkout of this project and runs `pulumi` in it. The checkout has
 * links to the very files under test; state and stack files are the operator's own.
 */
export class Operator {
  readonly #engine: Engine;
  readonly stack: string;

  readonly #seat: Seat;

  private constructor(engine: Engine, stack: string, seat: Seat) {
    this.#engine = engine;
    this.stack = stack;
    this.#seat = seat;
  }

  /** An operator with a stack of the given name, made if it is not there. */
  static async withStack(stack: string, report: (line: string) => void): Promise<Operator> {
    const operator = new Operator(await prepareEngine(report), stack, "operator");
    await makeCheckout();
    if (!existsSync(stackFile(stack))) {
      await operator.#must(["stack", "init"]);
      await operator.configure({ homes: [await home()] });
    }
    return operator;
  }

  /** The same one at another seat. */
  at(seat: Seat): Operator {
    return new Operator(this.#engine, this.stack, seat);
  }

  /** Writes the stack file: the lab's endpoint and token, and the given settings. */
  async configure(config: StackConfig): Promise<void> {
    const file = stackFile(this.stack);
    const salt =
      /^encryptionsalt: .*$/m.exec(existsSync(file) ? await readFile(file, "utf8") : "")?.[0] ?? "";
    const settings = Object.fromEntries(
      Object.entries(config).map(([key, value]) => [`home-relay:${key}`, value as unknown]),
    );
    const hcloud = {
      "hcloud:endpoint": cloudApiUrl,
      "hcloud:pollInterval": "20ms",
      "hcloud:pollFunction": "constant",
    };
    await writeFile(file, `${salt}\n${stringify({ config: { ...hcloud, ...settings } })}`);
    await this.#must(["config", "set", "--secret", "hcloud:token"], { input: await cloudToken() });
  }

  /** Sets an encrypted value in the stack file, as `pulumi config set` takes its path. */
  async setSecret(path: string, value: string): Promise<void> {
    await this.#must(["config", "set", "--secret", "--path", path], { input: value });
  }

  /** Runs `pulumi` on the stack, as the operator would; `env` adds to the operator's environment. */
  async pulumi(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.command([join(this.#engine.bin, "pulumi"), ...args, "--stack", this.stack], options);
  }

  /** Runs any command in the checkout, as the operator would. */
  async command(command: readonly string[], options: RunOptions = {}): Promise<Result> {
    const own = withOwnSsh(command);
    return run(this.#seat === "operator" ? asPerson("operator", own) : await inNetworkOf("home", own), {
      timeoutMs: 600_000,
      ...options,
      cwd: checkout,
      env: { ...this.environment(), ...options.env },
    });
  }

  /** `pulumi up`, which has to succeed. */
  async up(args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return this.#must(["up", "--yes", "--skip-preview", "--non-interactive", ...args], options);
  }

  async destroy(options: RunOptions = {}): Promise<string> {
    return this.#must(["destroy", "--yes", "--skip-preview", "--non-interactive"], options);
  }

  async outputs(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.#must(["stack", "output", "--json"])) as Record<string, unknown>;
  }

  /** Everything that an operator's shell has, and nothing of the shell that runs the lab but its PATH. */
  environment(): NodeJS.ProcessEnv {
    return {
      PATH: [this.#engine.bin, join(repository, "node_modules/.bin"), process.env["PATH"]].join(":"),
      HOME: operatorHome,
      LANG: "C.UTF-8",
      PULUMI_HOME: this.#engine.pulumiHome,
      PULUMI_BACKEND_URL: `file://${operatorHome}`,
      PULUMI_CONFIG_PASSPHRASE: passphrase,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
      NODE_COMPILE_CACHE: join(paths.cache, "node-compile-cache"),
    };
  }

  async #must(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.pulumi(args, options);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }
}

/** One of the lab's homes as a stack file names it: reached over the LAN, its host key pinned. */
export async function home(
  forwards: readonly unknown[] = ["80:8080", "443:8081", "64738:64738/tcp+udp"],
  machine: "home" | "attic" = "home",
): Promise<Record<string, unknown>> {
  return {
    name: machine === "home" ? "nas" : machine,
    install: "ssh",
    ssh: {
      host: addresses[machine],
      user: "root",
      hostKey: await hostKeyOf(machine),
      identityFile: paths.operatorKey,
    },
    forwards,
  };
}

/** A machine's public host key, as a stack file takes it. */
export async function hostKeyOf(machine: "home" | "attic" | "vps"): Promise<string> {
  return (await readFile(paths.hostKeyOf(machine), "utf8")).trim();
}

/** The zone that the lab's stacks make. */
export const zone = "example.org";

const operatorHome = join(paths.run, "operator");

/** The operator's ~/.ssh: empty until a check puts something there. */
export const operatorSsh = join(operatorHome, ".ssh");

/** ssh goes by the password file and not by $HOME, so the operator's folder is laid over that of the lab's user. */
function withOwnSsh(command: readonly string[]): string[] {
  const script = 'mkdir -p -m 700 "$2" && mount --bind "$1" "$2" && shift 2 && exec "$@"';
  return ["sh", "-c", script, "sh", operatorSsh, join(userInfo().homedir, ".ssh"), ...command];
}

export const checkout = join(operatorHome, "home-relay");

/** It guards a state that lives as long as the lab. */
const passphrase = "correct horse battery staple";

function stackFile(stack: string): string {
  return join(checkout, `Pulumi.${stack}.yaml`);
}

async function makeCheckout(): Promise<void> {
  if (existsSync(checkout)) return;
  await mkdir(checkout, { recursive: true, mode: 0o700 });
  for (const entry of ["Pulumi.yaml", "package.json", "index.ts", "components", "node_modules"])
    await symlink(join(repository, entry), join(checkout, entry));
  await must(["chmod", "700", operatorHome]);
  await mkdir(operatorSsh, { mode: 0o700 });
}
