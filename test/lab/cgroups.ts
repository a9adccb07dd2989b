import { readFile, readdir, mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { labName } from "./labName.ts";

const name = `home-relay-${labName}`;

/**
 * The machine's own cgroups, made if need be: one in each hierarchy that systemd uses. Machines that shared one
 * would share the folders of same-named units, and each would wait for the other's processes to end.
 */
export async function makeCgroups(machine: string): Promise<string[]> {
  const folders = (await hierarchies()).map((root) => join(root, name, machine));
  for (const folder of folders) await mkdir(folder, { recursive: true });
  return folders;
}

/** Ends every process of a machine, or of all machines, by SIGKILL. */
export async function killCgroups(machine?: string): Promise<void> {
  for (const root of await hierarchies()) await kill(join(root, name, machine ?? ""));
}

/** Removes the emptied cgroups of a machine, or of all machines. */
export async function removeCgroups(machine?: string): Promise<void> {
  for (const root of await hierarchies()) await remove(join(root, name, machine ?? ""));
}

/** Where a cgroup v2 tree or systemd's own v1 tree is mounted. */
async function hierarchies(): Promise<string[]> {
  const mounts = (await readFile("/proc/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  return mounts.flatMap(([, folder, type, options]) =>
    folder?.startsWith("/sys/fs/cgroup") &&
    (type === "cgroup2" || (type === "cgroup" && options?.split(",").includes("name=systemd")))
      ? [folder]
      : [],
  );
}

async function kill(folder: string): Promise<void> {
  for (const child of await subfolders(folder)) await kill(child);
  const listed = await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "");
  for (const pid of listed.split("\n").filter((line) => /^[1-9]/.test(line))) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself since it was listed.
    }
  }
}

async function remove(folder: string): Promise<void> {
  for (const child of await subfolders(folder)) await remove(child);
  for (let tries = 0; tries < 100; tries++) {
    try {
      await rmdir(folder);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOENT") return;
      // Killed processes stay in their cgroup until they are reaped.
      if (code !== "EBUSY" || tries === 99) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}
