import { nearest } from "../network/nearest.ts";
import { isRead, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import type { RelaySettings } from "./settings.ts";

/** A home or a device as the user wrote it. */
interface Named {
  readonly name: Read<string>;
}

/** SSH through the tunnel takes somebody who may, and only peers can be named. */
export function refuseSshPeers(
  relay: Read<Draft<RelaySettings>>,
  homes: Read<readonly Read<Named>[]>,
  devices: Read<readonly Read<Named>[]>,
  relayPlace: Place,
): void {
  if (!isRead(relay) || !isRead(relay.sshPeers)) return;
  if (relay.sshVia === "tunnel" && relay.sshPeers.length === 0)
    relayPlace
      .at("sshVia")
      .refuse(
        "is tunnel, and no peer may open an SSH connection through it: neither you nor this program could reach the relay",
        "name the peer that runs this program under sshPeers, like sshPeers: [nas], or remove sshVia",
      );
  if (!isRead(homes) || !isRead(devices)) return;
  const names = [...homes, ...devices].map((peer) => (isRead(peer) ? peer.name : peer));
  // A name that was refused may be the very one that is meant.
  if (!names.every(isRead)) return;
  for (const [i, peer] of relay.sshPeers.entries()) {
    if (names.includes(peer)) continue;
    const meant = nearest(peer, names);
    relayPlace
      .at("sshPeers")
      .at(i)
      .refuse(
        `names no peer of this stack; found ${show(peer)}`,
        meant === undefined ? `the peers are: ${names.join(", ")}` : `did you mean ${meant}?`,
      );
  }
}
