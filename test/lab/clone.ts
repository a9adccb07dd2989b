/** What somebody has who begins: a clone of this repository, and the Pulumi CLI where its npm package keeps it. */
import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { prepareEngine } from "./engine.ts";
import { must } from "./shell.ts";

export const repository = join(import.meta.dirname, "../..");

/**
 * Clones this repository into a folder that is not there yet. Whatever `git` knows to be changed in this tree lies there
 * too and is not committed, so that a check is of the files as they are.
 */
export async function cloneRepository(folder: string): Promise<void> {
  await must(["git", "clone", "--quiet", "--no-hardlinks", repository, folder]);
  for (const [key, value] of [
    ["user.name", "check"],
    ["user.email", "check@example.org"],
  ] as const)
    await must(["git", "-C", folder, "config", key, value]);
  const listed = await must([
    ...["git", "-C", repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
  ]);
  const files = listed.split("\0").filter((name) => name !== "");
  const copy = 'cd "$1" && xargs -0 cp --parents --no-dereference -t "$2"';
  await must(["sh", "-c", copy, "sh", repository, folder], { input: files.join("\0") });
}

/** Commits all that is in a clone. */
export async function commitAll(folder: string, message: string): Promise<void> {
  await must(["git", "-C", folder, "add", "--all"]);
  await must(["git", "-C", folder, "commit", "--quiet", "--allow-empty", "--message", message]);
}

/** Lays the CLI and its plugins into a Pulumi home as if `npx pulumi` had fetched them. */
export async function placeCli(pulumiHome: string): Promise<void> {
  const engine = await prepareEngine(() => undefined);
  const { version } = JSON.parse(
    await readFile(join(repository, "node_modules/pulumi/package.json"), "utf8"),
  ) as { version: string };
  await mkdir(join(pulumiHome, "versions", version), { recursive: true });
  await symlink(engine.bin, join(pulumiHome, "versions", version, "bin"));
  await symlink(join(engine.pulumiHome, "plugins"), join(pulumiHome, "plugins"));
}
