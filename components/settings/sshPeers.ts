import type { WrittenHome } from "./homes.ts";
import { nearest } from "./nearest.ts";
import { isRead, show } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import type { RelaySettings } from "./settings.ts";

/** SSH through the tunnel takes somebody who may, and only peers can be named. */
export function refuseSshPeers(
  relay: Read<Draft<RelaySettings>>,
  homes: Read<readonly Read<Draft<WrittenHome>>[]>,
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
  const names = isRead(homes) ? homes.map((home) => (isRead(home) ? home.name : home)) : [];
  // A name that was refused may be the very one that is meant.
  if (!isRead(homes) || !names.every(isRead)) return;
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
