import { expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Host } from "../../../components/host/Host.ts";
import { Reachability } from "../../../components/reachability/Reachability.ts";
import { listProbes, renderProbes } from "../../../components/reachability/probes.ts";
import { defaults } from "../../../components/settings/defaults.ts";
import { nasForwards } from "../generators/examples.ts";
import { earlier, operatorAccess, owner } from "../componentArguments.ts";
import { named, register, tree } from "../mockEngine.ts";

test("tries every forward at the public address, from the home, once both ends are ready", async () => {
  const registered = await register(() => {
    const host = new Host("nas-host", { title: "nas", role: "home", owner, access: operatorAccess });
    return new Reachability("nas", host, {
      publicAddress: pulumi.output("203.0.113.5"),
      serverId: pulumi.output("42"),
      tunnel: { ...defaults.tunnel, keyGeneration: 3 },
      forwards: nasForwards,
      after: [earlier("nas-tunnel"), earlier("wall")],
    });
  });
  const component = "homerelay:reachability:Reachability nas";
  expect(tree(registered).filter((line) => line.includes("homerelay:reachability"))).toEqual([
    component,
    `command:local:Command nas-proof < ${component}`,
  ]);
  const { inputs, dependsOn } = named(registered, "nas-proof");
  expect(dependsOn).toEqual(["nas-tunnel", "wall"]);
  expect(inputs["create"]).toBe(
    "sh components/host/run-step.sh timeout 1800 /usr/local/lib/homerelay/prove-forwards.sh",
  );
  // Again for another server, and for another tunnel.
  expect((inputs["triggers"] as string[]).slice(1)).toEqual([
    "42",
    "port 51820, MTU 1420, 10.77.0.0/16, fd77::/64, keys 3",
  ]);
  expect(inputs["stdin"]).toBe(renderProbes("203.0.113.5", listProbes(nasForwards)));
});
