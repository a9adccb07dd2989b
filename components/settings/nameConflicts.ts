import { peerAddress } from "../network/addressPlan.ts";
import { nearest } from "../network/nearest.ts";
import type { Place } from "./place.ts";
import { show } from "./place.ts";
import type { Written } from "./written.ts";

/** Homes and devices are told apart by their names, and their tunnel addresses come from these. */
export function refuseNameConflicts(written: Written): void {
  refuseRepeatedNames(written);
  refuseSharedAddresses(written);
}

function refuseRepeatedNames({ names }: Written): void {
  const first = new Map<string, Place>();
  for (const { value: name, place } of names) {
    const before = first.get(name);
    if (before === undefined) first.set(name, place);
    else
      place.refuse(
        `repeats ${before.path}; found "${name}" in both`,
        "give each home and each device a name of its own",
      );
  }
}

/** An address comes from the name alone, so two names can, rarely, fall on one. */
function refuseSharedAddresses({ names, tunnel }: Written): void {
  const { prefix4, prefix6 } = tunnel.value;
  if (prefix4 === undefined || prefix6 === undefined) return;
  const first = new Map<string, Written["names"][number]>();
  for (const one of names) {
    const { ipv4 } = peerAddress(prefix4, prefix6, one.value);
    const before = first.get(ipv4);
    if (before === undefined) first.set(ipv4, one);
    else if (before.value !== one.value)
      one.place.refuse(
        `gives the tunnel address ${ipv4}, as ${before.place.path} does; found "${one.value}" and "${before.value}"`,
        "rename one of the two: the address comes from the name",
      );
  }
}

/** SSH through the tunnel takes somebody who may, and only peers can be named. */
export function refuseUnknownRelayPeers(written: Written): void {
  const { relay } = written;
  const { sshVia, sshPeers } = relay.value?.sshThroughTunnel ?? {};
  if (sshVia === "tunnel" && sshPeers?.length === 0)
    relay.place
      .at("sshVia")
      .refuse(
        "is tunnel, and no peer may open an SSH connection through it: neither you nor this program could reach the relay",
        "name the peer that runs this program under sshPeers, like sshPeers: [nas], or remove sshVia",
      );
  refuseUnknown("sshPeers", sshPeers, written);
  refuseUnknown("metricsPeers", relay.value?.metricsPeers, written);
}

function refuseUnknown(
  key: string,
  named: readonly string[] | undefined,
  { relay, names, everyNameIsRead }: Written,
): void {
  if (named === undefined || !everyNameIsRead) return;
  const peers = names.map(({ value }) => value);
  for (const [i, peer] of named.entries()) {
    if (peers.includes(peer)) continue;
    const meant = nearest(peer, peers);
    relay.place
      .at(key)
      .at(i)
      .refuse(
        `names no peer of this stack; found ${show(peer)}`,
        meant === undefined ? `the peers are: ${peers.join(", ")}` : `did you mean ${meant}?`,
      );
  }
}
