/** Writes what the tables of the settings say, and a picture, into the files that people and editors read: npm run reference. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderReference } from "./reference.ts";

const project = join(import.meta.dirname, "../..");
const files = renderReference(await readFile(join(project, "Pulumi.yaml"), "utf8"));
for (const [path, text] of Object.entries(files)) {
  await writeFile(join(project, path), text);
  console.log(`wrote ${path}`);
}
