import { spawn } from "node:child_process";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../shell.ts";
import type { Versions } from "./build.ts";

const repository = join(import.meta.dirname, "..", "..", "..");

/** How long the download may stay silent before it counts as not to be had. */
const patienceMs = 5000;

export async function packageVersion(name: string): Promise<string> {
  const text = await readFile(join(repository, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * Fetches the official CLI, through the npm package that carries its downloader, and the official plugins into `bin/`
 * and `home/` of `result`; returns the versions of the CLI and the language host. Nothing when they are not to be had.
 */
export async function fetchOfficial(
  options: { readonly work: string; readonly result: string; readonly versions: Versions },
  report: (line: string) => void,
): Promise<Record<string, string> | undefined> {
  const { work, result, versions } = options;
  const home = join(result, "home");
  const cli = await packageVersion("pulumi");
  // The downloader leaves its script in TMPDIR when it is killed.
  const env = {
    ...process.env,
    ...{ PULUMI_HOME: home, PULUMI_VERSION: cli, PULUMI_SKIP_UPDATE_CHECK: "true", TMPDIR: work },
  };

  report("trying to download the official Pulumi");
  const downloader = join(repository, "node_modules", "pulumi", "run.js");
  if (!(await showsLife([process.execPath, downloader, "version"], env))) return undefined;
  await rename(join(home, "versions", cli, "bin"), join(result, "bin"));

  for (const [name, version] of Object.entries(versions) as [keyof Versions, string][]) {
    report(`downloading the official ${name} plugin`);
    const install = [join(result, "bin", "pulumi"), "plugin", "install", "resource", name, version];
    const { code } = await run(install, { env, timeoutMs: 300_000 });
    if (code !== 0) return undefined;
  }
  return { pulumi: cli, "pulumi-language-nodejs": cli };
}

/**
 * Runs a download to its end, unless it stays silent from the start. Its first line only says that it will try; the
 * second comes from the installer, which has then been fetched.
 */
function showsLife(command: readonly [string, ...string[]], env: NodeJS.ProcessEnv): Promise<boolean> {
  const [program, ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const kill = () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    const limit = setTimeout(kill, 10 * 60_000);
    const patience = setTimeout(kill, patienceMs);
    let text = "";
    const listen = (chunk: Buffer) => {
      text += chunk.toString();
      if (text.trim().includes("\n")) clearTimeout(patience);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    const end = (good: boolean) => {
      clearTimeout(limit);
      clearTimeout(patience);
      resolve(good);
    };
    child.on("error", () => end(false));
    child.on("close", (code) => end(code === 0));
  });
}
