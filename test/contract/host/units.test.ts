import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { installedFiles } from "../../../components/host/installedFiles.ts";
import type { Role } from "../../../components/host/installedFiles.ts";
import { runTool } from "../tool.ts";

const components = join(__dirname, "../../../components");
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "home-relay-units-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test.each(Object.keys(installedFiles) as Role[])("systemd takes the units of a %s", (role) => {
  const files = installedFiles[role];
  for (const { source, path, mode } of files) place(path, readFileSync(join(components, source)), mode);
  place("/usr/sbin/nft", Buffer.alloc(0), "0755");
  const units = files
    .map(({ path }) => path)
    .filter((path) => /\/homerelay-[a-z]+\.(service|timer)$/.test(path));
  expect(units.length).toBeGreaterThan(0);
  runTool("systemd", "systemd-analyze", [
    "verify",
    "--recursive-errors=no",
    "--man=no",
    `--root=${root}`,
    ...units,
  ]);
});

function place(path: string, content: Buffer, mode: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode: Number.parseInt(mode, 8) });
}
