import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { parse } from "yaml";
import { cloneRepository, commitAll, placeCli } from "../clone.ts";
import { must } from "../shell.ts";

const minute = 60_000;
jest.setTimeout(15 * minute);

interface Workflow {
  readonly jobs: { readonly preview: { readonly steps: readonly Step[] } };
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

/** What is committed here is the base of all changes. */
async function commitBase(): Promise<string> {
  await cloneRepository(checkout);
  // As `pulumi config set --secret --path` writes it; nobody but its owner can decrypt it.
  await edit(/^( *)user: root\n/m, '$&$1password:\n$1  secure: "v1:AAAAAAAAAAAAAAAA:BBBB"\n');
  await commitAll(checkout, "base");
  return (await git("rev-parse", "HEAD")).trim();
}

/** Edits the stack file, which has to match. */
async function edit(what: RegExp, by: string): Promise<void> {
  const file = join(checkout, "Pulumi.dev.yaml");
  const before = await readFile(file, "utf8");
  const after = before.replace(what, by);
  expect(after).not.toBe(before);
  await writeFile(file, after);
}

/** The runner's own machine: the CLI where the npm package keeps it, and a `gh` that only takes a comment. */
async function makeRunner(): Promise<NodeJS.ProcessEnv> {
  const home = join(folder, "pulumi-home");
  await placeCli(home);
  await mkdir(join(folder, "temp"));
  return {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    CI: "true",
    LANG: "C.UTF-8",
    GITHUB_REPOSITORY: "someone/home-relay",
    GITHUB_API_URL: github.url,
    GITHUB_STEP_SUMMARY: summary(),
    RUNNER_TEMP: join(folder, "temp"),
    PULUMI_HOME: home,
  };
}

/**
 * Stands in for GitHub's API: the comments of one pull request, for who has the right token. It refuses all else that it
 * is asked.
 */
class GitHub {
  readonly comments: { id: number; url: string; body: string; user: { login: string } }[] = [];
  url = "";
  readonly #server = createServer((request, response) => {
    void text(request).then((content) => {
      const { code, answer } = this.#answer(request, content);
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });

  async open(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }

  #answer(
    { method, url = "", headers }: IncomingMessage,
    content: string,
  ): { code: number; answer: unknown } {
    if (headers.authorization !== "Bearer a token") return { code: 401, answer: "Bad credentials" };
    const { pathname, searchParams } = new URL(url, this.url);
    const path = `${method ?? ""} ${pathname}`;
    if (path === "GET /repos/someone/home-relay/issues/7/comments") {
      const [page, size] = [Number(searchParams.get("page")), Number(searchParams.get("per_page"))];
      return { code: 200, answer: this.comments.slice((page - 1) * size, page * size) };
    }
    const { body } = JSON.parse(content) as { body: string };
    if (body.length > 65_536) return { code: 422, answer: "body is too long (maximum is 65536 characters)" };
    if (path === "POST /repos/someone/home-relay/issues/7/comments")
      return { code: 201, answer: this.say("github-actions[bot]", body) };
    const own = this.comments.find(
      ({ id }) => path === `PATCH /repos/someone/home-relay/issues/comments/${id}`,
    );
    if (own === undefined) return { code: 404, answer: "Not Found" };
    own.body = body;
    return { code: 200, answer: own };
  }

  say(login: string, body: string): (typeof this.comments)[number] {
    const id = this.comments.length + 1;
    const comment = {
      id,
      url: `${this.url}/repos/someone/home-relay/issues/comments/${id}`,
      body,
      user: { login },
    };
    this.comments.push(comment);
    return comment;
  }
}

const github = new GitHub();
const summary = () => join(folder, "summary");
let base: string;
let runner: NodeJS.ProcessEnv;
let workflow: Workflow;

beforeAll(async () => {
  await github.open();
  // Talk that is none of ours, more than one page of it.
  for (let i = 0; i < 100; i++) github.say("somebody", `comment ${i}`);
  base = await commitBase();
  runner = await makeRunner();
  workflow = parse(await readFile(join(checkout, ".github/workflows/preview.yml"), "utf8")) as Workflow;
}, 5 * minute);

afterAll(() => github.close());

/** The variables of a step as the runner fills them in: nobody has set a secret or a variable of the repository. */
function expand(variables: Readonly<Record<string, string>> = {}): Record<string, string> {
  const known: Readonly<Record<string, string>> = {
    "github.event.pull_request.base.sha": base,
    "github.event.pull_request.number": "7",
    "github.token": "a token",
  };
  const value = (expression: string): string => {
    if (/^secrets\.[A-Z_]+$/.test(expression)) return "";
    const fallback = /^vars\.[A-Z_]+ \|\| '(.*)'$/.exec(expression)?.[1];
    const found = fallback ?? known[expression];
    if (found === undefined) throw new Error(`the workflow uses ${expression}, which is not known there`);
    return found;
  };
  return Object.fromEntries(
    Object.entries(variables).map(([name, text]) => [
      name,
      text.replace(/\$\{\{ (.+?) \}\}/g, (_, expression: string) => value(expression)),
    ]),
  );
}

