import { documentVariable } from "../network/programDocument.ts";
import { collect, end, start } from "./connection.ts";

/** What a program of ours said, and the code it ended with; one that took too long is ended, with another code than 0. */
export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of another room on this machine. `program`: its path below components/. `input`: what it reads from stdin. */
export async function askProgram(
  program: string,
  document: object,
  input: string,
  seconds: number,
): Promise<Said> {
  const path = `${import.meta.dirname}/../${program}`;
  const environment = { [documentVariable]: JSON.stringify(document), NODE_USE_ENV_PROXY: "1" };
  const args = ["--disable-warning=ExperimentalWarning", path];
  const child = start(process.execPath, args, environment, ["pipe", "pipe", "pipe"]);
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => collect(stream, []));
  child.stdin?.on("error", () => undefined).end(input);
  const timer = setTimeout(() => child.kill(), seconds * 1000);
  const code = await end(child);
  clearTimeout(timer);
  return { code, stdout: stdout?.join("") ?? "", stderr: stderr?.join("") ?? "" };
}
