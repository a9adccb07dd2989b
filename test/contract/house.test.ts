import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { runTool } from "./tool.ts";

const project = join(__dirname, "../..");

test("the types check", () => run("typescript/bin/tsc"), 300_000);

test("lint is clean", () => run("eslint/bin/eslint.js", "--max-warnings", "0", "."), 300_000);

test("everything is formatted", () => run("prettier/bin/prettier.cjs", "--check", "."), 300_000);

test("no text has a line end that a host's shell does not know", () => {
  // Of each file: what the index holds, what lies here, its attributes and its path.
  const files = runTool("git", "git", ["ls-files", "--eol"], { cwd: project }).trim().split("\n");
  expect(files.length).toBeGreaterThan(200);
  expect(files.filter((line) => /^i\/(?:crlf|mixed)|\sw\/(?:crlf|mixed)/.test(line))).toEqual([]);
});

/** What waits at the top of a file lets its functions run before anything below the wait is made. */
function madeBelowItsWait(text: string): string[] {
  const [, ...below] = text.split(/^await /m);
  return below.flatMap((part) => part.match(/^(?:export )?(?:const|let|class) \w+/gm) ?? []);
}

test("a program makes nothing below what it waits for at its top", () => {
  const programs = globSync("components/**/*.ts", { cwd: project });
  expect(programs.length).toBeGreaterThan(100);
  const found = programs.map((path) => [path, madeBelowItsWait(readFileSync(join(project, path), "utf8"))]);
  expect(found.filter(([, made]) => made?.length !== 0)).toEqual([]);
  expect(madeBelowItsWait("await run(main);\nfunction main() {}\nconst late = 1;\n")).toEqual(["const late"]);
});

test("what a user runs needs no package that `npm ci --omit=dev` leaves out", () => {
  const { dependencies } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
    dependencies: Readonly<Record<string, string>>;
  };
  const imported = ["index.ts", ...globSync("components/**/*.ts", { cwd: project })].flatMap((path) => {
    const text = readFileSync(join(project, path), "utf8");
    // Types alone are gone when it runs.
    const sources = text.matchAll(/^import (?!type\b)[^;]*?from "([^".][^"]*)";$/gm);
    return [...sources].map(([, source = ""]) => source).filter((source) => !source.startsWith("node:"));
  });
  const packages = new Set(imported.map((source) => /^(?:@[^/]+\/)?[^/]+/.exec(source)?.[0] ?? source));
  expect([...packages]).toEqual(expect.arrayContaining(["@pulumi/pulumi", "@pulumi/command", "yaml"]));
  expect([...packages].filter((name) => !(name in dependencies))).toEqual([]);
  // The CLI, which the documents call as `npx pulumi`.
  expect(Object.keys(dependencies)).toContain("pulumi");
});

/** Each is refused, or not, with the reason that a reader gets. */
const imports: readonly {
  readonly file: string;
  readonly imports: string;
  readonly refused: RegExp | undefined;
}[] = [
  {
    file: "components/firewall/ruleset.ts",
    imports: "../home/guard.ts",
    refused: /their own room and network/,
  },
  { file: "components/firewall/ruleset.ts", imports: "../network/port.ts", refused: undefined },
  { file: "components/firewall/ruleset.ts", imports: "./Firewall.ts", refused: /wires pure files/ },
  {
    file: "components/firewall/Firewall.ts",
    imports: "../tunnel/Tunnel.ts",
    refused: /know nothing of each other/,
  },
  { file: "components/firewall/Firewall.ts", imports: "../host/Host.ts", refused: undefined },
  {
    file: "components/firewall/Firewall.ts",
    imports: "../settings/settings.ts",
    refused: /Only HomeRelay.ts/,
  },
  { file: "components/hetzner/HetznerRelay.ts", imports: "../HomeRelay.ts", refused: /no room knows it/ },
  { file: "components/hetzner/HetznerRelay.ts", imports: "../relay/SshEndpoint.ts", refused: undefined },
  { file: "components/relay/move-ssh-endpoint.ts", imports: "../host/connection.ts", refused: undefined },
  {
    file: "components/relay/sshEndpointDocument.ts",
    imports: "../host/connection.ts",
    refused: /their own room/,
  },
  {
    file: "components/hetzner/check-order.ts",
    imports: "../relay/sshEndpointDocument.ts",
    refused: /their own room/,
  },
  { file: "components/check-stack.ts", imports: "./hetzner/askThings.ts", refused: undefined },
  {
    file: "components/check-stack.ts",
    imports: "./hetzner/HetznerRelay.ts",
    refused: /Components of|know their own/,
  },
  { file: "components/check-stack.ts", imports: "./settings/settings.ts", refused: /Only HomeRelay.ts/ },
  { file: "components/set-up-stack.ts", imports: "./settings/parseSettings.ts", refused: undefined },
  {
    file: "components/set-up-stack.ts",
    imports: "./settings/StackSettings.ts",
    refused: /Only HomeRelay.ts/,
  },
  {
    file: "components/setup/ask-operator.ts",
    imports: "../settings/settings.ts",
    refused: /Only HomeRelay.ts/,
  },
  {
    file: "components/check/screen.ts",
    imports: "../hetzner/compareThings.ts",
    refused: /know their own room/,
  },
  { file: "components/host/Host.ts", imports: "../relay/SshEndpoint.ts", refused: /knows network\/ alone/ },
  { file: "components/host/Host.ts", imports: "../relay/userData.ts", refused: /knows network\/ alone/ },
  { file: "components/network/port.ts", imports: "../tunnel/peers.ts", refused: /knows no other room/ },
  { file: "components/home/Home.ts", imports: "../../test/lab/paths.ts", refused: /stands alone/ },
  { file: "index.ts", imports: "./components/keys/Keys.ts", refused: /makes one HomeRelay/ },
];

test("an import against the arrows of the house is refused, with the reason", () => {
  const cases = imports.map(({ file, imports: path }) => ({ file, text: `import "${path}";\n` }));
  const answer = runTool("nodejs", process.execPath, [join(__dirname, "wrongImports.mjs")], {
    cwd: project,
    input: JSON.stringify(cases),
  });
  const found = JSON.parse(answer) as string[][];
  expect(found).toEqual(
    imports.map(({ refused }) => (refused === undefined ? [] : [expect.stringMatching(refused)])),
  );
}, 120_000);

/** With the very Node that runs this, and the tool that the lock file pins. */
function run(tool: string, ...args: string[]): void {
  runTool("nodejs", process.execPath, [join(project, "node_modules", tool), ...args], { cwd: project });
}
