import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { cloudApiUrl } from "../addresses.ts";
import { serveBucket } from "../bucket.ts";
import type { Bucket } from "../bucket.ts";
import { placeCli } from "../clone.ts";
import { raiseLab } from "../fixture.ts";
import { home } from "../operator.ts";
import { paths } from "../paths.ts";
import type { Result } from "../shell.ts";

const repository = join(import.meta.dirname, "../../..");
const stack = "elsewhere";
const forwards = ["80:8080", "443:8081"];
const lab = raiseLab({ stack, settings: async () => ({ homes: [await home(forwards)] }), up: true });

let bucket: Bucket;
/** The state's place and what opens it, as an operator's shell or a repository's secrets have it. */
let there: Readonly<Record<string, string>>;
/** Where `npm run` finds the CLI. */
const pulumiHome = join(paths.run, "pulumi-home");

beforeAll(async () => {
  bucket = await serveBucket(() => undefined);
  await placeCli(pulumiHome);
  there = { PULUMI_BACKEND_URL: bucket.url, ...bucket.credentials };
}, 1_200_000);
afterAll(() => bucket.close());

/** What docs/operate.md has an operator type, in the order in which it stands there. */
async function documentedMove(): Promise<{ before: string[]; after: string[] }> {
  const text = await readFile(join(repository, "docs/operate.md"), "utf8");
  const [, block = ""] = /To take a stack along:\n\n```\n([^]*?)```/.exec(text) ?? [];
  const lines = block
    .trim()
    .split("\n")
    .map((line) =>
      line.replace(/ +#.*/, "").replace("npx pulumi", "pulumi").replace("init home", `init ${stack}`),
    );
  expect(lines[0]).toContain("stack export");
  return { before: lines.slice(0, 1), after: lines.slice(1) };
}

const type = (line: string, env: Readonly<Record<string, string>> = {}): Promise<Result> =>
  lab.operator.command(["bash", "-e", "-c", line], { env: { ...env, PULUMI_HOME: pulumiHome } });

test("a stack that moves there as the documents say is the same one", async () => {
  const { before, after } = await documentedMove();
  const ended = async (line: string, env = {}) => {
    const { code, stderr } = await type(line, env);
    return [line, code, code === 0 ? "" : stderr];
  };
  for (const line of [`pulumi stack select ${stack}`, ...before])
    expect(await ended(line)).toEqual([line, 0, ""]);
  for (const line of after.slice(0, -1)) expect(await ended(line, there)).toEqual([line, 0, ""]);
  const { code, stdout } = await type(after.at(-1) ?? "", there);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`\nStack ${stack}: nothing changes\n`)]);
});

/** The comment that the workflow's step writes, run as it stands there. */
async function comment(): Promise<string> {
  const workflow = parse(await readFile(join(repository, ".github/workflows/preview.yml"), "utf8")) as {
    jobs: { preview: { steps: readonly { name?: string; run?: string; env?: Record<string, string> }[] } };
  };
  const { run = "", env = {} } = workflow.jobs.preview.steps.find((step) => step.name === "Preview") ?? {};
  expect(Object.keys(env)).toEqual(expect.arrayContaining(Object.keys(there)));
  const summary = join(paths.run, "summary.md");
  const { code, stderr } = await type(run, {
    ...there,
    HCLOUD_ENDPOINT: cloudApiUrl,
    STACK: stack,
    BASE: "unused",
    RUNNER_TEMP: paths.run,
    GITHUB_STEP_SUMMARY: summary,
  });
  expect([code, stderr]).toEqual([0, ""]);
  // What does not change is in the picture as well.
  expect(await readFile(join(paths.run, "stack.svg"), "utf8")).toContain("80/tcp to 8080");
  return readFile(join(paths.run, "comment.md"), "utf8");
}

test("a pull request is compared with what runs there, and not with the files of before", async () => {
  await lab.operator.configure({
    homes: [await home([...forwards, "25565"])],
    relay: { serverType: "cx33" },
  });
  const said = await comment();
  expect(said).toContain("| **opens** | 25565/tcp to the internet -\\> nas:25565 |");
  expect(said).toMatch(
    /\| \*\*costs\*\* \| \d+\.\d\d EUR a month, with its IPv4 address and VAT; it was \d+\.\d\d \|/,
  );
  expect(said).not.toContain("Told from the files alone");
});

test("the next up goes on from there, and then nothing changes", async () => {
  await lab.operator.up([], { env: there });
  expect(await comment()).toContain(`### Stack ${stack}: nothing changes\n`);
});

test.each([
  ["SignatureDoesNotMatch", () => ({ ...there, AWS_SECRET_ACCESS_KEY: "a wrong one" })],
  ["NoSuchBucket", () => ({ ...there, PULUMI_BACKEND_URL: bucket.missing })],
])("%s is what the documents explain", async (word, env) => {
  expect(await readFile(join(repository, "docs/operate.md"), "utf8")).toContain(`| \`${word}\``);
  const { code, stdout, stderr } = await type(`pulumi preview --stack ${stack}`, env());
  expect([code === 0, `${stdout}${stderr}`.includes(word)]).toEqual([false, true]);
});
