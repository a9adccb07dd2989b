import { text } from "./readers.ts";

/** The name of a home or a device: part of the names of keys, files and resources. */
export const peerName = text({
  pattern: /^[a-z][a-z0-9-]{0,19}$/,
  shape: "1 to 20 lower-case letters, digits and hyphens, beginning with a letter",
  rule: "must be 1 to 20 lower-case letters, digits and hyphens, beginning with a letter",
  mend: "write a short name, like nas",
});
