/** The label by which a zone or record at Hetzner says whose it is: its value is the stack's own label. */
export const ownerLabel = "home-relay";
