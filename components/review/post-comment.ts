/**
 * `node components/review/post-comment.ts FILE`: posts a file as the one comment that this program keeps on a pull request at
 * GitHub: a later run edits it. Reads GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN and PULL_REQUEST, as a workflow
 * has them; the token needs `pull-requests: write`.
 */
import { readFileSync } from "node:fs";
import { Problem, runProgram } from "../host/program.ts";

/** It does not show, and tells this comment from others of the same author. */
const marker = "<!-- home-relay: what a change does -->";

interface Comment {
  readonly url: string;
  readonly body: string;
}

await runProgram(async () => {
  const [file] = process.argv.slice(2);
  if (file === undefined) throw new Problem("usage: node components/review/post-comment.ts FILE");
  const body = `${marker}\n${readFileSync(file, "utf8")}`;
  const list = `${variable("GITHUB_API_URL")}/repos/${variable("GITHUB_REPOSITORY")}/issues/${variable("PULL_REQUEST")}/comments`;
  const own = await findOwn(list);
  const { url } = (await ask(own === undefined ? "POST" : "PATCH", own?.url ?? list, { body })) as Comment;
  console.log(`${own === undefined ? "Posted" : "Edited"} ${url}`);
});

async function findOwn(list: string): Promise<Comment | undefined> {
  // A pull request with more than 1,000 comments has other troubles.
  for (let page = 1; page <= 10; page++) {
    const comments = (await ask("GET", `${list}?per_page=100&page=${page}`)) as readonly Comment[];
    const own = comments.find((comment) => comment.body.startsWith(marker));
    if (own !== undefined || comments.length < 100) return own;
  }
  return undefined;
}

async function ask(method: "GET" | "POST" | "PATCH", url: string, content?: object): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${variable("GITHUB_TOKEN")}`,
      "x-github-api-version": "2022-11-28",
    },
    signal: AbortSignal.timeout(30_000),
    ...(content === undefined ? {} : { body: JSON.stringify(content) }),
  });
  if (answer.ok) return answer.json();
  throw new Problem(
    `GitHub answered ${method} ${url} with ${answer.status}: ${(await answer.text()).slice(0, 500)}`,
  );
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "")
    throw new Problem(`${name} is not set; a workflow at GitHub sets it.`);
  return value;
}
