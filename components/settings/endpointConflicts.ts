import { isRead } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import type { RelaySettings } from "./settings.ts";
import type { Written } from "./written.ts";

/** Homes and devices that call the relay at an address which one of the two has not. */
export function refuseEndpointConflicts(
  relay: Read<Draft<RelaySettings>>,
  at: Place,
  { homes, devices }: Written,
): void {
  const lacksIpv6 = isRead(relay) && relay.provider === "ssh" && relay.ipv6 === undefined;
  for (const { value, place } of [...homes, ...devices]) {
    if (value.endpoint !== "ipv6") continue;
    if (lacksIpv6)
      place
        .at("endpoint")
        .refuse(
          "calls the relay at its IPv6 address, and it has none; found ipv6",
          `write the relay's into ${at.at("ipv6").path}, or endpoint: ipv4`,
        );
    if ("ipv6" in value && value.ipv6 === false)
      place
        .at("endpoint")
        .refuse(
          `calls the relay over IPv6, and ${place.at("ipv6").path} says that there is none; found ipv6`,
          "write endpoint: ipv4, or remove ipv6: false",
        );
  }
}
