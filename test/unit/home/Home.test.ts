import { beforeAll, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Home } from "../../../components/home/Home.ts";
import { renderGuard } from "../../../components/home/guard.ts";
import { renderRules, renderSysctls } from "../../../components/home/routes.ts";
import { renderDocument } from "../../../components/network/document.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { nas, nasForwards, relay } from "../generators/examples.ts";
import { earlier, operatorAccess, owner } from "../componentArguments.ts";
import { named, register, tree } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const installed = "sh components/host/run-step.sh timeout 300 /usr/local/lib/homerelay";
let registered: readonly Registered[];

beforeAll(async () => {
  registered = await register(
    () =>
      new Home("nas", {
        name: "nas",
        access: operatorAccess,
        owner,
        tunnelAddress: nas,
        forwards: nasForwards,
        devices: [],
        tunnel: {
          prefix4: parsePrefix("10.77.0.0/16"),
          prefix6: parsePrefix("fd77::/64"),
          listenPort: 51820,
          mtu: 1420,
          keepaliveSeconds: 25,
        },
        keys: { privateKey: pulumi.secret("private nas"), presharedKey: pulumi.secret("preshared nas") },
        relay: {
          publicKey: pulumi.output("public relay"),
          ipv4Address: pulumi.output("203.0.113.5"),
          serverId: pulumi.output("42"),
          listening: earlier("relay-tunnel-interface"),
        },
        uninstall: earlier("nas-on-destroy"),
      }),
  );
});

test("is a host, its guard, its keys and its end of the tunnel", () => {
  const [component, host] = ["homerelay:home:Home nas", "homerelay:host:Host nas-host"];
  expect(tree(registered).slice(2)).toEqual([
    component,
    `${host} < ${component}`,
    `command:local:Command nas-host-reach < ${host}`,
    `command:local:Command nas-host-prepare < ${host}`,
    `command:local:Command nas-guard < ${component}`,
    `command:local:Command nas-keys < ${component}`,
    `command:local:Command nas-tunnel < ${component}`,
  ]);
});

test("touches the home only when its uninstall stands ready, and joins only behind its guard", () => {
  const host = registered.find(({ type }) => type === "homerelay:host:Host");
  expect(host?.dependsOn).toEqual(["nas-on-destroy"]);
  expect(named(registered, "nas-tunnel").dependsOn).toEqual([
    "nas-guard",
    "nas-keys",
    "relay-tunnel-interface",
  ]);
});

test("the guard waits for nothing of the relay, so a preview shows it before there is one", () => {
  const { inputs, dependsOn } = named(registered, "nas-guard");
  expect(dependsOn).toEqual(["nas-host-prepare"]);
  expect(inputs["create"]).toBe(`${installed}/apply-guard.sh`);
  expect(inputs["stdin"]).toBe(
    renderDocument([
      { name: "guard", text: renderGuard({ home: nas, relay, forwards: nasForwards }) },
      { name: "rules", text: renderRules(nas, nasForwards) },
      { name: "sysctls", text: renderSysctls(nasForwards) },
    ]),
  );
});

test("the keys travel in a secret document", () => {
  const { inputs } = named(registered, "nas-keys");
  expect([inputs["create"], inputs["stdin"]]).toEqual([
    `${installed}/store-keys.sh`,
    { secret: "#file 0600 private\nprivate nas\n#file 0600 preshared-relay\npreshared nas\n" },
  ]);
});

test("its end of the tunnel is plain, calls the relay and takes no default route", () => {
  const { inputs } = named(registered, "nas-tunnel");
  expect(inputs["create"]).toBe(`${installed}/join-relay.sh 10.77.0.1`);
  expect(inputs["stdin"]).toBe(`\
[Interface]
Address = 10.77.3.4/16, fd77::304/64
PrivateKey = key:private
MTU = 1420
Table = off
PostUp = /usr/local/lib/homerelay/sync-routes.sh
PreDown = /usr/local/lib/homerelay/sync-routes.sh remove

# relay
[Peer]
PublicKey = public relay
PresharedKey = key:preshared-relay
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 203.0.113.5:51820
PersistentKeepalive = 25
`);
});
