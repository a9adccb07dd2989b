import { text } from "./readers.ts";

/** The name of a home or a device: part of the names of keys, files and resources. */
export const readPeerName = text(
  (name) => /^[a-z][a-z0-9-]{0,19}$/.test(name),
  "must be 1 to 20 lower-case letters, digits and hyphens, beginning with a letter",
  "write a short name, like nas",
);
