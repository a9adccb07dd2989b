import { distinct, text } from "./readers.ts";

const peer = text({
  pattern: /./,
  shape: "name of a home or a device",
  rule: "must be the name of a peer",
  mend: "write it like nas",
});

/** Homes and devices by name. */
export const peerNames = distinct(peer, "list of names of homes and devices", (name) => name);
