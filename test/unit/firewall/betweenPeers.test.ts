import { describe, expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import type { Device } from "../../../components/network/device.ts";
import { devices, laptop, lan, mediaPeer, nasPeer, phone, prefixes, tablet } from "../generators/devices.ts";
import { elements } from "../generators/elements.ts";
import { firewall, optioned } from "../generators/examples.ts";

const rulesetOf = (...some: readonly Device[]) =>
  renderRelayRuleset({ ...firewall, peerTraffic: { ...prefixes, devices: some } });

test("renders the ruleset of a stack with devices", () => {
  expect(rulesetOf(...devices)).toMatchSnapshot();
});

test("without devices the ruleset is the one of a stack that knows none", () => {
  for (const one of [firewall, optioned])
    expect(renderRelayRuleset({ ...one, peerTraffic: { ...prefixes, devices: [] } })).toBe(
      renderRelayRuleset(one),
    );
});

test("a device to which nothing is allowed passes to nobody", () => {
  const ruleset = rulesetOf(phone);
  expect([elements(ruleset, "device_targets4"), elements(ruleset, "device_targets6")]).toEqual([[], []]);
  expect(ruleset).toContain('counter drop comment "not allowed"');
});

test("what is allowed is open in that direction alone; a LAN over IPv4", () => {
  const ruleset = rulesetOf(phone, laptop);
  expect(elements(ruleset, "device_targets4")).toEqual([
    "10.77.9.10 . 10.77.3.4",
    "10.77.9.10 . 10.77.7.8",
    "10.77.9.10 . 192.168.1.0/24",
  ]);
  expect(elements(ruleset, "device_targets6")).toEqual(["fd77::90a . fd77::304", "fd77::90a . fd77::708"]);
});

test("a part of a LAN within another part of one device's is said once, as nft wants it", () => {
  const wide = { ...phone, allow: [lan("192.168.1.50", nasPeer), lan("192.168.0.0/16", nasPeer)] };
  expect(elements(rulesetOf(wide), "device_targets4")).toEqual(["10.77.7.8 . 192.168.0.0/16"]);
});

test("the rules are the same whatever the order of the devices", () => {
  expect(rulesetOf(tablet, laptop, phone)).toBe(rulesetOf(phone, laptop, tablet));
});

describe("with a home as the way to the internet", () => {
  const ruleset = rulesetOf(laptop, tablet, { ...phone, allow: [lan("10.9.0.0/16", mediaPeer)] });

  test("only the devices that use it may, and not for private addresses", () => {
    expect([elements(ruleset, "devices_to_internet4"), elements(ruleset, "devices_to_internet6")]).toEqual([
      ["10.77.11.12"],
      ["fd77::b0c"],
    ]);
    expect(ruleset).toMatch(
      /ct original ip saddr @devices_to_internet4 ct original ip daddr != \{ 0\.0\.0\.0\/8, 10\.0/,
    );
  });

  test("no peer poses as somebody of the internet, but in answer to these devices", () => {
    expect(ruleset).toContain(
      'iifname "homerelay" ip saddr != { 10.77.0.0/16, 10.9.0.0/16, 192.168.1.0/24 } ip daddr != @devices_to_internet4 counter drop',
    );
    expect(ruleset).toContain(
      'iifname "homerelay" ip6 saddr != fd77::/64 ip6 daddr != @devices_to_internet6 counter drop',
    );
  });
});

test("without such a home, nothing speaks of it", () => {
  expect(rulesetOf(phone, laptop)).not.toMatch(/to_internet|poses|admit_source/);
});
