import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { runTool } from "../tool.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-apt-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Who holds dpkg's lock, where this very process has `held` open and the kernel knows of a lock on that number. */
function holder(held: string): string {
  const lock = join(folder, "lock");
  writeFileSync(lock, "");
  writeFileSync(join(folder, "other"), "");
  const { ino } = statSync(lock);
  const script = readFileSync(join(__dirname, "../../../components/host/packages.sh"), "utf8")
    .replaceAll("/var/lib/dpkg/lock-frontend", lock)
    .replaceAll(/\/var\/lib\/(dpkg|apt\/lists)\/lock/g, join(folder, "none"))
    .replaceAll("/proc/locks", join(folder, "locks"));
  writeFileSync(join(folder, "packages.sh"), script);
  const commands = `exec 7<${join(folder, held)}
    echo "1: POSIX  ADVISORY  WRITE $$ 00:1a:${ino} 0 EOF" >${join(folder, "locks")}
    . ${join(folder, "packages.sh")}; apt_holder`;
  return runTool("bash", "bash", ["-euc", commands]);
}

test("who has dpkg's lock is named", () => {
  expect(holder("lock")).toMatch(/^process \d+ \(bash\)$/);
});

test("nobody is waited for who holds another file that has the same number on another file system", () => {
  expect(holder("other")).toBe("");
});
