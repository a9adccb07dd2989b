import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
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

/** The relay's public addresses by family. */
export type Published = Readonly<Record<4 | 6, string>>;

/** What `home-relay:` holds in the stack file of the lab. */
export interface StackConfig {
  readonly relay?: Readonly<Record<string, unknown>>;
  readonly homes: readonly Readonly<Record<string, unknown>>[];
  readonly tunnel?: Readonly<Record<string, unknown>>;
  readonly dns?: Readonly<Record<string, unknown>>;
  readonly notify?: unknown;
  readonly devices?: readonly unknown[];
}

/**
 * The operator, who sits in the home's LAN with a checkout of this project and runs `pulumi` in it. The checkout has
 * links to the very files under test; state and stack files are the operator's own.
 */
export class Operator {
  readonly #engine: Engine;
  stack: string;

  readonly #seat: Seat;
  /** The cloud's token as the stack file has it, encrypted: encrypting it anew takes a run of pulumi. */
  #encryptedToken: unknown;

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

  /**
   * Lays another program into the checkout, whose state and stack files stay: one of the folder, or (left out) the one
   * under test.
   */
  async useProgram(folder = repository): Promise<void> {
    for (const entry of programEntries) {
      await rm(join(checkout, entry));
      await symlink(join(folder, entry), join(checkout, entry));
    }
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
    const token = this.#encryptedToken === undefined ? {} : { "hcloud:token": this.#encryptedToken };
    await writeFile(file, `${salt}\n${stringify({ config: { ...hcloud, ...token, ...settings } })}`);
    if (this.#encryptedToken !== undefined) return;
    await this.#must(["config", "set", "--secret", "hcloud:token"], { input: await cloudToken() });
    const written = parse(await readFile(file, "utf8")) as { config: Record<string, unknown> };
    this.#encryptedToken = written.config["hcloud:token"];
  }

  /** Writes the stack file of one home with these forwards, beside other settings. */
  async forward(forwards: readonly unknown[], settings: Partial<StackConfig> = {}): Promise<void> {
    await this.configure({ ...settings, homes: [await home(forwards)] });
  }

  /** Sets an encrypted value in the stack file, as `pulumi config set` takes its path. */
  async setSecret(path: string, value: string): Promise<void> {
    await this.#must(["config", "set", "--secret", "--path", path], { input: value });
  }

  /** Gives the stack another name. */
  async renameStack(name: string): Promise<void> {
    await this.#must(["stack", "rename", name]);
    this.stack = name;
  }

  /** Runs `pulumi` on the stack, as the operator would; `env` adds to the operator's environment. */
  async pulumi(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.command([join(this.#engine.bin, "pulumi"), ...args, "--stack", this.stack], options);
  }

  /** Runs any command in the checkout, as the operator would. */
  async command(command: readonly string[], options: RunOptions = {}): Promise<Result> {
    const line =
      this.#seat === "operator" ? atOwnMachine(command) : await inNetworkOf("home", withOwnSsh(command));
    return run(line, {
      timeoutMs: 600_000,
      ...options,
      cwd: checkout,
      env: { ...this.environment(), ...options.env },
    });
  }

  /** `pulumi up` or `destroy`, whatever its end. */
  async attempt(
    verb: "up" | "destroy",
    args: readonly string[] = [],
    options: RunOptions = {},
  ): Promise<Result> {
    return this.pulumi([verb, ...unattended, ...args], options);
  }

  /** `pulumi up`, which has to succeed. */
  async up(args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return this.#must(["up", ...unattended, ...args], options);
  }

  async destroy(options: RunOptions = {}): Promise<string> {
    return this.#must(["destroy", ...unattended], options);
  }

  /** `npm run check`, as the operator types it. */
  async check(words: readonly string[] = []): Promise<Result> {
    return this.command(["node", "components/check-stack.ts", "--stack", this.stack, ...words]);
  }

  /** The relay's public addresses, as the stack gives them out. */
  async published(): Promise<Published> {
    const { ipv4Address, ipv6Address } = await this.outputs();
    return { 4: String(ipv4Address), 6: String(ipv6Address) };
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

/** For a `pulumi` that nobody sits at, and whose output is read by a program. */
const unattended = ["--yes", "--skip-preview", "--non-interactive", "--color", "never"] as const;

export const operatorHome = join(paths.run, "operator");

/** The operator's ~/.ssh: empty until a check puts something there. */
export const operatorSsh = join(operatorHome, ".ssh");

/** ssh goes by the password file and not by $HOME, so the operator's folder is laid over that of the lab's user. */
function withOwnSsh(command: readonly string[]): string[] {
  const script = 'mkdir -p -m 700 "$2" && mount --bind "$1" "$2" && shift 2 && exec "$@"';
  return ["sh", "-c", script, "sh", operatorSsh, join(userInfo().homedir, ".ssh"), ...command];
}

/** The command line of somebody who sits at the operator's machine, and has his ~/.ssh. */
export function atOwnMachine(command: readonly string[]): string[] {
  return asPerson("operator", withOwnSsh(command));
}

export const checkout = join(operatorHome, "home-relay");

/** It guards a state that lives as long as the lab. */
const passphrase = "correct horse battery staple";

function stackFile(stack: string): string {
  return join(checkout, `Pulumi.${stack}.yaml`);
}

/** What a checkout has links to. */
const programEntries = ["Pulumi.yaml", "package.json", "index.ts", "components", "node_modules"];

async function makeCheckout(): Promise<void> {
  if (existsSync(checkout)) return;
  await makeOperatorHome();
  await mkdir(checkout, { mode: 0o700 });
  for (const entry of programEntries) await symlink(join(repository, entry), join(checkout, entry));
}

/** The folder that is the operator's HOME, with nothing of this project in it. */
export async function makeOperatorHome(): Promise<void> {
  await mkdir(operatorSsh, { recursive: true, mode: 0o700 });
  await must(["chmod", "700", operatorHome]);
}
