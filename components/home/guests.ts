import type { TunnelAddress } from "../network/addressPlan.ts";
import { lansOf, peersOf, usesExit } from "../network/device.ts";
import type { Device } from "../network/device.ts";
import { internet6, notInternet4 } from "../network/internet.ts";
import { renderSet } from "../network/nftSets.ts";
import type { Prefix } from "../network/prefix.ts";
import { forwardedMark, guestMark } from "./marks.ts";

/** A device as one home sees it. */
export interface Guest {
  readonly tunnelAddress: TunnelAddress;
  /** Every port of the home's address in the tunnel is open to it. */
  readonly reachesHome: boolean;
  /** Parts of the LAN that are open to it. */
  readonly lans: readonly Prefix[];
  /** It goes to the internet through the home. */
  readonly exits: boolean;
}

/** The devices to which a home opens anything. */
export function guestsOf(home: string, devices: readonly Device[]): Guest[] {
  return [...devices]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((device) => ({
      tunnelAddress: device.tunnelAddress,
      reachesHome: peersOf(device).some(({ name }) => name === home),
      lans: lansOf(device, home),
      exits: usesExit(device, home),
    }))
    .filter(({ reachesHome, lans, exits }) => reachesHome || lans.length > 0 || exits);
}

/** Parts of a home's guard, each of whole lines; all of them empty where there are no guests. */
export interface GuestRules {
  readonly sets: string;
  readonly fromRelay: string;
  readonly toLan: string;
  readonly fromHome: string;
  readonly chains: string;
  /** Marks of the connections whose packets may leave through the tunnel. */
  readonly marks: string;
}

/**
 * What the home opens to devices, by their addresses in the tunnel. The relay alone has seen a device's key, so this
 * lets in whoever holds the relay as well: what is open to a device is open to a relay in the wrong hands.
 *
 * Every packet of a guest is judged, also of an open connection, so that what is closed is closed at once. The internet
 * is what the main table knows by its default route alone: with the mark of forwarded packets, that route is left out,
 * and such a destination is found in the tunnel's table. So neither the LAN, whatever its addresses, nor this machine
 * is reached that way. Guests that are passed on are masqueraded, since nobody there knows the way back; a container
 * that is published at home, where Docker translates, still sees the guest itself.
 */
export function renderGuests(guests: readonly Guest[], home: TunnelAddress): GuestRules {
  if (guests.length === 0)
    return { sets: "", fromRelay: "", toLan: "", fromHome: "", chains: "", marks: forwardedMark };
  const of = (family: keyof TunnelAddress, which: (guest: Guest) => boolean = () => true) =>
    guests.filter(which).map(({ tunnelAddress }) => tunnelAddress[family]);
  const exits = ({ exits }: Guest) => exits;
  const reachesHome = ({ reachesHome }: Guest) => reachesHome;
  const lans = guests.flatMap((guest) =>
    guest.lans.map(({ text }) => `${guest.tunnelAddress.ipv4} . ${text}`),
  );
  const admit = `ct mark set ${guestMark} counter accept`;
  const byDefaultRoute = `meta mark set ${forwardedMark} fib daddr . mark oifname "homerelay" meta mark set 0x0`;
  return {
    sets: lines(
      renderSet("set", "guests4", "ipv4_addr", of("ipv4")),
      renderSet("set", "guests6", "ipv6_addr", of("ipv6")),
      renderSet("set", "home_guests4", "ipv4_addr", of("ipv4", reachesHome)),
      renderSet("set", "home_guests6", "ipv6_addr", of("ipv6", reachesHome)),
      renderSet("set", "lan_guests", "ipv4_addr . ipv4_addr", lans, "interval"),
      renderSet("set", "exit_guests4", "ipv4_addr", of("ipv4", exits)),
      renderSet("set", "exit_guests6", "ipv6_addr", of("ipv6", exits)),
    ),
    fromRelay: lines("\t\tip saddr @guests4 jump from_guest", "\t\tip6 saddr @guests6 jump from_guest"),
    toLan: lines(`\t\tct mark ${guestMark} accept`),
    fromHome: lines(
      `\t\tiifname "homerelay" ct mark ${guestMark} ct original ip daddr != ${home.ipv4} masquerade`,
      `\t\tiifname "homerelay" ct mark ${guestMark} ct original ip6 daddr != ${home.ipv6} masquerade`,
    ),
    chains: lines(
      "\tchain from_guest {",
      "\t\tct state invalid drop",
      `\t\tct mark ${guestMark} ct state related accept`,
      `\t\tip saddr @home_guests4 ip daddr ${home.ipv4} ${admit}`,
      `\t\tip6 saddr @home_guests6 ip6 daddr ${home.ipv6} ${admit}`,
      `\t\tip saddr . ip daddr @lan_guests ${admit}`,
      `\t\tip saddr @exit_guests4 ip daddr != ${notInternet4} ${byDefaultRoute} ${admit}`,
      `\t\tip6 saddr @exit_guests6 ip6 daddr ${internet6} ${byDefaultRoute} ${admit}`,
      '\t\tcounter drop comment "not open to this device"',
      "\t}",
    ),
    marks: `{ ${forwardedMark}, ${guestMark} }`,
  };
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
