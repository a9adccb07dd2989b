/** The owner of the home, who sits at its console: runs the program there, or a script that the operator handed over. */
import { basename, dirname, join } from "node:path";
import { stringify } from "yaml";
import { cloudApiUrl } from "./addresses.ts";
import { prepareEngine } from "./engine.ts";
import { exec } from "./machines.ts";
import type { StackConfig } from "./operator.ts";
import { paths } from "./paths.ts";
import { readableAtHome } from "./plainMachines.ts";
import type { Result, RunOptions } from "./shell.ts";
import { cloudToken } from "./world.ts";

const folder = "/root/home-relay";
const state = "/root/state";
const stack = "local";

/** A checkout at home, of links to the very files under test, with a stack of its own. */
export class OwnerAtHome {
  readonly #environment: readonly string[];

  private constructor(environment: readonly string[]) {
    this.#environment = environment;
  }

  static async settleIn(): Promise<OwnerAtHome> {
    const { bin, pulumiHome } = await prepareEngine(() => undefined);
    const { repository } = readableAtHome;
    const path = [
      seenAtHome(bin),
      join(repository, "node_modules/.bin"),
      "/usr/sbin",
      "/usr/bin",
      "/sbin",
      "/bin",
    ];
    const owner = new OwnerAtHome([
      `PATH=${path.join(":")}`,
      "HOME=/root",
      "LANG=C.UTF-8",
      `PULUMI_HOME=${state}/pulumi`,
      `PULUMI_BACKEND_URL=file://${state}`,
      "PULUMI_CONFIG_PASSPHRASE=correct horse battery staple",
      "PULUMI_SKIP_UPDATE_CHECK=true",
      "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
      "PULUMI_IGNORE_AMBIENT_PLUGINS=true",
    ]);
    const files = ["Pulumi.yaml", "package.json", "index.ts", "components", "node_modules"];
    await must(["mkdir", "-p", folder, `${state}/pulumi`]);
    await must(["ln", "-s", `${seenAtHome(pulumiHome)}/plugins`, `${state}/pulumi/plugins`]);
    for (const file of files) await must(["ln", "-s", join(repository, file), folder]);
    await owner.pulumi(["stack", "init"]);
    return owner;
  }

  async configure(config: StackConfig): Promise<void> {
    const settings = Object.fromEntries(
      Object.entries(config).map(([key, value]) => [`home-relay:${key}`, value as unknown]),
    );
    const hcloud = { "hcloud:endpoint": cloudApiUrl, "hcloud:pollInterval": "20ms" };
    const file = `${folder}/Pulumi.${stack}.yaml`;
    // What the engine wrote before, the salt of its encryption, stays.
    await must(["sh", "-c", 'sed -i "/^config:/,\\$d" "$0" && cat >>"$0"', file], {
      input: `\n${stringify({ config: { ...hcloud, ...settings } })}`,
    });
    await this.pulumi(["config", "set", "--secret", "hcloud:token"], { input: await cloudToken() });
  }

  /** Runs `pulumi` at home, which has to succeed. */
  async pulumi(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const command = ["env", "--chdir", folder, ...this.#environment, "pulumi", ...args, "--stack", stack];
    const { stdout } = await must(command, { timeoutMs: 600_000, ...options });
    return stdout;
  }

  /** Takes the checkout and its state away. */
  async moveOut(): Promise<void> {
    await must(["rm", "-rf", folder, state]);
  }
}

/** Where the home sees a folder of an engine in the cache. */
function seenAtHome(path: string): string {
  const engine = dirname(path);
  if (dirname(engine) !== join(paths.cache, "engine"))
    throw new Error(`the home sees only engines in ${paths.cache}/engine, and not ${path}`);
  return join(readableAtHome.engine, basename(engine), basename(path));
}

async function must(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  const result = await exec("home", command, options);
  if (result.code !== 0)
    throw new Error(`at home: ${command.join(" ")}: exit ${result.code}\n${result.stdout}${result.stderr}`);
  return result;
}
