import { describe, expect, test } from "@jest/globals";
import { renderDeviceRoutes, renderHomes, tunnelPeers } from "../../../components/tunnel/peers.ts";
import {
  devices,
  homes,
  laptop,
  lan,
  mediaPeer,
  nasPeer,
  phone,
  prefixes,
  tablet,
} from "../generators/devices.ts";

describe("the relay's peers", () => {
  const allowed = (...some: Parameters<typeof tunnelPeers>[1]) =>
    Object.fromEntries(tunnelPeers(homes, some).map(({ name, allowedIps }) => [name, allowedIps.join(" ")]));

  test("have their own addresses alone", () => {
    expect(allowed(phone)).toEqual({
      nas: "10.77.3.4/32 fd77::304/128",
      media: "10.77.5.6/32 fd77::506/128",
      phone: "10.77.7.8/32 fd77::708/128",
    });
  });

  test("and a home what devices reach through it: parts of its LAN, or everything that is nobody's", () => {
    const garden = { ...phone, allow: [lan("10.9.1.0/24", mediaPeer), lan("10.9.0.0/16", mediaPeer)] };
    expect(allowed(laptop, tablet, garden)).toMatchObject({
      nas: "10.77.3.4/32 fd77::304/128 192.168.1.0/24 0.0.0.0/0 ::/0",
      media: "10.77.5.6/32 fd77::506/128 10.9.0.0/16",
      tablet: "10.77.11.12/32 fd77::b0c/128",
    });
  });

  test("are told apart, homes and devices", () => {
    expect(tunnelPeers(homes, devices).map(({ name, isDevice }) => [name, isDevice])).toEqual([
      ["nas", false],
      ["media", false],
      ["phone", true],
      ["laptop", true],
      ["tablet", true],
    ]);
  });
});

describe("the relay's ways behind the homes", () => {
  test("are none for devices that reach other peers only", () => {
    const caller = { ...phone, allow: [{ to: "home", peer: nasPeer } as const] };
    expect(renderDeviceRoutes([caller], prefixes)).toBe("");
    expect(renderDeviceRoutes([], prefixes)).toBe("");
  });

  test("to a LAN are asked for by the devices that reach one, over IPv4", () => {
    const printing = { ...phone, allow: [lan("192.168.1.50", nasPeer)] };
    expect(renderDeviceRoutes([printing], prefixes)).toBe(`\
table 18546
4 route 10.77.0.0/16
4 route 192.168.1.50
4 rule priority 5188 from 10.77.7.8 lookup 18546
`);
  });

  test("to the internet are asked for by the devices that go there, over both families", () => {
    expect(renderDeviceRoutes(devices, prefixes)).toBe(`\
table 18546
4 route 10.77.0.0/16
4 route 192.168.1.0/24
4 route default
6 route fd77::/64
6 route default
4 rule priority 5188 from 10.77.9.10 lookup 18546
4 rule priority 5188 from 10.77.11.12 lookup 18546
6 rule priority 5188 from fd77::b0c lookup 18546
`);
  });
});

test("the relay remembers homes by their public keys, and calls them as often as they call", () => {
  const homes = [
    { publicKey: "one=", isReached: true },
    { publicKey: "two=", isReached: false },
  ];
  expect(renderHomes(homes, 15)).toBe("one= 15\ntwo= 15 by-hand\n");
});
