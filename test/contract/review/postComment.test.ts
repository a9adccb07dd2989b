import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

const marker = "<!-- home-relay: what a change does -->";
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-comment-"));
  writeFileSync(join(folder, "comment.md"), "### What changes\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Comment {
  readonly id: number;
  readonly login: string;
  readonly body: string;
}

/** What is asked of GitHub, where a pull request has these comments. */
async function post(...comments: readonly Comment[]): Promise<readonly string[]> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    const base = `http://${request.headers.host ?? ""}`;
    const list = comments.map(({ id, login, body }) => ({
      url: `${base}/repos/me/relay/issues/comments/${id}`,
      body,
      user: { login },
    }));
    request.resume().on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(request.method === "GET" ? list : { url: `${base}/posted` }));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const child = spawn(process.execPath, ["components/review/post-comment.ts", join(folder, "comment.md")], {
    cwd: join(__dirname, "../../.."),
    env: {
      PATH: process.env["PATH"],
      GITHUB_API_URL: `http://127.0.0.1:${port}`,
      GITHUB_REPOSITORY: "me/relay",
      GITHUB_TOKEN: "token",
      PULL_REQUEST: "7",
    },
    stdio: "ignore",
  });
  await once(child, "close");
  server.close();
  return asked.filter((one) => !one.startsWith("GET "));
}

test("the comment of before is edited", async () => {
  const comments = [
    { id: 1, login: "somebody", body: "looks good" },
    { id: 2, login: "github-actions[bot]", body: `${marker}\nold` },
  ];
  expect(await post(...comments)).toEqual(["PATCH /repos/me/relay/issues/comments/2"]);
});

test("somebody else's comment is left alone, however it begins: its author could change what this one says", async () => {
  const comments = [{ id: 1, login: "somebody", body: `${marker}\nnothing changes` }];
  expect(await post(...comments)).toEqual(["POST /repos/me/relay/issues/7/comments"]);
});
