/**
 * Versions of this program from which users may come. Each is a commit of this repository's history, from which the
 * program is taken as it was; a state and host trees are made with it when a check needs them.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { paths } from "./paths.ts";
import { must, run } from "./shell.ts";

export interface RecordedProgram {
  readonly version: string;
  /** Its last commit, in full. */
  readonly commit: string;
}

/** The oldest first. A release adds a line, and none is ever removed: some stack is still as it left it. */
export const recordedPrograms: readonly RecordedProgram[] = [
  { version: "0.1.0", commit: "2e221df5c127739dbef5b2a4c63e237707aa9e20" },
];

const repository = join(import.meta.dirname, "../..");

/** What of a checkout makes the program. */
const programFiles = ["Pulumi.yaml", "package.json", "index.ts", "components"];

/**
 * A folder with the program as it was, beside this checkout's packages; `edit` changes files of it, as path and new
 * text. Throws where the history does not reach back so far, as in a shallow clone.
 */
export async function provideProgram(
  { version, commit }: RecordedProgram,
  edit: (read: (path: string) => Promise<string>) => Promise<Readonly<Record<string, string>>>,
): Promise<string> {
  const folder = join(paths.run, `program-${version}`);
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const known = await run(["git", "-C", repository, "cat-file", "-e", `${commit}^{commit}`]);
  if (known.code !== 0)
    throw new Error(
      `Version ${version} is commit ${commit}, which this clone's history does not have: git fetch --unshallow`,
    );
  const archive = `git -C "$1" archive "$2" -- ${programFiles.join(" ")} | tar -x -C "$3"`;
  await must(["bash", "-o", "pipefail", "-c", archive, "bash", repository, commit, unfinished]);
  const changed = await edit((path) => readFile(join(unfinished, path), "utf8"));
  for (const [path, text] of Object.entries(changed)) await writeFile(join(unfinished, path), text);
  await symlink(join(repository, "node_modules"), join(unfinished, "node_modules"));
  if (existsSync(folder)) await rm(folder, { recursive: true });
  await rename(unfinished, folder);
  return folder;
}
