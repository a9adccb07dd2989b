import { describe, expect, test } from "@jest/globals";
import { expectFiles } from "../../../components/check/expectedFiles.ts";
import { listHostSteps } from "../../../components/check/hostSteps.ts";
import { homeSteps } from "../../../components/home/steps.ts";
import { preparation } from "../../../components/host/Host.ts";
import { hostInstallation } from "../../../components/host/installation.ts";
import { endDocument } from "../../../components/network/document.ts";
import { renderSshdConfig, renderSshdStep, sshdConfigPath } from "../../../components/relay/sshdConfig.ts";
import { nas, nasForwards, tunnelPlan } from "../generators/examples.ts";

const plan = {
  name: "nas",
  tunnelAddress: nas,
  ipv6: true,
  forwards: nasForwards,
  devices: [],
  tunnel: tunnelPlan,
};
const relay = {
  publicKey: "K",
  ipv4Address: "203.0.113.5",
  ipv6Address: "2001:db8::1",
  calledAt: "203.0.113.5",
};

const ofHome = "homerelay:index:HomeRelay$homerelay:home:Home$command:local:Command";
const program = "node --disable-warning=ExperimentalWarning components/host/run-step.ts";

function stateOf(name: string, script: string, stdin: string) {
  const create = `${program} timeout 300 /usr/local/lib/homerelay/${script}`;
  return { types: ofHome, name, inputs: { create, stdin } };
}

/** The real documents of a home's steps, as the state has them. */
const documents = homeSteps.map(({ name, script, document }) => {
  const text =
    document.of === "plan"
      ? document.render(plan)
      : document.of === "relay"
        ? document.render(plan, relay)
        : document.render({ privateKey: "PRIVATE", publicKey: "K", presharedKey: "SHARED" }, plan, "RELAY");
  return stateOf(`home-nas-${name}`, script, endDocument(text));
});

describe("the steps of a host", () => {
  test("are told apart by host, also where a home's name is the beginning of another's", () => {
    const steps = listHostSteps(
      [
        stateOf("home-nas-guard", "apply-guard.sh", "a"),
        stateOf("home-nas-guard-guard", "apply-guard.sh", "b"),
        {
          types: "homerelay:index:HomeRelay$homerelay:firewall:Firewall$command:remote:Command",
          name: "home-relay-firewall-rules",
          inputs: {
            create: "timeout 300 /usr/local/lib/homerelay/apply-firewall.sh public",
            stdin: "c",
          },
        },
        { types: ofHome, name: "home-nas-reach", inputs: { create: "node components/host/reach-host.ts" } },
      ],
      ["nas", "nas-guard"],
    );
    const brief = [...steps].map(([host, all]) => [
      host,
      all.map(({ name, script, arguments: words, document }) => [name, script, words, document]),
    ]);
    expect(brief).toEqual([
      ["relay", [["home-relay-firewall-rules", "apply-firewall.sh", ["public"], "c"]]],
      ["nas", [["home-nas-guard", "apply-guard.sh", [], "a"]]],
      ["nas-guard", [["home-nas-guard-guard", "apply-guard.sh", [], "b"]]],
    ]);
  });
});

describe("the files that steps leave", () => {
  const files = () => expectFiles(listHostSteps(documents, ["nas"]).get("nas") ?? []);

  test("of a home's are each in their place, and keys are secret", () => {
    expect(
      files().map(({ path, mode, isSecret, hasKeys, step }) => [path, mode, isSecret, hasKeys, step]),
    ).toEqual([
      ["/etc/homerelay/address6", "644", false, false, "home-nas-tunnel"],
      ["/etc/homerelay/firewall.nft", "644", false, false, "home-nas-guard"],
      ["/etc/homerelay/keys/preshared-relay", "600", true, false, "home-nas-keys"],
      ["/etc/homerelay/keys/private", "600", true, false, "home-nas-keys"],
      ["/etc/homerelay/keys/relay", "600", true, false, "home-nas-keys"],
      ["/etc/homerelay/relay.nft", "644", false, false, "home-nas-tunnel"],
      ["/etc/homerelay/routes", "644", false, false, "home-nas-guard"],
      ["/etc/wireguard/homerelay.conf", "600", true, true, "home-nas-tunnel"],
    ]);
  });

  test("stand in the same order whichever step was ready first", () => {
    const late = listHostSteps(documents.toReversed(), ["nas"]).get("nas") ?? [];
    expect(expectFiles(late)).toEqual(files());
  });

  test("hold what the document says, for wg-quick the address of IPv4 alone", () => {
    const text = (path: string) => files().find((file) => file.path === path)?.text;
    expect(text("/etc/homerelay/keys/private")).toBe("PRIVATE\n");
    expect(text("/etc/wireguard/homerelay.conf")).toContain(`Address = ${nas.ipv4}/16\n`);
    expect(text("/etc/wireguard/homerelay.conf")).toContain("PrivateKey = key:private\n");
    expect(text("/etc/homerelay/address6")).toBe(`${nas.ipv6}/64\n`);
  });

  test("of the first step are all that the host has of ours", () => {
    const create = "timeout 900 bash -s 0123 home-relay/dev nas";
    const resource = {
      types: ofHome,
      name: "home-nas-prepare",
      inputs: { create, stdin: preparation(hostInstallation) },
    };
    const steps = listHostSteps([resource], ["nas"]).get("nas") ?? [];
    expect(steps[0]).toMatchObject({ script: "prepare", arguments: ["0123", "home-relay/dev", "nas"] });
    expect(expectFiles(steps).map(({ path, mode }) => `${path} ${mode}`)).toEqual(
      [
        "/etc/homerelay/wanted 644",
        ...hostInstallation.files.map(({ path, mode }) => `${path} ${mode.replace(/^0/, "")}`),
      ].sort(),
    );
  });
});

test("the relay's part of sshd's configuration is expected as its step writes it", () => {
  const step = { name: "home-relay-sshd", script: "apply-sshd.sh", arguments: [], timeoutSeconds: 300 };
  const document = endDocument(renderSshdStep(2222, "ssh-ed25519 AAAA"));
  const [file, ...more] = expectFiles([{ ...step, document }]);
  expect(more).toEqual([]);
  expect(file).toMatchObject({ path: sshdConfigPath, mode: "644", text: renderSshdConfig(2222) });
});
