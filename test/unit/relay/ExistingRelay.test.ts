import { beforeAll, describe, expect, test } from "@jest/globals";
import { endDocument } from "../../../components/network/document.ts";
import type { SshAccess } from "../../../components/network/sshAccess.ts";
import { ExistingRelay } from "../../../components/relay/ExistingRelay.ts";
import { renderMachineSettings, renderSshdSettings } from "../../../components/relay/hardening.ts";
import {
  everybody,
  describedAccess,
  operatorAccess,
  passwordAccess,
  relayPlan,
} from "../componentArguments.ts";
import { documentOf, named, register, tree, valueOf } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const adminCidrs = everybody;
const runStep = "node --disable-warning=ExperimentalWarning components/host/run-step.ts";

const make = (change: Partial<SshAccess> = {}) =>
  new ExistingRelay("relay", {
    plan: relayPlan(),
    access: { ...operatorAccess, ...change },
    ipv4: "203.0.113.7",
    ipv6: "2001:db8:2::1",
    listenPort: 51820,
    adminCidrs,
  });

let registered: readonly Registered[];
let relay: ExistingRelay;

beforeAll(async () => {
  registered = await register(() => {
    relay = make();
  });
});

test("is a host that is hardened, once its uninstall stands ready", () => {
  const component = "homerelay:relay:ExistingRelay relay";
  expect(tree(registered).slice(1)).toEqual([
    component,
    `command:local:Command relay-uninstall < ${component}`,
    `command:local:Command relay-reach < ${component}`,
    `command:local:Command relay-prepare < ${component}`,
    `command:local:Command relay-system < ${component}`,
  ]);
  expect(named(registered, "relay-reach").dependsOn).toEqual(["nas-uninstall", "relay-uninstall"]);
  expect(named(registered, "relay-uninstall").dependsOn).toEqual([]);
  const command = named(registered, "relay-system");
  expect(command.dependsOn).toEqual(["relay-prepare"]);
  expect(command.inputs).toMatchObject({
    create: `${runStep} timeout 300 /usr/local/lib/homerelay/harden-relay.sh`,
    stdin: endDocument(renderMachineSettings()),
  });
  expect(documentOf(command)["access"]).toEqual(describedAccess);
});

test("is asked first whether WireGuard's port is free there", () => {
  expect(documentOf(named(registered, "relay-reach"))["needs"]).toMatchObject({ listenPort: 51820 });
});

test("a wrong host key is mended where the user wrote the pinned one", () => {
  expect(documentOf(named(registered, "relay-reach"))).toMatchObject({
    hostKeyMend: expect.stringContaining("into hostKey of the relay"),
  });
});

test("answers at the addresses that the user wrote", async () => {
  expect(await valueOf(relay.ipv4Address)).toBe("203.0.113.7");
  expect(relay.ipv6Address && (await valueOf(relay.ipv6Address))).toBe("2001:db8:2::1");
});

test("is shared with its owner, who comes in as before, and passes strangers on once its system is set up", async () => {
  expect(relay.isShared).toBe(true);
  expect(relay.ssh).toEqual({ port: 2222, via: "public", adminCidrs, peers: [] });
  const names = (some: ExistingRelay["open"]) =>
    Promise.all(some.map(async ({ urn }) => (await valueOf(urn)).split("::").at(-1)));
  expect(await names(relay.open)).toEqual(["relay-system"]);
  expect(await names([relay.outlives.uninstall])).toEqual(["relay-uninstall"]);
});

test("is another machine when it shows another host key, and by nothing else", async () => {
  const ids: string[] = [];
  for (const change of [{}, { host: "203.0.113.8", user: "root" }, { hostKey: "ssh-ed25519 AAAAother" }])
    await register(async () => ids.push(await valueOf(make(change).machineId)));
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
});

describe("its sshd is set up", () => {
  const sshd = async (change: Partial<SshAccess>) => {
    const configured = await register(() => {
      const existing = make(change);
      existing.host.step("relay-sshd", existing.sshd, {});
    });
    return named(configured, "relay-sshd");
  };

  test("by a step of its own, in plain sight of a preview", async () => {
    const step = await sshd({});
    const { inputs } = step;
    // sshd may let in otherwise afterwards, so no later step uses a connection from before.
    expect(documentOf(step)["connection"]).toBe("last");
    expect([inputs["create"], inputs["stdin"]]).toEqual([
      `${runStep} timeout 300 /usr/local/lib/homerelay/harden-sshd.sh`,
      endDocument(renderSshdSettings({ byPassword: false })),
    ]);
  });

  test("and lets in by password whoever comes in by one", async () => {
    const { inputs } = await sshd({ password: passwordAccess.password });
    expect(inputs["stdin"]).toBe(endDocument(renderSshdSettings({ byPassword: true })));
  });
});

test("who comes in by password gets all but sshd's settings, anybody else these too", () => {
  expect(renderMachineSettings().match(/^#file .*$/gm)).toEqual([
    "#file 0644 sysctls",
    "#file 0644 upgrades",
  ]);
  expect(renderSshdSettings({ byPassword: true })).toBe("");
  expect(renderSshdSettings({ byPassword: false })).toContain("\nPasswordAuthentication no\n");
});
