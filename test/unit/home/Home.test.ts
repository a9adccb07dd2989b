import { beforeAll, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Home } from "../../../components/home/Home.ts";
import type { CleaningArgs } from "../../../components/host/Uninstall.ts";
import { loadRelayAddresses } from "../../../components/home/ownCalls.ts";
import { renderGuard } from "../../../components/home/guard.ts";
import { homeSteps } from "../../../components/home/steps.ts";
import { renderRoutes } from "../../../components/home/routes.ts";
import { renderSysctls } from "../../../components/home/sysctls.ts";
import { endDocument, renderDocument } from "../../../components/network/document.ts";
import { proofStep } from "../../../components/reachability/proofStep.ts";
import { listProbes, renderProbes } from "../../../components/reachability/probes.ts";
import { nas, nasForwards, relay, tunnelPlan } from "../generators/examples.ts";
import { installationAtHome } from "../../../components/HomeRelay.ts";
import { earlier, operatorAccess, owner } from "../componentArguments.ts";
import { named, register, tree } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const installed =
  "node --disable-warning=ExperimentalWarning components/host/run-step.ts timeout 300 /usr/local/lib/homerelay";
let registered: readonly Registered[];

beforeAll(async () => {
  registered = await register(() => home());
});

const home = (access: CleaningArgs["access"] = operatorAccess) =>
  new Home("home-nas", {
    plan: {
      name: "nas",
      tunnelAddress: nas,
      ipv6: true,
      forwards: nasForwards,
      devices: [],
      tunnel: { ...tunnelPlan, keyGeneration: 3 },
    },
    cleaning: { title: "nas", nameOnHost: "nas", access, owner, script: "home/uninstall-home.sh" },
    installation: installationAtHome,
    keys: {
      privateKey: pulumi.secret("private nas"),
      publicKey: pulumi.output("public nas"),
      presharedKey: pulumi.secret("preshared nas"),
    },
    relay: {
      publicKey: pulumi.output("public relay"),
      ipv4Address: pulumi.output("203.0.113.5"),
      ipv6Address: pulumi.output("2001:db8:77::1"),
    },
    noteSecret: "private admin",
    relayMachineId: pulumi.output("42"),
    relayReady: [earlier("relay-tunnel-interface"), earlier("provider-firewall")],
    proof: proofStep,
    uninstall: earlier("home-nas-uninstall"),
  });

test("is a host, its guard, its keys, its end of the tunnel, the machine before it, the proof and what is left over", () => {
  const component = "homerelay:home:Home home-nas";
  expect(tree(registered).slice(3)).toEqual([
    component,
    `command:local:Command home-nas-reach < ${component}`,
    `command:local:Command home-nas-prepare < ${component}`,
    `command:local:Command home-nas-guard < ${component}`,
    `command:local:Command home-nas-keys < ${component}`,
    `command:local:Command home-nas-tunnel < ${component}`,
    `command:local:Command home-nas-former-machine < ${component}`,
    `command:local:Command home-nas-proof < ${component}`,
    `command:local:Command home-nas-leftovers < ${component}`,
  ]);
});

test("the machine that runs the program was never another one, and gets all else", async () => {
  const here = tree(await register(() => home("here")));
  expect(here).toEqual(tree(registered).filter((line) => !line.includes("former-machine")));
});

test("touches the home only when its uninstall stands ready, and joins only behind its guard", () => {
  expect(named(registered, "home-nas-reach").dependsOn).toEqual(["home-nas-uninstall"]);
  expect(named(registered, "home-nas-tunnel").dependsOn).toEqual([
    "home-nas-guard",
    "home-nas-keys",
    "home-nas-prepare",
    "provider-firewall",
    "relay-tunnel-interface",
  ]);
});

test("calls another machine as the relay anew", () => {
  const triggers = (name: string) => named(registered, name).inputs["triggers"] as string[];
  expect(triggers("home-nas-tunnel").slice(1)).toEqual(["42"]);
  for (const name of ["home-nas-guard", "home-nas-keys"]) expect(triggers(name)).toHaveLength(1);
});

test("tries every forward at the public addresses, from the home, once both ends are ready and no other machine is it", () => {
  const { inputs, dependsOn } = named(registered, "home-nas-proof");
  const ready = [
    ...homeSteps.map(({ name }) => `home-nas-${name}`),
    "provider-firewall",
    "relay-tunnel-interface",
  ];
  expect(dependsOn).toEqual(["home-nas-former-machine", "home-nas-prepare", ...ready].sort());
  expect(named(registered, "home-nas-former-machine").dependsOn).toEqual(ready);
  expect(inputs["create"]).toBe(
    "node --disable-warning=ExperimentalWarning components/host/run-step.ts timeout 300 /usr/local/lib/homerelay/prove-forwards.sh 10.77.0.1",
  );
  // Again for another machine as the relay, and for another tunnel.
  expect((inputs["triggers"] as string[]).slice(1)).toEqual([
    "42",
    "port 51820, MTU 1420, 10.77.0.0/16, fd77::/64, keys 3",
  ]);
  expect(inputs["stdin"]).toBe(
    endDocument(renderProbes({ ipv4: "203.0.113.5", ipv6: "2001:db8:77::1" }, listProbes(nasForwards))),
  );
});

test("the guard waits for nothing of the relay, so a preview shows it before there is one", () => {
  const { inputs, dependsOn } = named(registered, "home-nas-guard");
  expect(dependsOn).toEqual(["home-nas-prepare"]);
  expect(inputs["create"]).toBe(`${installed}/apply-guard.sh`);
  expect(inputs["stdin"]).toBe(
    endDocument(
      renderDocument([
        {
          name: "guard",
          text: `${renderGuard({ home: nas, relay, forwards: nasForwards })}${loadRelayAddresses}`,
        },
        { name: "routes", text: renderRoutes(nas, nasForwards) },
        { name: "sysctls", text: renderSysctls(nasForwards) },
      ]),
    ),
  );
});

test("the keys travel in a secret document", () => {
  const { inputs } = named(registered, "home-nas-keys");
  expect([inputs["create"], inputs["stdin"]]).toEqual([
    `${installed}/store-keys.sh`,
    {
      secret:
        "#file 0600 private\nprivate nas\n#file 0600 preshared-relay\npreshared nas\n#file 0600 relay\npublic relay 10.77.0.1\n#end\n",
    },
  ]);
});

test("its end of the tunnel is plain, calls the relay and takes no default route", () => {
  const { inputs } = named(registered, "home-nas-tunnel");
  expect(inputs["create"]).toBe(`${installed}/join-relay.sh 10.77.0.1`);
  expect(inputs["stdin"]).toBe(`\
#file 0644 interface
[Interface]
Address = 10.77.3.4/16, fd77::304/64
PrivateKey = key:private
FwMark = 0x7b
MTU = 1420
Table = off

# relay
[Peer]
PublicKey = public relay
PresharedKey = key:preshared-relay
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 203.0.113.5:51820
PersistentKeepalive = 25
#file 0644 relay.nft
flush set inet homerelay relay4
flush set inet homerelay relay6
add element inet homerelay relay4 { 203.0.113.5 }
add element inet homerelay relay6 { 2001:db8:77::1 }
#end
`);
});
