import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";

/** What stays among the last words of a run, against the engine's own service. */

jest.setTimeout(60_000);

const project = join(__dirname, "../../..");
const said: { severity: number; message: string; ephemeral: boolean }[] = [];
let server: Server;
let port: number;
let folder: string;

beforeAll(async () => {
  server = new Server();
  server.addService(EngineService, {
    log: ({ request }: { request: LogRequest }, answer: (error: null, empty: Empty) => void) => {
      said.push({
        severity: request.getSeverity(),
        message: request.getMessage(),
        ephemeral: request.getEphemeral(),
      });
      answer(null, new Empty());
    },
  });
  port = await new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  folder = mkdtempSync(join(tmpdir(), "home-relay-tell-"));
  const plugin = '#!/bin/bash\nsh -c "$PROGRAM; exit 0"\nexit 0\n';
  for (const name of ["pulumi-resource-command", "something-else"])
    writeFileSync(join(folder, name), plugin, { mode: 0o755 });
});

afterAll(() => {
  server.forceShutdown();
  rmSync(folder, { recursive: true });
});

/** Says it from a program that such a plugin has started through a shell; what the program printed. */
async function tellFrom(plugin: string, call: string, engine = port): Promise<string> {
  const script = `import("${project}/components/host/tell.ts").then(({ tell }) => tell(${call}))`;
  writeFileSync(join(folder, "program.mjs"), script);
  const program = `'${process.execPath}' --disable-warning=ExperimentalWarning ${folder}/program.mjs`;
  const child = spawn(join(folder, plugin), [`127.0.0.1:${engine}`], {
    env: { PATH: process.env["PATH"], PROGRAM: program },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, "close")]);
  return printed;
}

test("is told to the engine that started the plugin, whole, to stay, and is not printed besides", async () => {
  expect(await tellFrom("pulumi-resource-command", '"nas: clean\\n  and more"')).toBe("");
  expect(await tellFrom("pulumi-resource-command", '"left", "warning"')).toBe("");
  expect(said).toEqual([
    { severity: 1, message: "nas: clean\n  and more", ephemeral: false },
    { severity: 2, message: "left", ephemeral: false },
  ]);
});

test("is printed where no plugin has started the program, and where no engine answers", async () => {
  said.length = 0;
  expect(await tellFrom("something-else", '"nas: clean"')).toBe("nas: clean\n");
  expect(await tellFrom("pulumi-resource-command", '"nas: clean"', 1)).toBe("nas: clean\n");
  expect(said).toEqual([]);
});
