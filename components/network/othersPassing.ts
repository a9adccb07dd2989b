import { namedSet } from "./nft.ts";
import type { Chain } from "./nft.ts";

/** Kinds of interfaces, as the kernel calls them. */
const virtualKinds = '{ "bridge", "tun", "veth", "wireguard" }';

/** Written by note-passing.sh, and loaded in the same transaction. As a pattern, since nft takes one that finds no file. */
export const includePassing = 'include "/etc/homerelay/passes-other[s].nft"\n';

export const passesOthers = namedSet("passes_others", "nf_proto", [], {
  content: "changing",
  why: "For which the machine passed packets on before us; from the file below.",
});

/**
 * What is none of the tunnel's business passes as if we were not there: where the machine passed packets on before us,
 * all of it. Where it did not, our forwarding must not make it a router between its networks; containers, and a VPN of
 * the owner's, would have turned forwarding on by themselves, so they may come at any time.
 */
export const others: Chain = {
  name: "others",
  rules: [
    "meta nfproto @passes_others accept",
    `meta iifkind ${virtualKinds} accept`,
    `meta oifkind ${virtualKinds} accept`,
    'counter drop comment "this machine is no router"',
  ],
};

/** In a chain of what is passed on, before all else. */
export const passOthers = 'iifname != "homerelay" oifname != "homerelay" goto others';
