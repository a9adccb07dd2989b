/**
 * The numbers by which the kernel tells our routing from everybody else's, each written here alone. Scripts on hosts
 * learn them from the documents that are rendered with them.
 */

/**
 * The routing table whose routes lead into the tunnel, on homes and on the relay. Not 51820: wg-quick begins there to
 * look for a table of its own, so the VPN that a home has besides would want the same one.
 */
export const tunnelTable = 18546;

/**
 * The priorities of our routing rules that come in pairs: the first rule has the priority that is written here, the
 * second one the next. All of our priorities lie before 32766, where the kernel looks into the main table.
 */
export const pairPriorities = {
  /** On a home: connections that were forwarded to it. */
  marked: 5180,
  /** On a home: what leaves from its address in the tunnel. */
  fromTunnelAddress: 5182,
  /** On a home: UDP from a forwarded port. */
  fromPort: 5186,
} as const;

/** The priorities of our routing rules that have no second one. */
export const rulePriorities = {
  /** On a home: UDP to what is no internet passes over the pair for forwarded ports. */
  notInternet: 5184,
  /** On the relay: what devices send. */
  fromDevice: 5188,
  /** On a home: where packets go on that passed over rules. */
  end: 5199,
} as const;

const priorities = [
  ...Object.values(pairPriorities).flatMap((first) => [first, first + 1]),
  ...Object.values(rulePriorities),
];

/** Every rule from the first to the last of these priorities is ours. */
export const ourPriorities = { first: Math.min(...priorities), last: Math.max(...priorities) };

/** Marks a forwarded connection, so that its replies take the tunnel; on the wire it does not show. */
export const forwardedMark = "0x77";

/** Marks a connection of a device. Its replies find the tunnel by the device's own address, so no route asks for it. */
export const deviceMark = "0x78";

/** The group of the programs that knock at a forward from outside; by it their packets are known as they leave. */
export const proofGroup = 18546;
