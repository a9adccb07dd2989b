import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ManualHome } from "../../../components/home/ManualHome.ts";
import type { HandOver } from "../../../components/home/handOver.ts";
import { proofStep } from "../../../components/reachability/proofStep.ts";
import { register, valueOf } from "../../unit/mockEngine.ts";
import { installationAtHome } from "../../../components/HomeRelay.ts";
import { owner } from "../../unit/componentArguments.ts";
import { nas, nasForwards, optionedForwards, tunnelPlan } from "../../unit/generators/examples.ts";
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
  beforeAll(async () => {
    const keys = { privateKey: generate(), publicKey: generate(), presharedKey: generate() };
    const relay = { publicKey: generate(), ipv4Address: "203.0.113.5", ipv6Address: "2001:db8:77::1" };
    let home: ManualHome | undefined;
    await register(() => {
      const plan = { name: "nas", devices: [], tunnelAddress: nas, ipv6: true, forwards, tunnel: tunnelPlan };
      const installation = installationAtHome;
      home = new ManualHome("home-nas", { plan, owner, installation, keys, relay, proof: proofStep });
    });
    if (home === undefined) throw new Error("the home was not made");
    const { next, script, wireguard } = home.handOver;
    made = { next, script: await valueOf(script), wireguard: await valueOf(wireguard) };
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
