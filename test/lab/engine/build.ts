import { cp, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { must } from "../shell.ts";
import { buildEnvironment, findGo } from "./toolchain.ts";

export const sources = import.meta.dirname;

/** Folders that are a Go module each: their dependencies do not agree on versions. */
const modules = ["pulumi", "language-nodejs", "bridged", "command"];

interface Target {
  readonly module: string;
  readonly package: string;
  /** Where the binary goes, below the result. */
  readonly output: string;
  /** Variables that the linker sets. */
  readonly variables: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
}

export interface Versions {
  readonly hcloud: string;
  readonly random: string;
  readonly command: string;
}

/** Where the CLI looks for a provider, below its home. */
export function pluginPath(name: keyof Versions, versions: Versions): string {
  return join("plugins", `resource-${name}-v${versions[name]}`, `pulumi-resource-${name}`);
}

/** The version of a required module, from the go.mod that the build uses. */
async function requiredVersion(module: string, path: string): Promise<string> {
  const text = await readFile(join(sources, module, "go.mod"), "utf8");
  const line = text.split("\n").find((candidate) =>
    candidate
      .trim()
      .replace(/^require /, "")
      .startsWith(`${path} v`),
  );
  const version = line && / v(\S+)/.exec(line)?.[1];
  if (!version) throw new Error(`${module}/go.mod does not require ${path}`);
  return version;
}

/**
 * Builds the whole engine into `bin/` and `home/` of `result`, working in `work`; returns the versions of the CLI and
 * the language host. Eight minutes on two cores, seconds where Go has compiled it before.
 */
export async function build(
  options: {
    readonly cache: string;
    readonly work: string;
    readonly result: string;
    readonly versions: Versions;
  },
  report: (line: string) => void,
): Promise<Record<string, string>> {
  const { cache, work, result, versions } = options;
  for (const module of modules) {
    await cp(join(sources, module), join(work, module), { recursive: true });
  }
  const go = await findGo(cache, join(work, "command"), report);

  const versionVariable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
  const cli = await requiredVersion("pulumi", "github.com/pulumi/pulumi/pkg/v3");
  const host = await requiredVersion("language-nodejs", "github.com/pulumi/pulumi/sdk/v3");
  const bridged = ["hcloud", "random"] as const;
  const bridgedTarget = (
    kind: "resource" | "tfgen",
    name: (typeof bridged)[number],
    output: string,
  ): Target => ({
    module: "bridged",
    package: `./${name}/pulumi-${kind}-${name}`,
    output,
    variables: { [`home-relay/engine/bridged/${name}.Version`]: versions[name] },
  });
  const targets: readonly Target[] = [
    {
      module: "pulumi",
      package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      output: join("bin", "pulumi"),
      variables: { [versionVariable]: `v${cli}` },
      tags: ["osusergo", "grpcnotrace"],
    },
    {
      module: "language-nodejs",
      package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      output: join("bin", "pulumi-language-nodejs"),
      variables: { [versionVariable]: host },
    },
    {
      module: "command",
      package: ".",
      output: join("home", pluginPath("command", versions)),
      variables: { "main.Version": versions.command },
    },
    ...bridged.map((name) => bridgedTarget("resource", name, join("home", pluginPath(name, versions)))),
  ];

  const all = bridged.length + targets.length;
  let done = 0;
  const step = (target: Target, into: string) =>
    compile(go, join(work, target.module), target, into, (line) =>
      report(`${line} (${done} of ${all} built)`),
    ).then(() => (done += 1));

  // A bridged provider embeds two files that a generator writes; the generator embeds them too and starts from none.
  for (const name of bridged) {
    const embedded = join(work, "bridged", name);
    const written = join(work, "generated", name);
    const files = ["schema.json", "bridge-metadata.json"];
    for (const file of files) await writeFile(join(embedded, file), "{}\n");
    await step(bridgedTarget("tfgen", name, `pulumi-tfgen-${name}`), work);
    await mkdir(written, { recursive: true });
    await must([join(work, `pulumi-tfgen-${name}`), "schema", "--out", written], { cwd: embedded });
    for (const file of files) await copyFile(join(written, file), join(embedded, file));
  }
  for (const target of targets) await step(target, result);
  return { pulumi: cli, "pulumi-language-nodejs": host };
}

async function compile(
  go: string,
  module: string,
  target: Target,
  into: string,
  report: (line: string) => void,
): Promise<void> {
  const started = performance.now();
  const tell = () => {
    report(`building ${basename(target.output)}, ${((performance.now() - started) / 1000).toFixed(0)} s`);
  };
  const variables = Object.entries(target.variables).map(([name, value]) => `-X ${name}=${value}`);
  const tick = setInterval(tell, 5000);
  tell();
  try {
    await must(
      [
        ...[go, "build", "-trimpath", "-ldflags", ["-s", "-w", ...variables].join(" ")],
        ...["-tags", (target.tags ?? []).join(","), "-o", join(into, target.output), target.package],
      ],
      {
        cwd: module,
        env: buildEnvironment(),
        timeoutMs: 45 * 60_000,
      },
    );
  } finally {
    clearInterval(tick);
  }
}
