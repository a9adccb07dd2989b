import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { addressesOf, peerAddress, relayAddress } from "../../../components/network/addressPlan.ts";
import { overlaps, parsePrefix } from "../../../components/network/prefix.ts";

const prefix4 = parsePrefix("10.77.0.0/16");
const prefix6 = parsePrefix("fd77::/64");

test("the relay has the first address of both prefixes", () => {
  expect(relayAddress(prefix4, prefix6)).toEqual({ ipv4: "10.77.0.1", ipv6: "fd77::1" });
});

test("a peer keeps the address that its name gave it in the first release", () => {
  expect(peerAddress(prefix4, prefix6, "nas")).toEqual({ ipv4: "10.77.218.48", ipv6: "fd77::da30" });
});

test("peers are found by their names, in the peers' order", () => {
  const peers = ["nas", "media", "laptop"].map((name) => ({
    name,
    tunnelAddress: peerAddress(prefix4, prefix6, name),
  }));
  expect(addressesOf(["laptop", "nas"], peers)).toEqual([peers[0]?.tunnelAddress, peers[2]?.tunnelAddress]);
  expect(addressesOf([], peers)).toEqual([]);
});

test("a peer's address is within the prefix, and never the network's, the relay's or the broadcast address", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 16, max: 28 }), (name, length) => {
      const small = parsePrefix(`10.77.0.0/${length}`);
      const { ipv4, ipv6 } = peerAddress(small, prefix6, name);
      expect(overlaps(small, parsePrefix(ipv4))).toBe(true);
      expect(overlaps(prefix6, parsePrefix(ipv6))).toBe(true);
      const n = ipv4.split(".").reduce((sum, part) => sum * 256 + Number(part), 0) % 2 ** (32 - length);
      expect(n).toBeGreaterThanOrEqual(2);
      expect(n).toBeLessThanOrEqual(2 ** (32 - length) - 2);
    }),
  );
});
