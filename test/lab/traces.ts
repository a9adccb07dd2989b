import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { exec } from "./machines.ts";

/**
 * All that a program could have left on a machine, as text that is the same when nothing was left. What `traces.sh`
 * calls a trace stands there.
 */
export async function tracesOn(machine: string): Promise<string> {
  const script = await readFile(join(import.meta.dirname, "traces.sh"), "utf8");
  const { code, stdout, stderr } = await exec(machine, ["bash", "-s"], { input: script });
  if (code !== 0) throw new Error(`traces.sh on ${machine}: ${stderr}`);
  return stdout;
}
