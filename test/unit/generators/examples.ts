/** A small stack: two homes, an opening of each kind. The keys are made up and unlock nothing. */
import type { PublishedForward } from "../../../components/network/publishedForward.ts";
import type { RelayFirewall } from "../../../components/firewall/ruleset.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import type { Forward } from "../../../components/network/forward.ts";
import { parsePortRange as port } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import type { TunnelPlan } from "../../../components/network/tunnelPlan.ts";

export const relay = { ipv4: "10.77.0.1", ipv6: "fd77::1" };
export const nas = { ipv4: "10.77.3.4", ipv6: "fd77::304" };
export const media = { ipv4: "10.77.5.6", ipv6: "fd77::506" };

export const tunnelPlan: TunnelPlan = {
  listenPort: 51820,
  mtu: 1420,
  keepaliveSeconds: 25,
  prefix4: parsePrefix("10.77.0.0/16"),
  prefix6: parsePrefix("fd77::/64"),
  keyGeneration: 1,
};

export const nasForwards = ["80:8080", "443:8081", "64738/tcp+udp"].map(parseForward);
export const mediaForwards = ["50000-50002:50000-50002/udp", "2200-2201:22-23"].map(parseForward);

export const firewall: RelayFirewall = {
  sshPort: 22,
  adminCidrs: ["203.0.113.0/24", "2001:db8::/32"].map(parsePrefix),
  sshVia: "public",
  sshPeers: [],
  listenPort: 51820,
  shared: false,
  forwards: [...toHome(nas, nasForwards), ...toHome(media, mediaForwards)],
};

/** A machine in the home's LAN, a service that sees no callers, and one that only some may reach. */
export const optionedForwards = [
  createForward(port("8554"), port("554"), "tcp+udp", { to: "192.168.1.50", newPerSecond: 5 }),
  createForward(port("25565"), port("25565"), "tcp", { clientIp: "masquerade", newPerSecond: 20 }),
  createForward(port("2200-2201"), port("22-23"), "tcp", {
    from: ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"].map(parsePrefix),
    newPerSecond: 5,
  }),
];

/** The same relay with a forward for each option. */
export const optioned: RelayFirewall = { ...firewall, forwards: toHome(nas, optionedForwards) };

export function toHome(
  address: PublishedForward["address"],
  forwards: readonly Forward[],
): PublishedForward[] {
  return forwards.map((forward) => ({ forward, address, ipv6: true }));
}
