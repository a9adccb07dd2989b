/**
 * `npm run preview`: what the next `pulumi up` would do, in words, and then line by line.
 *   --stack NAME     another stack than the selected one
 *   --base REVISION  in place of the stack's state: what changes from that revision of this repository to the files here,
 *                    each previewed from nothing, with packages of its own. It needs no state, no secret and no token.
 *   --markdown FILE  also as a comment for a pull request
 *   --picture FILE   also a picture of the stack as it will be then, SVG
 * Exit code 0: told; 1: it cannot be previewed, and why; 2: not called like this.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs, styleText } from "node:util";
import { stringify } from "yaml";
import { askProgram } from "../host/askProgram.ts";
import { Problem, runProgram } from "../host/program.ts";
import { hetznerEndpoint } from "../network/hetznerEndpoint.ts";
import type { Prices } from "../network/prices.ts";
import { compareDigests, parseDigest } from "./digest.ts";
import type { Digest } from "./digest.ts";
import { renderMarkdown, renderRefusal, renderText } from "./report.ts";
import type { Telling } from "./report.ts";
import { withoutSecrets } from "./withoutSecrets.ts";
import { describeChange, mayCostOtherwise } from "./words.ts";

// Above the wait: what stands below it is made only when all is done.
const colours = {
  loses: "red",
  interrupts: "red",
  opens: "yellow",
  admits: "yellow",
  turns: "yellow",
  narrows: "green",
  closes: "green",
  costs: "cyan",
  changes: "cyan",
} as const;

await runProgram(main);

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return;
  const { stack, base, markdown, picture } = options;
  // A picture shows what stays as well.
  const flags = picture === undefined ? [] : ["--show-sames"];
  const digest = base === undefined ? digestOf(".", stack, process.env, flags) : compareWith(base, stack);
  const prices = base === undefined && mayCostOtherwise(digest) ? await askPrices(stack) : undefined;
  const change = describeChange(digest, prices);
  const telling: Telling = {
    stack: digest.stack ?? stack ?? "",
    note:
      base === undefined ? undefined : "Told from the files alone: what runs at this moment was not asked.",
  };
  process.stdout.write(renderText(change, telling, paint));
  if (markdown !== undefined) writeFileSync(markdown, renderMarkdown(change, telling));
  if (picture !== undefined) await drawAfter(digest, picture);
}

interface Options {
  readonly stack: string | undefined;
  readonly base: string | undefined;
  readonly markdown: string | undefined;
  readonly picture: string | undefined;
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        stack: { type: "string" },
        base: { type: "string" },
        markdown: { type: "string" },
        picture: { type: "string" },
      },
    });
    const { stack, base, markdown, picture } = values;
    return { stack, base, markdown, picture };
  } catch (error) {
    console.error(
      `${(error as Error).message}\nusage: npm run preview -- [--stack NAME] [--base REVISION] [--markdown FILE] [--picture FILE]`,
    );
    process.exitCode = 2;
    return undefined;
  }
}

/** What `pulumi` would do in a folder. */
function digestOf(
  folder: string,
  stack: string | undefined,
  env: NodeJS.ProcessEnv,
  flags: readonly string[] = [],
): Digest {
  const args = ["preview", "--json", ...flags, ...(stack === undefined ? [] : ["--stack", stack])];
  const { error, stdout } = spawnSync("pulumi", args, {
    cwd: folder,
    env,
    encoding: "utf8",
    maxBuffer: Infinity,
    // It may ask for the passphrase.
    stdio: ["inherit", "pipe", "inherit"],
  });
  if (error) throw new Problem(`pulumi cannot be run: ${error.message}\nIt comes with: npm ci`);
  const start = stdout.indexOf("{");
  // It has said why on stderr.
  if (start < 0) throw new Problem(`${stdout}pulumi preview ended before it could preview anything.`);
  const digest = parseDigest(stdout.slice(start));
  if (digest.messages.some(({ severity }) => severity === "error"))
    throw new Problem(renderRefusal(digest, stack ?? digest.stack ?? ""));
  return digest;
}

/**
 * What Hetzner takes, by the token that the stack or the environment has. It is not worth a question: without a passphrase
 * in the environment, or an answer, the change is told without it.
 */
