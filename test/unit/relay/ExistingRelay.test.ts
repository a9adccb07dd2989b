import { beforeAll, describe, expect, test } from "@jest/globals";
import { ExistingRelay } from "../../../components/relay/ExistingRelay.ts";
import { renderHardening } from "../../../components/relay/hardening.ts";
import { earlier, operatorAccess, operatorEnvironment, owner } from "../componentArguments.ts";
import { named, register, tree, valueOf } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const make = (change: object = {}) =>
  new ExistingRelay("relay", {
    access: { ...operatorAccess, ...change },
    owner,
    ipv4: "203.0.113.7",
    ipv6: "2001:db8:2::1",
    after: [earlier("the relay-on-destroy")],
  });

let registered: readonly Registered[];
let relay: ExistingRelay;

beforeAll(async () => {
  registered = await register(() => {
    relay = make();
  });
});

test("is a host that is hardened, once its uninstall stands ready", () => {
  const [component, host] = ["homerelay:relay:ExistingRelay relay", "homerelay:host:Host relay-host"];
  expect(tree(registered).slice(1)).toEqual([
    component,
    `${host} < ${component}`,
    `command:local:Command relay-host-reach < ${host}`,
    `command:local:Command relay-host-prepare < ${host}`,
    `command:local:Command relay-system < ${component}`,
  ]);
  expect(registered.find(({ type }) => type === "homerelay:host:Host")?.dependsOn).toEqual([
    "the relay-on-destroy",
  ]);
  const { inputs, dependsOn } = named(registered, "relay-system");
  expect(dependsOn).toEqual(["relay-host-prepare"]);
  expect(inputs).toMatchObject({
    create: "sh components/host/run-step.sh timeout 300 /usr/local/lib/homerelay/harden-relay.sh",
    environment: operatorEnvironment,
    stdin: renderHardening({ byPassword: false }),
  });
});

test("a wrong host key is mended where the user wrote the pinned one", () => {
  expect(named(registered, "relay-host-reach").inputs["environment"]).toMatchObject({
    HOST_KEY_MEND: expect.stringContaining("into hostKey of the relay"),
  });
});

test("answers at the addresses that the user wrote", async () => {
  expect(await valueOf(relay.ipv4Address)).toBe("203.0.113.7");
  expect(relay.ipv6Address && (await valueOf(relay.ipv6Address))).toBe("2001:db8:2::1");
});

test("is another server when it shows another host key, and by nothing else", async () => {
  const ids: string[] = [];
  for (const change of [{}, { host: "203.0.113.8", user: "root" }, { hostKey: "ssh-ed25519 AAAAother" }])
    await register(async () => ids.push(await valueOf(make(change).serverId)));
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
});

describe("who comes in by password", () => {
  test("goes on to do so", async () => {
    const steps = await register(() => make({ password: "secret" }));
    expect(named(steps, "relay-system").inputs["stdin"]).toBe(renderHardening({ byPassword: true }));
  });

  test("and gets all but sshd's settings", () => {
    const files = (byPassword: boolean) => renderHardening({ byPassword }).match(/^#file .*$/gm);
    expect(files(true)).toEqual(["#file 0644 sysctls", "#file 0644 upgrades"]);
    expect(files(false)).toEqual(["#file 0644 sysctls", "#file 0644 upgrades", "#file 0644 sshd"]);
  });
});
