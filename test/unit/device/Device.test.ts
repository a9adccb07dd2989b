import { expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Device } from "../../../components/device/Device.ts";
import { devices, laptop } from "../generators/devices.ts";
import { tunnelPlan } from "../generators/examples.ts";
import { register, tree } from "../mockEngine.ts";

test("is one line in the preview, and a configuration that is secret", async () => {
  let config: pulumi.Output<string> | undefined;
  const registered = await register(() => {
    ({ config } = new Device("laptop", {
      device: { ...laptop, dns: [] },
      devices,
      tunnel: tunnelPlan,
      keys: {
        privateKey: pulumi.secret("private laptop"),
        publicKey: "public laptop",
        presharedKey: pulumi.secret("preshared laptop"),
      },
      relay: {
        publicKey: pulumi.output("public relay"),
        ipv4Address: pulumi.output("203.0.113.5"),
        ipv6Address: pulumi.output("2001:db8:77::1"),
      },
    }));
  });
  expect(tree(registered)).toEqual(["homerelay:device:Device laptop"]);
  expect(registered[0]?.inputs).toEqual({
    tunnelAddress: laptop.tunnelAddress,
    allow: ["nas", "phone", "192.168.1.0/24 via nas"],
    dns: [],
  });
  if (config === undefined) throw new Error("unreachable: the program has run");
  expect(await pulumi.isSecret(config)).toBe(true);
  const text = await new Promise<string>((resolve) => config?.apply(resolve));
  expect(text).toContain("PrivateKey = private laptop\n");
  expect(text).toContain("PresharedKey = preshared laptop\n");
});
