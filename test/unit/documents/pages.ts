/** What can be wrong with documents in themselves. Paths are from the top of the repository, with `/`. */
import { posix } from "node:path";

export interface Repository {
  /** The text of each page, by its path. */
  readonly pages: ReadonlyMap<string, string>;
  /** Whether there is such a file or folder. */
  readonly has: (path: string) => boolean;
  /** The scripts of package.json. */
  readonly scripts: readonly string[];
}

/** A relative link; `path` is empty where it stays on its page, `anchor` where it leads to the whole of one. */
interface Link {
  readonly path: string;
  readonly anchor: string;
}

/** One line for each: the page, and what it names that is not there. */
export function findDeadEnds(repository: Repository): string[] {
  return [...repository.pages].flatMap(([page, text]) =>
    [
      ...deadLinks(repository, page, text),
      ...missingScripts(repository, text),
      ...missingChecks(repository, text),
      ...missingFiles(repository, text),
    ].map((problem) => `${page}: ${problem}`),
  );
}

function deadLinks({ pages, has }: Repository, page: string, text: string): string[] {
  return linksOf(text).flatMap(({ path, anchor }) => {
    const target = path === "" ? page : resolve(page, path);
    if (!has(target)) return [`no file ${path}`];
    if (anchor === "") return [];
    const there = pages.get(target);
    if (there === undefined) return [`an anchor of what is no page: ${path}#${anchor}`];
    return anchorsOf(there).includes(anchor) ? [] : [`no section ${path}#${anchor}`];
  });
}

/** In commands as in sentences. */
function missingScripts({ scripts }: Repository, text: string): string[] {
  return [...text.matchAll(/\bnpm run (?:-s |--silent )?([a-z][a-z:-]*)/g)].flatMap(([, script = ""]) =>
    scripts.includes(script) ? [] : [`no script: npm run ${script}`],
  );
}

/** `contract/home/homeWorld` is a test or a folder of them; `lab/changes` a check. */
function missingChecks({ has }: Repository, text: string): string[] {
  return [...text.matchAll(/`((?:unit|contract|lab)\/[\w/]+)`/g)].flatMap(([, check = ""]) => {
    const path = `test/${check.replace(/^lab\//, "lab/checks/")}`;
    return has(`${path}.test.ts`) || has(path) ? [] : [`no check ${check}`];
  });
}

/** Whole paths, in sentences and commands; a part in capitals stands for another word. */
function missingFiles({ has }: Repository, text: string): string[] {
  const paths = text.matchAll(/(?<![\w./-])((?:components|docs|examples|test|\.github)\/[\w./-]*\w)/g);
  return [...paths].flatMap(([, path = ""]) =>
    has(path) || /[A-Z]{3}$/.test(path) ? [] : [`no file ${path}`],
  );
}

/** Files that nobody comes to who begins with a page and follows its links. */
export function findUnreachable({ pages }: Repository, first: string, files: readonly string[]): string[] {
  const seen = new Set([first]);
  for (const page of seen)
    for (const { path } of linksOf(pages.get(page) ?? "")) if (path !== "") seen.add(resolve(page, path));
  return files.filter((file) => !seen.has(file));
}

function resolve(page: string, path: string): string {
  return posix.join(posix.dirname(page), path);
}

export function linksOf(text: string): Link[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor = ""] = target.split("#");
    return [{ path, anchor }];
  });
}

/** As GitHub makes them of headings; of two alike, the second gets `-1`. */
export function anchorsOf(text: string): string[] {
  const counts = new Map<string, number>();
  return [...withoutBlocks(text).matchAll(/^#{1,6} +(.*)$/gm)].map(([, heading = ""]) => {
    const anchor = anchorOf(heading);
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

/** The rule of github/html-pipeline's table of contents, where a word is as Ruby's \p{Word}. */
function anchorOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{Nd}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

function withoutCode(text: string): string {
  return withoutBlocks(text).replaceAll(/`[^`\n]*`/g, "");
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^( *)```[^]*?^\1```/gm, "");
}
