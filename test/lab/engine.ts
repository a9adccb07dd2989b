import { createHash } from "node:crypto";
import {
  access,
  constants,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { build, pluginPath, sources, type Versions } from "./engine/build.ts";
import { fetchOfficial, packageVersion } from "./engine/official.ts";
import { locked } from "./locked.ts";
import { cacheFolder } from "./paths.ts";
import { must } from "./shell.ts";

/** The real Pulumi, ready to run. */
export interface Engine {
  /** A folder that the user named, the official binaries, or ones built from registry modules. */
  readonly origin: "folder" | "official" | "built";
  /** Holds `pulumi` and `pulumi-language-nodejs`; goes first on PATH. */
  readonly bin: string;
  /** Holds the plugins. Shared by all runs; a run's state and workspaces are the caller's. */
  readonly pulumiHome: string;
  readonly versions: Readonly<Record<string, string>>;
}

const programs = ["pulumi", "pulumi-language-nodejs"] as const;
const plugins = ["hcloud", "random", "command"] as const;

/** How long a failed attempt at the official binaries is remembered. */
const unavailableForMs = 24 * 3600_000;

/**
 * Finds or makes the engine: the folder in HOMERELAY_ENGINE, else the cache, else the official binaries, else a build
 * from source. What was made is kept in the cache, so it is made once.
 */
export async function prepareEngine(report: (line: string) => void): Promise<Engine> {
  const cache = join(cacheFolder(), "engine");
  const versions: Versions = {
    hcloud: await packageVersion("@pulumi/hcloud"),
    random: await packageVersion("@pulumi/random"),
    command: await packageVersion("@pulumi/command"),
  };
  const folder = process.env["HOMERELAY_ENGINE"];
  if (folder) return useFolder(resolve(folder), cache, versions, report);

  const place = join(cache, await cacheKey(versions));
  return (
    (await readCached(place)) ?? locked(`${place}.lock`, report, () => make(cache, place, versions, report))
  );
}

async function make(
  cache: string,
  place: string,
  versions: Versions,
  report: (line: string) => void,
): Promise<Engine> {
  const cached = await readCached(place);
  if (cached) return cached;

  const draft = `${place}.draft`;
  const fresh = async () => {
    await rm(draft, { recursive: true, force: true });
    const folders = { work: join(draft, "work"), result: join(draft, "result") };
    await mkdir(folders.work, { recursive: true });
    await mkdir(folders.result);
    return { ...folders, cache, versions };
  };
  try {
    const unavailable = join(cache, "official-unavailable");
    let official: Record<string, string> | undefined;
    if (!(await isYoung(unavailable))) {
      official = await fetchOfficial(await fresh(), report);
      if (!official) await writeFile(unavailable, "");
    }
    const made = official
      ? { origin: "official", versions: { ...official, ...versions } }
      : { origin: "built", versions: { ...(await build(await fresh(), report)), ...versions } };
    await writeFile(join(draft, "result", "engine.json"), `${JSON.stringify(made, undefined, 2)}\n`);
    await rename(join(draft, "result"), place);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const engine = await readCached(place);
  if (!engine) throw new Error(`no engine in ${place} although it was just made`);
  return engine;
}

async function readCached(place: string): Promise<Engine | undefined> {
  const text = await readFile(join(place, "engine.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { origin, versions } = JSON.parse(text) as Pick<Engine, "origin" | "versions">;
  return { origin, versions, bin: join(place, "bin"), pulumiHome: join(place, "home") };
}

/**
 * The binaries of the folder, in the cache: plugins are found by version in a home of the CLI's own layout, and the
 * machines of a lab see the cache alone. They are copied anew when one of them has changed.
 */
async function useFolder(
  folder: string,
  cache: string,
  versions: Versions,
  report: (line: string) => void,
): Promise<Engine> {
  const names = [...programs, ...plugins.map((name) => `pulumi-resource-${name}`)];
  const usable = await Promise.all(names.map((name) => isExecutable(join(folder, name))));
  const missing = names.filter((_, index) => !usable[index]);
  if (missing.length > 0)
    throw new Error(`HOMERELAY_ENGINE=${folder} has no executable ${missing.join(", ")}`);

  const files = await Promise.all(names.map((name) => stat(join(folder, name))));
  const place = join(cache, `folder-${shortHash([folder])}`);
  const content = shortHash([
    JSON.stringify(versions),
    ...files.map((file) => `${file.size} ${file.mtimeMs}`),
  ]);
  const cached = async () => ((await contentOf(place)) === content ? readCached(place) : undefined);
  return (
    (await cached()) ??
    locked(
      `${place}.lock`,
      report,
      async () => (await cached()) ?? copyFolder(folder, place, content, versions),
    )
  );
}

async function copyFolder(
  folder: string,
  place: string,
  content: string,
  versions: Versions,
): Promise<Engine> {
  const draft = `${place}.draft`;
  await rm(draft, { recursive: true, force: true });
  const copies = [
    ...programs.map((name) => [name, join("bin", name)] as const),
    ...plugins.map((name) => [`pulumi-resource-${name}`, join("home", pluginPath(name, versions))] as const),
  ];
  for (const [name, copy] of copies) {
    await mkdir(dirname(join(draft, copy)), { recursive: true });
    await copyFile(join(folder, name), join(draft, copy), constants.COPYFILE_FICLONE);
  }
  const env = { ...process.env, PULUMI_HOME: join(draft, "home"), PULUMI_SKIP_UPDATE_CHECK: "true" };
  const cli = (await must([join(draft, "bin", "pulumi"), "version"], { env })).trim();
  const made = { origin: "folder", versions: { pulumi: cli.replace(/^v/, "") }, content };
  await writeFile(join(draft, "engine.json"), `${JSON.stringify(made, undefined, 2)}\n`);
  await rm(place, { recursive: true, force: true });
  await rename(draft, place);
  const engine = await readCached(place);
  if (!engine) throw new Error(`no engine in ${place} although it was just copied`);
  return engine;
}

/** What a copied folder was like when it was copied. */
async function contentOf(place: string): Promise<string | undefined> {
  const text = await readFile(join(place, "engine.json"), "utf8").catch(() => "{}");
  return (JSON.parse(text) as { content?: string }).content;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** What a build depends on: the versions, the Go sources, how they are built, for which machine. */
async function cacheKey(versions: Versions): Promise<string> {
  const files = (await readdir(sources, { recursive: true }))
    .filter((file) => /(?:\.go|go\.mod|go\.sum|build\.ts)$/.test(file) && !file.endsWith("_test.go"))
    .sort();
  const contents = await Promise.all(files.map((file) => readFile(join(sources, file), "utf8")));
  const described = [
    process.platform,
    process.arch,
    await packageVersion("pulumi"),
    JSON.stringify(versions),
  ];
  return shortHash([...described, ...files, ...contents]);
}

function shortHash(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

async function isYoung(file: string): Promise<boolean> {
  const age = await stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => Infinity,
  );
  return age < unavailableForMs;
}
