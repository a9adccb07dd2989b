import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { paths } from "../lab/paths.ts";
import { inNamespace, must, run } from "../lab/shell.ts";
import { home, targetPorts } from "./designs.ts";
import { client, firstSource, homeServer } from "./network.ts";

/** More than the limit per source needs, and few enough for the ruleset's own sets to hold. */
const sources = 4096;

/** Where the client knocks: through which relay, at which address, at which ports. */
export interface Door {
  readonly relay: number;
  readonly address: string;
  readonly ports: { readonly bytes: number; readonly streams: number };
}

export interface Connections {
  readonly perSecond: number;
  readonly connectP50Us: number;
  readonly connectP99Us: number;
}

/** `traffic.c`, compiled; kept in the cache under the hash of its text. */
export async function provideTraffic(): Promise<string> {
  const source = join(import.meta.dirname, "traffic.c");
  const digest = createHash("sha256").update(await readFile(source));
  const program = join(paths.cache, "bench", `traffic-${digest.digest("hex").slice(0, 16)}`);
  if (existsSync(program)) return program;
  const compiler = await run(["cc", "--version"]).catch(() => undefined);
  if (compiler?.code !== 0)
    throw new Error("The benchmark needs a C compiler for its client: apt-get install gcc libc6-dev");
  await mkdir(join(paths.cache, "bench"), { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  await must(["cc", "-O2", "-pthread", "-o", unfinished, source]);
  await rename(unfinished, program);
  return program;
}

/** Starts the home's service; it runs until its process is ended. */
export async function serve(program: string): Promise<void> {
  const ports = [targetPorts.bytes, targetPorts.streams].map(String);
  await new Promise<void>((ready, failed) => {
    run(inNamespace(homeServer, [program, "serve", home.ipv4, ...ports]), {
      timeoutMs: 3_600_000,
      onLine: () => ready(),
    }).then(({ stderr }) => failed(new Error(`The service at home ended: ${stderr}`)), failed);
  });
}

export async function measureConnections(program: string, door: Door, seconds: number): Promise<Connections> {
  const { relay, address, ports } = door;
  const args = ["connect", address, ports.bytes, firstSource(relay), sources, seconds].map(String);
  return JSON.parse(await must(inNamespace(client, [program, ...args]))) as Connections;
}

export async function measureStream(program: string, door: Door, seconds: number): Promise<number> {
  const { relay, address, ports } = door;
  const args = ["stream", address, ports.streams, firstSource(relay), seconds].map(String);
  const answer = await must(inNamespace(client, [program, ...args]));
  return (JSON.parse(answer) as { gbitPerSecond: number }).gbitPerSecond;
}
