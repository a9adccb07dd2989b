import { createHash } from "node:crypto";
import type { Installation } from "../network/installation.ts";
import { endDocument, renderDocument } from "../network/document.ts";
import type { DocumentFile } from "../network/document.ts";

/** The list of what a host is to have of ours. */
const manifestPath = "/etc/homerelay/wanted";

/** An installed file with its text. */
export interface InstalledText extends DocumentFile {
  /** Its path on the host. */
  readonly name: string;
}

/**
 * The list of what a host of this installation has of ours, one thing a line: `package COMMAND NAME`, `file PATH`,
 * `folder PATH`, `settings PATH`.
 */
export function renderManifest(
  { files: listed, packages, folders }: Installation,
  files: readonly InstalledText[],
): string {
  return [
    ...packages.map(({ command, name }) => `package ${command} ${name}`),
    ...files.map(({ name }) => `file ${name}`),
    ...folders.map((folder) => `folder ${folder}`),
    ...listed.filter(({ isKernelSettings }) => isKernelSettings).map(({ path }) => `settings ${path}`),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** What the first step of a host puts in place: the list, and each file. */
export function renderPreparation(installation: Installation, files: readonly InstalledText[]): string {
  const list = { name: manifestPath, text: renderManifest(installation, files) };
  return endDocument(renderDocument([list, ...files]));
}

/**
 * A short text that changes when a script does, or anything that it leads to: what it sources or calls, the units that
 * it starts and what those run. A step runs again when this changes. Comments do not count.
 * Throws an `Error` when the script is not among the files.
 */
export function fingerprintScript(script: string, files: readonly InstalledText[]): string {
  const first = files.find(({ name }) => fileName(name) === script);
  if (first === undefined) throw new Error(`${script} is installed by no room of this host`);
  const reached = new Map([[first.name, withoutComments(first.text)]]);
  for (const text of reached.values())
    for (const { name, text: other } of files)
      if (!reached.has(name) && mentions(text, name)) reached.set(name, withoutComments(other));
  const hash = createHash("sha256");
  for (const [name, text] of [...reached].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\n${text}`);
  return hash.digest("hex").slice(0, 12);
}

/** A script speaks of a file by its name, of a unit also without its kind, and of a drop-in by the unit that it is of. */
function mentions(text: string, path: string): boolean {
  const unit = /\/([^/]+)\.d\/[^/]+$/.exec(path)?.[1] ?? fileName(path);
  const name = unit.replace(/(@.*)?\.(timer|service)$/, "").replaceAll(".", String.raw`\.`);
  return new RegExp(`(?<![\\w.-])${name}(?![\\w-])`).test(text);
}

function withoutComments(text: string): string {
  return text.replace(/^[ \t]*#(?!!).*\n/gm, "");
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
