import { existingRelay } from "./existingRelay.ts";
import { hetznerRelay } from "./hetznerRelay.ts";
import { known } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { byProvider } from "./providers.ts";
import type { Kind } from "./readers.ts";
import type { ComparedRelay, RelaySection } from "./relaySection.ts";
import type { RelaySettings } from "./settings.ts";

type Provider = RelaySettings["provider"];

/** A provider of relays is one entry here, and one member of `RelaySettings`. */
export const relaySections: {
  readonly [P in Provider]: RelaySection<Extract<RelaySettings, { readonly provider: P }>>;
} = { hetzner: hetznerRelay, ssh: existingRelay };

/** The `relay` section. */
export const relay: Kind<Draft<RelaySettings>> = byProvider<Provider, Draft<RelaySettings>>(
  relaySections,
  "hetzner",
  {
    sshPort: "on your own machine you move sshd yourself; say where it listens with port",
    sshVia: "remove it: on your own machine adminCidrs say who may open an SSH connection",
    sshPeers: "remove it: on your own machine adminCidrs say who may open an SSH connection",
  },
);

/** `undefined` where the provider, or the whole section, was refused. */
export function compareRelay(draft: Read<Draft<RelaySettings>>, place: Place): ComparedRelay | undefined {
  const written = known<RelaySettings>(draft);
  if (written.provider === undefined) return undefined;
  // Each provider gets the settings that name it.
  const section = relaySections[written.provider] as RelaySection<RelaySettings>;
  return section.compare(written, place);
}
