/**
 * Addresses that are nobody's on the internet: this network, private (RFC 1918), behind a carrier's NAT (RFC 6598),
 * loopback, link-local, multicast and what comes after it.
 */
const notInternetPrefixes4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/3",
];

/** The same as an nft set without a name. */
export const notInternet4 = `{ ${notInternetPrefixes4.join(", ")} }`;

/** All of IPv6 that is handed out to the internet (RFC 4291). */
export const internet6 = "2000::/3";
