import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { endDocument } from "../../../components/network/document.ts";
import * as pulumi from "@pulumi/pulumi";
import {
  renderGuardDocument,
  renderKeyDocument,
  renderTunnelDocument,
} from "../../../components/home/documents.ts";
import { Home } from "../../../components/home/Home.ts";
import { renderHandOver } from "../../../components/home/handOver.ts";
import type { HandOverParts } from "../../../components/home/handOver.ts";
import { ManualHome } from "../../../components/home/ManualHome.ts";
import { homeSteps } from "../../../components/home/steps.ts";
import {
  leftoversStep,
  preflightByHand,
  preparation,
  preparationCommand,
} from "../../../components/host/Host.ts";
import { askParts, uninstallParts } from "../../../components/host/scriptParts.ts";
import type { HomePlan } from "../../../components/network/homePlan.ts";
import { listProbes, renderProbes } from "../../../components/reachability/probes.ts";
import { proofStep } from "../../../components/reachability/proofStep.ts";
import { nas, nasForwards, tunnelPlan } from "../generators/examples.ts";
import { installationAtHome } from "../../../components/HomeRelay.ts";
import { earlier, operatorAccess, owner } from "../componentArguments.ts";
import { plainTexts, register, tree, valueOf } from "../mockEngine.ts";

const plan: HomePlan = {
  name: "nas",
  devices: [],
  tunnelAddress: nas,
  ipv6: true,
  forwards: nasForwards,
  tunnel: tunnelPlan,
};
const keys = { privateKey: "private nas", publicKey: "public nas", presharedKey: "preshared nas" };
const relay = { publicKey: "public relay", ipv4Address: "203.0.113.5", ipv6Address: "2001:db8:77::1" };

const read = (script: string) => readFileSync(join(__dirname, "../../../components", script), "utf8");

/** As the component gathers them. */
const handOverParts = (): HandOverParts => ({
  plan,
  keys,
  relay,
  preflight: { name: "preflight", ...preflightByHand(installationAtHome, "nas") },
  prepare: {
    name: "prepare",
    command: preparationCommand({ id: "0123456789abcdef", stack: "home-relay/test" }, "nas"),
    document: preparation(installationAtHome),
  },
  uninstall: {
    name: "uninstall",
    command: `timeout 300 bash -s 0123456789abcdef nas`,
    document: "uninstall\n",
  },
  proof: proofStep,
  leftovers: {
    name: "leftovers",
    command: "timeout 300 /usr/local/lib/homerelay/remove-leftovers.sh",
    document: endDocument(leftoversStep(installationAtHome).document),
  },
  main: 'main "$@"\n',
});

const manualHome = () =>
  new ManualHome("home-nas", {
    plan,
    owner,
    installation: installationAtHome,
    keys: {
      privateKey: pulumi.secret(keys.privateKey),
      publicKey: pulumi.output(keys.publicKey),
      presharedKey: pulumi.secret(keys.presharedKey),
    },
    relay: {
      publicKey: pulumi.output(relay.publicKey),
      ipv4Address: pulumi.output(relay.ipv4Address),
      ipv6Address: pulumi.output(relay.ipv6Address),
    },
    proof: proofStep,
  });

test("contacts nothing, and a preview shows its forwards", async () => {
  const registered = await register(manualHome);
  expect(tree(registered)).toEqual(["homerelay:home:ManualHome home-nas"]);
  expect(plainTexts(registered[0]?.inputs)).toContain("80:8080/tcp");
});

test("hands over, secret, a script with every document that the steps of another home bring, and says what to do", async () => {
  let made: ManualHome | undefined;
  await register(() => (made = manualHome()));
  if (made === undefined) throw new Error("the home was not made");
  const { next, script, wireguard } = made.handOver;
  expect(await Promise.all([script, wireguard].map((text) => pulumi.isSecret(text)))).toEqual([true, true]);
  const documents = [
    askParts.map(read).join(""),
    preparation(installationAtHome),
    ...[
      renderGuardDocument(plan),
      renderKeyDocument(keys, plan, relay.publicKey),
      renderTunnelDocument(plan, relay),
      renderProbes({ ipv4: relay.ipv4Address, ipv6: relay.ipv6Address }, listProbes(nasForwards)),
      leftoversStep(installationAtHome).document,
    ].map(endDocument),
    [...uninstallParts, "home/uninstall-home.sh"].map(read).join(""),
  ];
  const text = await valueOf(script);
  expect(documents.filter((document) => !text.includes(`\n${document}=== end of `))).toEqual([]);
  expect(await valueOf(wireguard)).toContain("PrivateKey = private nas");
  expect(next).toBe(
    "nas waits for its script, now and after each change: (umask 077; npm run -s home nas > nas.sh), " +
      "and there: sudo bash nas.sh install",
  );
});

test("the script asks what a home is asked that is reached, and runs its very steps, in their order: the first one, each of the others, the proof and what is left over", async () => {
  const { script } = renderHandOver(handOverParts());
  const reached = await register(() => {
    const cleaning = {
      title: "nas",
      nameOnHost: "nas",
      access: operatorAccess,
      owner,
      script: "home/uninstall-home.sh",
    };
    new Home("home-nas", {
      plan,
      cleaning,
      installation: installationAtHome,
      keys,
      relay,
      noteSecret: "private admin",
      relayMachineId: "42",
      relayReady: [],
      proof: proofStep,
      uninstall: earlier("home-nas-uninstall"),
    });
  });
  const commands = reached.flatMap(({ name, inputs }) => {
    const [, command] = / components\/host\/run-step\.ts (.*)$/.exec(String(inputs["create"])) ?? [];
    return command === undefined ? [] : [[name.replace("home-nas-", ""), command]];
  });
  const functions = [...script.matchAll(/^([a-z]+)\(\) \{\n {2}(.*) <<'=== end of \1 ==='$/gm)].map(
    ([, name, command]) => [name, command],
  );
  const asking =
    "sh -s -- - plain=nas package=nft:nftables package=wg-quick:wireguard-tools package=ping:iputils-ping";
  expect(functions).toEqual([
    ["preflight", asking],
    ...commands,
    ["uninstall", `timeout 300 bash -s ${owner.id} nas`],
  ]);
  const names = ["prepare", ...homeSteps.map(({ name }) => name), "proof", "leftovers"];
  expect(commands.map(([name]) => name)).toEqual(names);
  expect(/^readonly steps=\((.*)\)$/m.exec(script)?.[1]).toBe(["preflight", ...names].join(" "));
});

test("a step that needs one which comes later is refused before any script is written", () => {
  const proof = { ...proofStep, needs: ["somewhere else"] };
  expect(() => renderHandOver({ ...handOverParts(), proof })).toThrow(
    "the step proof needs somewhere else, which does not come before it",
  );
});
