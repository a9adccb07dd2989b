import { join } from "node:path";
import { test } from "@jest/globals";
import { runTool } from "./tool.ts";

const project = join(__dirname, "../..");

test("the types check", () => run("typescript/bin/tsc"), 120_000);

test("lint is clean", () => run("eslint/bin/eslint.js", "--max-warnings", "0", "."), 120_000);

test("everything is formatted", () => run("prettier/bin/prettier.cjs", "--check", "."), 120_000);

/** With the very Node that runs this, and the tool that the lock file pins. */
function run(tool: string, ...args: string[]): void {
  runTool("nodejs", process.execPath, [join(project, "node_modules", tool), ...args], { cwd: project });
}
