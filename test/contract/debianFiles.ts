import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../lab/paths.ts";
import { runTool } from "./tool.ts";

/** A program of Debian's in a folder of its own: one that would begin to work by itself if it were installed. */
export interface DebianProgram {
  /** Below `root`. */
  readonly path: string;
  /** Where the packages are unpacked: `/`, if the machine has the program anyway. */
  readonly root: string;
  /** What it is started with, to find its libraries. */
  readonly env: Readonly<Record<string, string>>;
}

/** `packages`: the one with the program, and what else it takes that a machine may not have. */
export function debianProgram(path: string, packages: readonly string[]): DebianProgram {
  const root = existsSync(path) ? "/" : unpack(packages);
  const libraries = globSync(["lib/*-linux-gnu", "usr/lib/*-linux-gnu"], { cwd: root });
  const folders = libraries.map((folder) => join(root, folder));
  const plugins = folders.map((folder) => join(folder, "xtables")).filter((folder) => existsSync(folder));
  return {
    path: join(root, path),
    root,
    env: root === "/" ? {} : { LD_LIBRARY_PATH: folders.join(":"), XTABLES_LIBDIR: plugins.join(":") },
  };
}

/** Stays from one run to the next. */
function unpack(packages: readonly string[]): string {
  const recipe = [...packages, readFileSync("/etc/os-release", "utf8")].join("\n");
  const name = createHash("sha256").update(recipe).digest("hex").slice(0, 12);
  const folder = join(cacheFolder(), "debian-files", name);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}.tmp-`);
  try {
    runTool("apt", "apt-get", ["--quiet", "download", ...packages], { cwd: work });
    for (const file of globSync("*.deb", { cwd: work }))
      runTool("dpkg", "dpkg-deb", ["--extract", file, join(work, "root")], { cwd: work });
    // Another run may have been faster.
    if (!existsSync(folder)) renameSync(join(work, "root"), folder);
  } finally {
    rmSync(work, { recursive: true });
  }
  return folder;
}
