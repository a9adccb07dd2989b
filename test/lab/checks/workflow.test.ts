import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { parse } from "yaml";
import { prepareEngine } from "../engine.ts";
import { must } from "../shell.ts";

const minute = 60_000;
jest.setTimeout(15 * minute);

const repository = join(import.meta.dirname, "../../..");

interface Workflow {
  readonly jobs: {
    readonly preview: {
      readonly env: Readonly<Record<string, string>>;
      readonly steps: readonly Step[];
    };
  };
}

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

let folder: string;
let checkout: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "home-relay-workflow-"));
  checkout = join(folder, "checkout");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const git = (...args: string[]) => must(["git", "-C", checkout, ...args]);

/**
 * A pull request that adds a forward to the example stack: what is committed here is its base. Whatever `git` knows
 * to be changed in this tree belongs to the base too, so that the check is of the files as they are.
 */
async function openPullRequest(): Promise<string> {
  await must(["git", "clone", "--quiet", "--no-hardlinks", repository, checkout]);
  await git("config", "user.name", "check");
  await git("config", "user.email", "check@example.org");
  const listed = await must([
    "git",
    "-C",
    repository,
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
  ]);
  const files = listed.split("\0").filter((name) => name !== "");
  await must(
    ["sh", "-c", 'cd "$1" && xargs -0 cp --parents --no-dereference -t "$2"', "sh", repository, checkout],
    {
      input: files.join("\0"),
    },
  );
  const stackFile = join(checkout, "Pulumi.dev.yaml");
  const example = await readFile(stackFile, "utf8");
  // As `pulumi config set --secret --path` writes it; nobody but its owner can decrypt it.
  const text = example.replace(
    /^( *)user: root\n/m,
    '$&$1password:\n$1  secure: "v1:AAAAAAAAAAAAAAAA:BBBB"\n',
  );
  expect(text).not.toBe(example);
  await writeFile(stackFile, text);
  await git("add", "--all");
  await git("commit", "--quiet", "--allow-empty", "--message", "base");
  const base = (await git("rev-parse", "HEAD")).trim();
  // After the last one: a forward in the middle would move the others' places in every list.
  await writeFile(stackFile, text.replace(/^( *- )"64738.*\n/m, '$&$1"25565"\n'));
  await git("commit", "--quiet", "--all", "--message", "A game server");
  return base;
}

/** The runner's own machine: the CLI where the npm package keeps it, and a `gh` that only takes a comment. */
async function makeRunner(): Promise<NodeJS.ProcessEnv> {
  const engine = await prepareEngine(() => undefined);
  const home = join(folder, "pulumi-home");
  const version = (
    JSON.parse(await readFile(join(repository, "node_modules/pulumi/package.json"), "utf8")) as {
      version: string;
    }
  ).version;
  await mkdir(join(home, "versions", version), { recursive: true });
  await symlink(engine.bin, join(home, "versions", version, "bin"));
  await symlink(join(engine.pulumiHome, "plugins"), join(home, "plugins"));
  const bin = join(folder, "bin");
  await mkdir(bin);
  await mkdir(join(folder, "temp"));
  await writeFile(
    join(bin, "gh"),
    '#!/bin/sh\n[ "$1 $2 $3 $4 $5 $6" = "pr comment 7 --repo someone/home-relay --body-file" ] || exit 64\ncat "$7" >"$RUNNER_TEMP/posted"\n',
  );
  await chmod(join(bin, "gh"), 0o755);
  return {
    PATH: `${bin}:${process.env["PATH"] ?? ""}`,
    HOME: process.env["HOME"],
    CI: "true",
    LANG: "C.UTF-8",
    GITHUB_REPOSITORY: "someone/home-relay",
    RUNNER_TEMP: join(folder, "temp"),
    PULUMI_HOME: home,
  };
}

test("the workflow's steps, run as written, post what a pull request changes at both ends", async () => {
  const base = await openPullRequest();
  const runner = await makeRunner();
  const workflow = parse(await readFile(join(checkout, ".github/workflows/preview.yml"), "utf8")) as Workflow;
  const { env, steps } = workflow.jobs.preview;
  const ofJob: Readonly<Record<string, string>> = {
    "github.event.pull_request.base.sha": base,
    "github.event.pull_request.number": "7",
    "github.token": "a token",
  };
  // GitHub knows of the runner only once there is one, and refuses a file that asks for it before.
  const ofStep: typeof ofJob = { ...ofJob, "runner.temp": join(folder, "temp") };
  const expand = (variables: Readonly<Record<string, string>> = {}, values = ofStep) =>
    Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [
        name,
        value.replace(/\$\{\{ (\S+) \}\}/g, (_, key: string) => {
          const known = values[key];
          if (known === undefined) throw new Error(`the workflow uses ${key}, which is not known there`);
          return known;
        }),
      ]),
    );

  const shells = steps.filter((step) => step.run !== undefined);
  expect(shells.map((step) => step.name)).toEqual(["Install", "Check", "Preview", "Post"]);
  for (const { run: script = "", env: own } of shells)
    // As the runner does it when no shell is named.
    await must(["bash", "-e", "-c", script], {
      cwd: checkout,
      env: { ...runner, ...expand(env, ofJob), ...expand(own) },
      timeoutMs: 10 * minute,
    });

  const posted = await readFile(join(folder, "temp", "posted"), "utf8");
  const changed = posted.split("\n").filter((line) => /^[+-]/.test(line));
  expect(changed.join("\n")).toMatch(/^\+\s+"?25565:25565\/tcp|^\+.*"25565:25565\/tcp"/m);
  expect(changed.join("\n")).toMatch(/^\+\s+tcp \. 25565 : 10\.77\.\d+\.\d+,$/m);
  expect(changed.join("\n")).toMatch(/^\+\s+tcp \. 25565,$/m);
  expect(changed.length).toBeLessThan(40);
});
