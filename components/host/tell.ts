/**
 * Says something to who reads `pulumi`, so that it stays among the run's last words. What a program prints is shown by the
 * engine as it comes, and in a terminal it is gone when the program has ended well.
 *
 * The engine has a service for that, which every plugin speaks to, and tells each of them where when it starts it. This
 * program was started by one of them.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import type * as Grpc from "@grpc/grpc-js";
import type * as Services from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type * as Messages from "@pulumi/pulumi/proto/engine_pb.js";

/** How urgent it is. */
export type Tone = "info" | "warning";

/** `text`: any number of lines. Where no engine is found it is printed. */
export async function tell(text: string, tone: Tone = "info"): Promise<void> {
  const address = findEngine();
  try {
    if (address === undefined) throw new Error("no engine");
    await log(address, text, tone);
  } catch {
    console.log(text);
  }
}

function log(address: string, text: string, tone: Tone): Promise<void> {
  // What the SDK itself speaks with: no other copy may be mixed with it.
  const require = createRequire(import.meta.resolve("@pulumi/pulumi/package.json"));
  const { credentials, Metadata } = require("@grpc/grpc-js") as typeof Grpc;
  const { EngineClient } = require("./proto/engine_grpc_pb.js") as typeof Services;
  const { LogRequest, LogSeverity } = require("./proto/engine_pb.js") as typeof Messages;
  const request = new LogRequest();
  request.setSeverity(tone === "warning" ? LogSeverity.WARNING : LogSeverity.INFO);
  request.setMessage(text);
  const client = new EngineClient(address, credentials.createInsecure());
  return new Promise<void>((resolve, reject) => {
    client.log(request, new Metadata(), { deadline: Date.now() + 5000 }, (error) => {
      if (error) reject(error);
      else resolve();
    });
  }).finally(() => {
    client.close();
  });
}

/** From the command line of the plugin that started this program, itself or through a shell. */
function findEngine(): string | undefined {
  let pid = process.ppid;
  for (let generation = 0; generation < 5 && pid > 1; generation++) {
    const { stdout } = spawnSync("ps", ["-ww", "-o", "ppid=,args=", "-p", String(pid)], { encoding: "utf8" });
    const [, parent, command] = /^\s*(\d+)\s+(.*)$/m.exec(stdout) ?? [];
    if (parent === undefined || command === undefined) return undefined;
    const [, address] =
      /pulumi-resource-command\S*\s(?:.*\s)?((?:127\.0\.0\.1|localhost|\[::1\]):\d+)/.exec(command) ?? [];
    if (address !== undefined) return address;
    pid = Number(parent);
  }
  return undefined;
}
