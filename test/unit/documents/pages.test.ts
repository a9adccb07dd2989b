import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { anchorsOf, findDeadEnds, findUnreachable, linksOf } from "./pages.ts";
import type { Repository } from "./pages.ts";

const project = join(__dirname, "../../..");
const read = (path: string) => readFileSync(join(project, path), "utf8");
const list = (pattern: string) =>
  globSync(pattern, { cwd: project }).map((path) => path.replaceAll("\\", "/"));
const { scripts, ...packages } = JSON.parse(read("package.json")) as Readonly<
  Record<
    "scripts" | "dependencies" | "devDependencies" | "optionalDependencies",
    Readonly<Record<string, string>>
  >
>;

const repository: Repository = {
  pages: new Map(
    [...list("*.md"), ...list("docs/**/*.md"), ...list("test/**/*.md")].map((path) => [path, read(path)]),
  ),
  has: (path) => existsSync(join(project, path)),
  scripts: Object.keys(scripts),
};

test("whatever a document links to or names is there", () => {
  expect(repository.pages.size).toBeGreaterThan(15);
  expect(findDeadEnds(repository)).toEqual([]);
});

test("the settings are linked to by section", () => {
  const links = [...repository.pages.values()].flatMap(linksOf);
  expect(links.filter(({ path, anchor }) => path.endsWith("settings.md") && anchor !== "")).not.toEqual([]);
});

test("CONTRIBUTING says why each dependency is there, and names none that is not", () => {
  const text = read("CONTRIBUTING.md").split("\n## Dependencies\n")[1]?.split("\n## ")[0] ?? "";
  const rows = [...text.matchAll(/^\| (`.*?) +\|/gm)].map(([, names = ""]) => names);
  const named = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
  const { dependencies, devDependencies, optionalDependencies } = packages;
  const there = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
  const special = ["@types/*", "overrides"];
  expect(there.filter((name) => !name.startsWith("@types/") && !named.includes(name))).toEqual([]);
  expect(named.filter((name) => !there.includes(name) && !special.includes(name))).toEqual([]);
});

test("whoever begins with README comes to every file of docs/", () => {
  const files = list("docs/**/*.*");
  expect(files).toContain("docs/trouble.md");
  expect(findUnreachable(repository, "README.md", files)).toEqual([]);
});

describe("a document with", () => {
  const pages = (text: string) =>
    new Map([
      ["README.md", "# Home\n\n[settings](docs/settings.md)\n"],
      ["docs/settings.md", "# Settings\n\n## `home-relay:dns`\n"],
      ["docs/page.md", text],
    ]);
  const there = ["docs/settings.md", "docs/page.md", "test/unit/home", "test/lab/checks/changes.test.ts"];
  const problemsOf = (text: string) =>
    findDeadEnds({ pages: pages(text), has: (path) => there.includes(path), scripts: ["check"] }).filter(
      (problem) => problem.startsWith("docs/page.md: "),
    );

  test.each([
    ["a file that is not there", "[a](other.md)", "no file other.md"],
    ["a path from the wrong folder", "[a](docs/settings.md)", "no file docs/settings.md"],
    [
      "a section that is not there",
      "[a](settings.md#home-relaynames)",
      "no section settings.md#home-relaynames",
    ],
    ["a section of its own that is not there", "# A\n[a](#b)", "no section #b"],
    ["an anchor of code", "[a](#b)\n```\n# b\n```", "no section #b"],
    ["a script that is not there", "```\nnpm run -s chekc\n```", "no script: npm run chekc"],
    ["a check that is not there", "`lab/change`", "no check lab/change"],
    ["a file in a sentence that is not there", "see `docs/old.md`.", "no file docs/old.md"],
  ])("%s is told", (_, text, problem) => {
    expect(problemsOf(text)).toEqual([`docs/page.md: ${problem}`]);
  });

  test("what is there is not", () => {
    const text = `# A b\n[x](settings.md#home-relaydns) [y](#a-b) [z](https://example.org/docs/a#b) \`lab/changes\` \`unit/home\`
npm run check -- --mend; \`[no](link.md)\` test/lab/checks/changes.test.ts`;
    expect(problemsOf(text)).toEqual([]);
  });

  test("no way to it is told", () => {
    const all = { pages: pages("[s](settings.md)"), has: () => true, scripts: [] };
    expect(findUnreachable(all, "README.md", ["docs/settings.md", "docs/page.md"])).toEqual(["docs/page.md"]);
  });
});

test.each([
  ["## `home-relay:homes[].forwards[]`", "home-relayhomesforwards"],
  ["### Beside a VPN of the home's own", "beside-a-vpn-of-the-homes-own"],
  ["## If you change …", "if-you-change-"],
  ["## `--json`", "--json"],
  ["## A [link](page.md) in it", "a-link-in-it"],
  ["## Größe_2", "größe_2"],
])("the anchor of %s", (heading, anchor) => {
  expect(anchorsOf(heading)).toEqual([anchor]);
});

test("of two headings alike the second has another anchor", () => {
  expect(anchorsOf("## A\n\n## A\n")).toEqual(["a", "a-1"]);
});

test("a picture is a link, and what is behind a scheme none", () => {
  expect(linksOf("![p](a.svg) [m](mailto:a@example.org) [w](https://example.org)")).toEqual([
    { path: "a.svg", anchor: "" },
  ]);
});
