import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** Runs `work` while no other process does. The kernel frees the lock of a process that dies. */
export async function locked<T>(
  lock: string,
  report: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(lock), { recursive: true });
  const holder = spawn("flock", [lock, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(holder, "close");
  const waiting = setInterval(() => report("waiting for another process that makes the same"), 5000);
  try {
    const [sign] = (await Promise.race([once(holder.stdout, "data"), ended])) as unknown[];
    clearInterval(waiting);
    if (!Buffer.isBuffer(sign)) throw new Error(`flock ${lock} failed`);
    return await work();
  } finally {
    clearInterval(waiting);
    holder.stdin.end();
    await ended;
  }
}
