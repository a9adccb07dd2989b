/**
 * The numbers by which the kernel tells our routing from everybody else's, and those that several rooms have to agree on,
 * each written here alone. Scripts on hosts learn them from the documents that are rendered with them.
 */

/**
 * The routing table whose routes lead into the tunnel, on homes and on the relay. Not 51820: wg-quick begins there to
 * look for a table of its own, so the VPN that a home has besides would want the same one.
 */
export const tunnelTable = 18546;

/** The priorities of our routing rules, but for those of a home that come first of all: see policyRouting.ts. */
export const rulePriorities = {
  /** On the relay: what devices send. */
  fromDevice: 5188,
  /** On a home: behind all other rules, so that a way is found where nobody else knows one. */
  lastResort: 32800,
} as const;

/** Marks a forwarded connection and its packets, so that its replies take the tunnel; on the wire it does not show. */
export const forwardedMark = "0x77";

/** Marks a connection of a device. Its replies find the tunnel by the device's own address, so no route asks for it. */
export const deviceMark = "0x78";

/** Marks a forwarded connection whose sender is found beside this home and not behind the tunnel. */
export const neighbourMark = "0x79";

/** With it a lookup finds what is beside a home there, and all else in the tunnel. No packet leaves with it. */
export const lookupMark = "0x7a";

/** Marks what WireGuard itself sends from a home: the tunnel takes the line, and no VPN beside it. */
export const tunnelMark = "0x7b";

/** How long a flow of UDP is remembered, at both ends of the tunnel alike. */
export const udpFlowSeconds = 180;

/**
 * How many ports of a home the proof tries at most, so that it stays within its four minutes, and looks to nobody on the
 * way like a scan.
 */
export const mostProbes = 500;

/** TCP port of the relay's address in the tunnel at which its metrics are read. */
export const metricsPort = 18546;

/** The group of the programs that knock at a forward from outside; by it their packets are known as they leave. */
export const proofGroup = 18546;
