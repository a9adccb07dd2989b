/**
 * A bucket, for states that lie elsewhere: a real S3 server (versitygw), which checks signatures, before a folder of the
 * operator's. It is built from its module once, and kept in the cache.
 */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildEnvironment, findGo } from "./engine/toolchain.ts";
import { locked } from "./locked.ts";
import { asPerson } from "./network.ts";
import { cacheFolder, paths } from "./paths.ts";
import { must, run } from "./shell.ts";

const source = join(import.meta.dirname, "bucket");
const serverPackage = "github.com/versity/versitygw/cmd/versitygw";
const port = 7070;

export interface Bucket {
  /** What PULUMI_BACKEND_URL has to be, seen from the operator's machine. */
  readonly url: string;
  /** The same of a bucket that is not there. */
  readonly missing: string;
  /** What else the environment needs. */
  readonly credentials: Readonly<Record<"AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY", string>>;
  readonly close: () => Promise<void>;
}

/** The path of the server's program. */
export async function prepareBucketServer(report: (line: string) => void): Promise<string> {
  const modules = await Promise.all(["go.mod", "go.sum"].map((file) => readFile(join(source, file))));
  const hash = createHash("sha256");
  for (const module of modules) hash.update(module);
  const place = join(cacheFolder(), "bucket", hash.digest("hex").slice(0, 16));
  const program = join(place, "versitygw");
  const isThere = () =>
    stat(program).then(
      () => true,
      () => false,
    );
  if (await isThere()) return program;
  await locked(`${place}.lock`, report, async () => {
    if (await isThere()) return;
    const draft = `${place}.draft`;
    await rm(draft, { recursive: true, force: true });
    await cp(source, draft, { recursive: true });
    const go = await findGo(cacheFolder(), draft, report);
    report("building versitygw");
    await must([go, "build", "-trimpath", "-ldflags=-s -w", "-o", join(draft, "versitygw"), serverPackage], {
      cwd: draft,
      env: buildEnvironment(),
      timeoutMs: 45 * 60_000,
    });
    await rename(draft, place);
  });
  return program;
}

/** Serves one bucket at the operator's machine until it is closed. */
export async function serveBucket(report: (line: string) => void): Promise<Bucket> {
  const program = await prepareBucketServer(report);
  const folder = join(paths.run, "buckets");
  await mkdir(join(folder, "states"), { recursive: true });
  const credentials = {
    AWS_ACCESS_KEY_ID: "operator",
    AWS_SECRET_ACCESS_KEY: randomBytes(20).toString("hex"),
  };
  const [command = "", ...args] = asPerson("operator", [
    ...[program, "--port", `127.0.0.1:${port}`, "--quiet"],
    ...["--access", credentials.AWS_ACCESS_KEY_ID, "--secret", credentials.AWS_SECRET_ACCESS_KEY],
    ...["posix", folder],
  ]);
  const server = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const ended = once(server, "close");
  await untilItAnswers(() => {
    if (server.exitCode !== null) throw new Error(`versitygw ended: ${complaint}`);
  });
  const address = (name: string) =>
    `s3://${name}?endpoint=http://127.0.0.1:${port}&region=us-east-1&use_path_style=true&request_checksum_calculation=when_required&response_checksum_validation=when_required`;
  return {
    url: address("states"),
    missing: address("elsewhere"),
    credentials,
    close: async () => {
      server.kill();
      await ended;
    },
  };
}

async function untilItAnswers(stillRuns: () => void): Promise<void> {
  const knock = asPerson("operator", ["curl", "-s", "-o", "/dev/null", `http://127.0.0.1:${port}/`]);
  for (let tries = 0; tries < 300; tries++) {
    if ((await run(knock)).code === 0) return;
    stillRuns();
    await sleep(100);
  }
  throw new Error("versitygw does not answer");
}
