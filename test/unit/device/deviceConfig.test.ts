import { describe, expect, test } from "@jest/globals";
import { renderDeviceConfig } from "../../../components/device/deviceConfig.ts";
import { renderEndpoint } from "../../../components/network/calledRelay.ts";
import type { Device } from "../../../components/network/device.ts";
import { devices, laptop, lan, mediaPeer, nasPeer, phone, tablet } from "../generators/devices.ts";
import { tunnelPlan } from "../generators/examples.ts";

function configOf(device: Device, dns: readonly string[] = []): string {
  return renderDeviceConfig({
    device: { ...device, dns },
    devices,
    tunnel: { ...tunnelPlan, mtu: 1400, keepaliveSeconds: 20 },
    relay: { publicKey: "public relay", ipv4Address: "203.0.113.5", ipv6Address: "2001:db8:77::1" },
    keys: {
      privateKey: "private device",
      publicKey: "public device",
      presharedKey: "preshared device",
    },
  });
}

const allowedIps = (config: string) => /^AllowedIPs = (.*)$/m.exec(config)?.[1]?.split(", ");

test("routes what the device may reach, with its keys in place", () => {
  expect(configOf(laptop)).toBe(`\
[Interface]
Address = 10.77.9.10/32, fd77::90a/128
PrivateKey = private device
MTU = 1400

# relay
[Peer]
PublicKey = public relay
PresharedKey = preshared device
AllowedIPs = 10.77.3.4/32, fd77::304/128, 10.77.7.8/32, fd77::708/128, 192.168.1.0/24
Endpoint = 203.0.113.5:51820
`);
});

test("calls the relay at its IPv6 address where it is told to", () => {
  const relay = { publicKey: "public relay", ipv4Address: "203.0.113.5", calledAt: "2001:db8:77::1" };
  expect(renderEndpoint(relay, 51820)).toBe("[2001:db8:77::1]:51820");
  expect(renderEndpoint({ ...relay, calledAt: undefined }, 51820)).toBe("203.0.113.5:51820");
});

test("routes everything for a device whose traffic goes out at home, and names its resolvers", () => {
  const config = configOf(tablet, ["9.9.9.9", "2620:fe::fe"]);
  expect(allowedIps(config)).toEqual(["0.0.0.0/0", "::/0"]);
  expect(config).toContain("\nMTU = 1400\nDNS = 9.9.9.9, 2620:fe::fe\n");
});

describe("a device that another one may call", () => {
  test("routes its answers back, and keeps its NATs open", () => {
    const config = configOf(phone);
    expect(allowedIps(config)).toEqual(["10.77.9.10/32", "fd77::90a/128"]);
    expect(config).toContain("\nPersistentKeepalive = 25\n");
  });

  test("is the only one that does", () => {
    for (const device of [laptop, tablet]) expect(configOf(device)).not.toContain("PersistentKeepalive");
  });

  test("names a caller that it may call itself once", () => {
    const mutual = { ...phone, allow: [{ to: "device", peer: laptop } as const] };
    expect(allowedIps(configOf(mutual))).toEqual(["10.77.9.10/32", "fd77::90a/128"]);
  });
});

test("a device that reaches nothing and that nobody calls still has a peer to write down", () => {
  expect(allowedIps(configOf({ ...tablet, allow: [] }))).toEqual(["10.77.0.1/32", "fd77::1/128"]);
});

test("parts of a LAN within each other are routed once, those of two homes both", () => {
  const garden = {
    ...tablet,
    allow: [lan("192.168.1.50", nasPeer), lan("192.168.1.0/24", nasPeer), lan("10.9.0.0/16", mediaPeer)],
  };
  expect(allowedIps(configOf(garden))).toEqual(["10.9.0.0/16", "192.168.1.0/24"]);
});
