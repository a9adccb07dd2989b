import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import {
  renderGuardDocument,
  renderKeyDocument,
  renderTunnelDocument,
} from "../../../components/home/documents.ts";
import { ManualHome } from "../../../components/home/ManualHome.ts";
import { preparation } from "../../../components/host/Host.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { listProbes, renderProbes } from "../../../components/reachability/probes.ts";
import { nas, nasForwards } from "../generators/examples.ts";
import { owner } from "../componentArguments.ts";
import { plainTexts, register, tree, valueOf } from "../mockEngine.ts";

const plan = {
  name: "nas",
  devices: [],
  tunnelAddress: nas,
  forwards: nasForwards,
  tunnel: {
    prefix4: parsePrefix("10.77.0.0/16"),
    prefix6: parsePrefix("fd77::/64"),
    listenPort: 51820,
    mtu: 1420,
    keepaliveSeconds: 25,
  },
};
const keys = { privateKey: "private nas", presharedKey: "preshared nas" };
const relay = { publicKey: "public relay", ipv4Address: "203.0.113.5" };

const read = (script: string) => readFileSync(join(__dirname, "../../../components", script), "utf8");

const manualHome = () =>
  new ManualHome("nas", {
    ...plan,
    owner,
    keys: { privateKey: pulumi.secret(keys.privateKey), presharedKey: pulumi.secret(keys.presharedKey) },
    relay: { publicKey: pulumi.output(relay.publicKey), ipv4Address: pulumi.output(relay.ipv4Address) },
  });

test("contacts nothing, and a preview shows its forwards", async () => {
  const registered = await register(manualHome);
  expect(tree(registered)).toEqual(["homerelay:home:ManualHome nas"]);
  expect(plainTexts(registered[0]?.inputs)).toContain("80:8080/tcp");
});

test("hands over, secret, a script with every document that the steps of another home bring, and says what to do", async () => {
  let made: ManualHome | undefined;
  await register(() => (made = manualHome()));
  if (made === undefined) throw new Error("the home was not made");
  const { next, script, wireguard } = made.handOver;
  expect(await Promise.all([script, wireguard].map((text) => pulumi.isSecret(text)))).toEqual([true, true]);
  const documents = [
    preparation("home"),
    renderGuardDocument(plan),
    renderKeyDocument(keys),
    renderTunnelDocument(plan, relay),
    renderProbes(relay.ipv4Address, listProbes(nasForwards)),
    read("host/begin-uninstall.sh") + read("host/restore-sysctls.sh") + read("home/uninstall-home.sh"),
  ];
  const text = await valueOf(script);
  expect(documents.filter((document) => !text.includes(`\n${document}=== end of `))).toEqual([]);
  expect(await valueOf(wireguard)).toContain("PrivateKey = private nas");
  expect(next).toBe(
    "nas waits for its script, now and after each change: npm run -s home nas > nas.sh, " +
      "and there: sudo bash nas.sh install",
  );
});