/** Runs the steps of the workflow with these names, as the runner does it when no shell is named. */
async function runSteps(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { run: script = "", env } = workflow.jobs.preview.steps.find((step) => step.name === name) as Step;
    await must(["bash", "-e", "-c", script], {
      cwd: checkout,
      env: { ...runner, ...expand(env) },
      timeoutMs: 10 * minute,
    });
  }
}

test("the workflow has these steps that run something, and asks for no right that it does not use", async () => {
  const named = workflow.jobs.preview.steps.filter((step) => step.run !== undefined);
  expect(named.map((step) => step.name)).toEqual(["Install", "Preview", "Post"]);
  await runSteps("Install");
});

/** What the one comment says when the workflow has run on a change of the stack file. */
async function commentOn(what: RegExp | undefined, by = ""): Promise<string> {
  await git("checkout", "--quiet", "--force", base);
  if (what !== undefined) await edit(what, by);
  await git("commit", "--quiet", "--all", "--allow-empty", "--message", "a change");
  await writeFile(summary(), "");
  await runSteps("Preview", "Post");
  const own = github.comments.slice(100);
  expect(own.length).toBe(1);
  const [, said = ""] = /^<!-- .* -->\n([^]*)$/.exec(own[0]?.body ?? "") ?? [];
  expect(await readFile(summary(), "utf8")).toBe(said);
  expect(await readFile(join(folder, "temp", "stack.svg"), "utf8")).toMatch(/^<svg /);
  process.stderr.write(`${said.split("\n").slice(0, 12).join("\n")}\n`);
  return said;
}

test("a forward more: what opens, and the lines that change at both ends", async () => {
  // After the last one: a forward in the middle would move the others' places in every list.
  const comment = await commentOn(/^( *- )"64738.*\n/m, '$&$1"25565"\n');
  expect(comment).toContain("| **opens** | 25565/tcp to the internet -\\> nas:25565 |\n");
  const changed = comment.split("\n").filter((line) => /^[+-]/.test(line));
  expect(changed.join("\n")).toMatch(/^\+\t+tcp \. 25565 : 10\.77\.\d+\.\d+,$/m);
  expect(changed.join("\n")).toMatch(/^\+\t+tcp \. 25565,$/m);
  expect(changed.length).toBeLessThan(40);
});

test("another image: the relay becomes a new server", async () => {
  const comment = await commentOn(/image: debian-13/, "image: debian-12");
  expect(comment).toMatch(/\| \*\*interrupts\*\* \| all forwards, .*image debian-13 -\\> debian-12/);
  expect(comment).not.toContain("**loses**");
});

test("another location: the address is lost", async () => {
  const comment = await commentOn(/location: nbg1/, "location: hel1");
  expect(comment).toMatch(/\| \*\*loses\*\* \| the relay's address .*\n\| \*\*interrupts\*\* \|/);
});

test("a change that changes nothing says so", async () => {
  expect(await commentOn(undefined)).toMatch(/^### Stack dev: nothing changes\n/);
});

test("bad settings end the job with what is wrong with them", async () => {
  await git("checkout", "--quiet", "--force", base);
  await edit(/^( *- )"64738.*\n/m, '$&$1"443:1"\n');
  await expect(runSteps("Preview")).rejects.toThrow(
    /Stack dev: nothing can be previewed\.\n\n.*problem in the settings/,
  );
});

test("the script for GitLab, run as written, leaves the same as an artifact, also where the packages change", async () => {
  await git("checkout", "--quiet", "--force", base);
  await edit(/^( *- )"64738.*\n/m, '$&$1"25565"\n');
  // So that the base gets packages of its own.
  await appendFile(join(checkout, "package-lock.json"), "\n");
  const { preview } = parse(await readFile(join(checkout, ".gitlab-ci.yml"), "utf8")) as {
    preview: { script: readonly string[]; artifacts: { paths: readonly string[] } };
  };
  await must(["bash", "-e", "-c", preview.script.slice(1).join("\n")], {
    cwd: checkout,
    env: { ...runner, CI_MERGE_REQUEST_DIFF_BASE_SHA: base },
    timeoutMs: 10 * minute,
  });
  const [artifact = ""] = preview.artifacts.paths;
  expect(await readFile(join(checkout, artifact), "utf8")).toContain("25565/tcp to the internet");
});
