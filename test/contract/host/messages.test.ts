import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { runTool } from "../tool.ts";

const components = join(__dirname, "../../../components");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-messages-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the operator is told by a step that ends badly. */
function failWith(...lines: readonly string[]): string {
  const script = `set -euo pipefail; exec 2>&1; . ${components}/host/messages.sh; . ${components}/host/files.sh; ${lines.join("\n")}`;
  try {
    runTool("bash", "bash", ["-c", script]);
  } catch (error) {
    return (error as Error).message.replace(/^.*ended with 1:\n/s, "");
  }
  throw new Error("it did not fail");
}

describe("a last word reaches the operator", () => {
  test.each([
    ["a file is written", 'die "the mend" >/dev/null'],
    ["a value is asked for", 'value=$(die "the mend")'],
    ["a pipe is filled", 'die "the mend" | cat >/dev/null'],
  ])("while %s", (_, line) => {
    expect(failWith(line)).toBe("the mend\n");
  });

  test("while keys are joined with the tunnel's document, of which one is not on the host", () => {
    const script = readFileSync(join(components, "tunnel/sync-interface.sh"), "utf8")
      .replaceAll("/usr/local/lib/homerelay/", `${components}/host/`)
      .replaceAll("/etc/wireguard", folder);
    writeFileSync(join(folder, "sync-interface.sh"), script);
    writeFileSync(join(folder, "document"), "[Interface]\nPrivateKey = key:private\n");
    const said = failWith(
      `interface=homerelay etc=${folder} keys=${folder} unproven=${folder}/unproven`,
      `. ${folder}/sync-interface.sh; sync_interface ${folder}/document`,
    );
    expect(said).toBe(
      "the key 'private' is not on this host; run: pulumi up --replace '**:Command::**-keys'\n",
    );
    expect(existsSync(join(folder, "homerelay.conf"))).toBe(false);
  });
});
