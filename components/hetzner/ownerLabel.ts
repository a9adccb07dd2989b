/** The label by which a thing at Hetzner says which stack made it: its value is the stack's own label. */
export const ownerLabel = "home-relay";
