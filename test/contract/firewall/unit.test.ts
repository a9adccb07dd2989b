/** The unit that loads the rules of either end, by its own commands. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { renderGuard } from "../../../components/home/guard.ts";
import { firewall, nas, nasForwards, relay } from "../../unit/generators/examples.ts";
import { asRoot, runTool } from "../tool.ts";

const component = (file: string) => readFileSync(join(__dirname, "../../../components", file), "utf8");
const unit = component("firewall/homerelay-firewall.service");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-unit-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Does as systemd would, in a network of its own; what is said, and whether the tunnel may be up. */
function run(setting: "ExecStart" | "ExecReload", file: string, before = ":"): string {
  writeFileSync(join(folder, "firewall.nft"), file);
  const commands = [...unit.matchAll(new RegExp(`^${setting}=(.*)$`, "gm"))].flatMap(
    ([, line]) => line ?? [],
  );
  const script = `
    systemctl() { echo "systemctl $*" >&3; }
    sh() { eval "$2"; }
    ${before}
    if { ${commands.join(" && ")}; } 3>&1 >/dev/null 2>&1; then echo loaded; else echo failed; fi`;
  const inFolder = (text: string) =>
    text.replaceAll("/etc/homerelay", folder).replaceAll("/usr/local/lib/homerelay", folder);
  const here = inFolder(script).replaceAll("/bin/sh", "sh").replaceAll("exit 1", "false");
  for (const path of ["host/paths.sh", "firewall/table.sh", "firewall/load-firewall.sh"])
    writeFileSync(join(folder, basename(path)), inFolder(component(path)), { mode: 0o755 });
  return runTool("nftables", "unshare", [...asRoot, "--net", "bash", "-c", here]);
}

describe.each([
  ["relay", renderRelayRuleset(firewall)],
  ["home", renderGuard({ home: nas, relay, forwards: nasForwards })],
])("of a %s", (_, whole) => {
  const lines = whole.split("\n");

  test("starts with the whole file, and fails with one that ends early, wherever", () => {
    expect(run("ExecStart", whole)).toBe("loaded\n");
    for (const length of [0, 1, 2, 3, 4, 5, 6, 8, 16, 32, lines.length - 3])
      expect([
        length,
        run(
          "ExecStart",
          lines
            .slice(0, length)
            .map((line) => `${line}\n`)
            .join(""),
        ),
      ]).toEqual([length, "failed\n"]);
  });

  test("fails with a file of zeros, as a power cut leaves it", () => {
    expect(run("ExecStart", "\0".repeat(whole.length))).toBe("failed\n");
  });

  test("ends, and the tunnel with it, when somebody has emptied all tables and the file does not bring them back", () => {
    expect(run("ExecReload", whole)).toBe("loaded\n");
    expect(run("ExecReload", "")).toBe("systemctl --no-block stop homerelay-firewall\nfailed\n");
  });
});