async function askPrices(stack: string | undefined): Promise<Prices | undefined> {
  const setting = (key: string) => {
    const args = [
      "config",
      "get",
      key,
      "--non-interactive",
      ...(stack === undefined ? [] : ["--stack", stack]),
    ];
    return spawnSync("pulumi", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).stdout.trim();
  };
  const token = setting("hcloud:token") || (process.env["HCLOUD_TOKEN"] ?? "");
  if (token === "") return undefined;
  const endpoint = process.env["HCLOUD_ENDPOINT"] || hetznerEndpoint;
  // The file is what is reviewed: nothing secret goes where it alone says, and nobody is told to type what it says.
  if (![endpoint, ""].includes(setting("hcloud:endpoint"))) {
    console.error(`What it costs was not asked: hcloud:endpoint in the stack file names another place than Hetzner's own.
If that is to have the token, set HCLOUD_ENDPOINT to the same.`);
    return undefined;
  }
  const { code, stdout, stderr } = await askProgram(
    "hetzner/ask-prices.ts",
    {},
    JSON.stringify({ endpoint, token }),
    20,
  );
  if (code !== 0) console.error(`What it costs is not known: ${stderr.trim() || "Hetzner did not answer."}`);
  return code === 0 ? (JSON.parse(stdout) as Prices) : undefined;
}

/** The stack as it will be, into a file; a change is told also where that fails. */
async function drawAfter({ steps }: Digest, file: string): Promise<void> {
  const resources = steps.flatMap(({ type, name, after }) =>
    after === undefined ? [] : [{ types: type, name, inputs: after, outputs: {} }],
  );
  const { code, stdout, stderr } = await askProgram(
    "picture/draw-picture.ts",
    {},
    JSON.stringify(resources),
    20,
  );
  if (code === 0) writeFileSync(file, stdout);
  else console.error(`No picture was drawn: ${stderr.trim()}`);
}

/** From another revision of the repository to the files of this folder. */
function compareWith(revision: string, named: string | undefined): Digest {
  const stack = named ?? onlyStack(".");
  const scratch = mkdtempSync(join(tmpdir(), "home-relay-preview-"));
  const checkout = join(scratch, "base");
  try {
    must("git", ["worktree", "add", "--quiet", "--detach", checkout, revision]);
    providePackages(checkout, revision);
    console.error(`Previewing ${revision}, and what is here …`);
    return compareDigests(
      fromNothing(checkout, stack, scratch, "then"),
      fromNothing(".", stack, scratch, "now"),
    );
  } finally {
    spawnSync("git", ["worktree", "remove", "--force", checkout], { stdio: "ignore" });
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The packages that a revision is written against: these here, unless it locks others. */
function providePackages(checkout: string, revision: string): void {
  const locked = (folder: string) => readFileSync(join(folder, "package-lock.json"), "utf8");
  if (locked(checkout) === locked(".")) {
    symlinkSync(resolve("node_modules"), join(checkout, "node_modules"));
    return;
  }
  console.error(`Installing the packages of ${revision} …`);
  must("npm", ["ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"], checkout);
}

/** What the program and stack file of a folder would make if nothing were there; nobody is contacted for it. */
function fromNothing(source: string, stack: string, scratch: string, name: string): Digest {
  const folder = join(scratch, name);
  mkdirSync(join(folder, "state"), { recursive: true });
  for (const entry of readdirSync(source))
    if (!/^Pulumi\..+\.yaml$/.test(entry)) symlinkSync(join(resolve(source), entry), join(folder, entry));
  const file = `Pulumi.${stack}.yaml`;
  // It comes with this change.
  if (!existsSync(join(source, file))) return { stack, steps: [], messages: [] };
  const { config, secrets } = withoutSecrets(readFileSync(join(source, file), "utf8"));
  writeFileSync(join(folder, file), stringify({ config }));
  const env = {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "it guards placeholders alone",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    HCLOUD_TOKEN: "0".repeat(64),
    PATH: [join(resolve(source), "node_modules/.bin"), process.env["PATH"]].join(":"),
  };
  must("pulumi", ["stack", "init", stack, "--non-interactive"], folder, env);
  for (const { path, placeholder } of secrets)
    must("pulumi", ["config", "set", "--secret", "--path", path, placeholder, "--stack", stack], folder, env);
  return digestOf(folder, stack, env);
}

/** The one stack file of a folder besides the example, or the example's. */
function onlyStack(folder: string): string {
  const names = readdirSync(folder).flatMap((entry) => /^Pulumi\.(.+)\.yaml$/.exec(entry)?.[1] ?? []);
  const own = names.filter((name) => name !== "dev");
  return own.length === 1 ? (own[0] as string) : "dev";
}

function must(command: string, args: readonly string[], cwd = ".", env = process.env): void {
  const { error, status } = spawnSync(command, args, { cwd, env, stdio: ["ignore", 2, 2] });
  if (error) throw new Problem(`${command} cannot be run: ${error.message}`);
  if (status !== 0)
    throw new Problem(`${command} ${args.slice(0, 2).join(" ")} failed; it has said why above.`);
}

/** In colours where a person looks at it. */
function paint(kind: keyof typeof colours, word: string): string {
  return styleText(colours[kind], word, { stream: process.stdout });
}
