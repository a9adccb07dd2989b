/** Three devices of the small stack: one of each kind. */
import type { Allowed, Device } from "../../../components/network/device.ts";
import type { Peer } from "../../../components/network/peer.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { media, nas } from "./examples.ts";

export const nasPeer: Peer = { name: "nas", tunnelAddress: nas };
export const mediaPeer: Peer = { name: "media", tunnelAddress: media };
export const homes = [nasPeer, mediaPeer];
export const prefixes = { prefix4: parsePrefix("10.77.0.0/16"), prefix6: parsePrefix("fd77::/64") };

const phonePeer: Peer = { name: "phone", tunnelAddress: { ipv4: "10.77.7.8", ipv6: "fd77::708" } };

export const phone: Device = { ...phonePeer, allow: [] };
export const laptop: Device = {
  name: "laptop",
  tunnelAddress: { ipv4: "10.77.9.10", ipv6: "fd77::90a" },
  allow: [
    { to: "home", peer: nasPeer },
    { to: "device", peer: phonePeer },
    { to: "lan", prefix: parsePrefix("192.168.1.0/24"), via: nasPeer },
  ],
};
export const tablet: Device = {
  name: "tablet",
  tunnelAddress: { ipv4: "10.77.11.12", ipv6: "fd77::b0c" },
  allow: [{ to: "internet", via: nasPeer }],
};
export const devices = [phone, laptop, tablet];

export const lan = (text: string, via: Peer): Allowed => ({ to: "lan", prefix: parsePrefix(text), via });
