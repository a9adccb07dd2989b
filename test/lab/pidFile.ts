import { readFile, writeFile } from "node:fs/promises";

/** Notes a process by its id and its start, so that another one with the same id is never taken for it. */
export async function writePidFile(path: string, pid: number): Promise<void> {
  await writeFile(path, `${pid} ${(await startOf(pid)) ?? ""}\n`);
}

/** The noted process's id while it is alive. */
export async function readPidFile(path: string): Promise<number | undefined> {
  const [pid, start] = (await readFile(path, "utf8").catch(() => "")).trim().split(" ");
  if (pid === undefined || start === undefined) return undefined;
  return (await startOf(Number(pid))) === start ? Number(pid) : undefined;
}

/** Clock ticks from the machine's start to the process's (proc(5), stat, field 22); a zombie has none. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field is the program's name in brackets, with any character in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
}
