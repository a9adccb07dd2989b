import { expect, test } from "@jest/globals";
import type { Device } from "../../../components/network/device.ts";
import { renderKeyDocument, renderTunnelDocument } from "../../../components/tunnel/documents.ts";
import { tunnelPeers } from "../../../components/tunnel/peers.ts";
import { devices, homes, laptop, phone } from "../generators/devices.ts";
import { tunnelPlan } from "../generators/examples.ts";

function render(...some: readonly Device[]): string {
  const peers = tunnelPeers(homes, some).map((peer) => ({ ...peer, publicKey: `public ${peer.name}` }));
  return renderTunnelDocument(tunnelPlan, peers, some, ["media"]);
}

test("each key has a file of its own, which root alone reads", () => {
  expect(renderKeyDocument("private relay", [{ name: "nas", presharedKey: "preshared nas" }])).toBe(
    "#file 0600 private\nprivate relay\n#file 0600 preshared-nas\npreshared nas\n",
  );
});

test("a device has its own addresses alone, is known for one, and is none whose endpoint is remembered", () => {
  expect(render(phone)).toMatch(
    /\n# phone, a device\n\[Peer\]\nPublicKey = public phone\nPresharedKey = key:preshared-phone\nAllowedIPs = 10\.77\.7\.8\/32, fd77::708\/128\n#file 0644 homes\npublic nas 25 by-hand\npublic media 25\n#file 0644 names\npublic nas by-hand nas\npublic media reached media\npublic phone by-hand phone\n$/,
  );
});

test("with devices that reach what lies behind homes, the ways there come along", () => {
  const document = render(...devices);
  expect(document).toContain("AllowedIPs = 10.77.3.4/32, fd77::304/128, 192.168.1.0/24, 0.0.0.0/0, ::/0\n");
  expect(document).toMatch(/\n#file 0644 routes\ntable 18546\n4 route 10\.77\.0\.0\/16\n/);
});

test("with devices that reach homes' own addresses alone, nothing is routed", () => {
  const { allow, ...rest } = laptop;
  const document = render(phone, { ...rest, allow: allow.filter(({ to }) => to === "home") });
  expect(document).not.toMatch(/#file 0644 routes/);
});
