import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { writeHandOver } from "../../../components/home/ManualHome.ts";
import type { HandOver } from "../../../components/home/ManualHome.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { nas, nasForwards, optionedForwards } from "../../unit/generators/examples.ts";
import { runTool } from "../tool.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-script-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const generate = () => runTool("wireguard-tools", "wg", ["genkey"]).trim();

describe.each([
  ["plain forwards", nasForwards],
  ["forwards of every kind", [...nasForwards, ...optionedForwards]],
])("what is handed over for a home with %s", (_, forwards) => {
  let made: HandOver;
  beforeAll(() => {
    const tunnel = {
      prefix4: parsePrefix("10.77.0.0/16"),
      prefix6: parsePrefix("fd77::/64"),
      listenPort: 51820,
      mtu: 1420,
      keepaliveSeconds: 25,
    };
    made = writeHandOver(
      {
        name: "nas",
        owner: { id: "0123456789abcdef", stack: "home-relay/test" },
        devices: [],
        tunnelAddress: nas,
        forwards,
        tunnel,
      },
      { privateKey: generate(), presharedKey: generate() },
      { publicKey: generate(), ipv4Address: "203.0.113.5" },
    );
  });

  test("is a script that bash reads and of which shellcheck has nothing to say", () => {
    const file = join(folder, "nas.sh");
    writeFileSync(file, made.script);
    runTool("bash", "bash", ["-n", file]);
    runTool("shellcheck", "shellcheck", ["--severity=style", file]);
  });

  test("is a script that explains itself, and does nothing without a verb", () => {
    const file = join(folder, "nas.sh");
    writeFileSync(file, made.script);
    expect(() => runTool("bash", "bash", [file])).toThrow(
      /ended with 2:\nusage: sudo bash \S+nas\.sh install \| remove \| status\n/,
    );
  });

  test("is a configuration that wg-quick reads", () => {
    const file = join(folder, "wg0.conf");
    writeFileSync(file, made.wireguard, { mode: 0o600 });
    const stripped = runTool("wireguard-tools", "wg-quick", ["strip", file]);
    expect(stripped).toMatch(/^Endpoint = 203\.0\.113\.5:51820$/m);
  });
});
