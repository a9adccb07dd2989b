import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { prepareHosts } from "../../unit/preparedHosts.ts";
import type { PreparedHost } from "../../unit/preparedHosts.ts";
import { runTool } from "../tool.ts";

let hosts: ReadonlyMap<string, PreparedHost>;
beforeAll(async () => {
  hosts = await prepareHosts();
});

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "home-relay-units-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test.each(["relay of this stack's own", "relay that was there before", "home"])(
  "systemd takes the units of a %s",
  (kind) => {
    const files = hosts.get(kind)?.files ?? [];
    for (const { path, mode, text } of files) place(path, text, mode);
    for (const program of ["/usr/sbin/nft", "/usr/bin/flock", "/bin/sh", "/lib/systemd/systemd-sysctl"])
      place(program, "", "0755");
    const units = files
      .map(({ path }) => path)
      .filter((path) => /\/homerelay-[a-z-]+@?\.(service|socket|timer)$/.test(path));
    expect(units.length).toBeGreaterThan(0);
    runTool("systemd", "systemd-analyze", [
      "verify",
      "--recursive-errors=no",
      "--man=no",
      `--root=${root}`,
      ...units,
    ]);
  },
);

test("a service that a timer starts has not failed where somebody stops it at its work", () => {
  const texts = new Map(
    [...hosts.values()].flatMap(({ files }) => files.map(({ path, text }) => [path, text])),
  );
  const started = [...texts.keys()]
    .filter((path) => path.endsWith(".timer"))
    .map((path) => path.replace(/timer$/, "service"));
  expect(started.length).toBeGreaterThan(0);
  expect(started.filter((path) => !texts.get(path)?.includes("\nSuccessExitStatus=SIGTERM\n"))).toEqual([]);
});

function place(path: string, content: string, mode: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode: Number.parseInt(mode, 8) });
}
