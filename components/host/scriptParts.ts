/**
 * Scripts that a host reads from stdin, because what is installed there is of another day or not there yet: each is
 * these files, below components/, one behind the other.
 */

/** Asks a host, for any `sh`, whether it can be set up. */
export const askParts = ["host/port-holder.sh", "host/ask-host.sh"] as const;

/** Prepares a host; its document follows on the same stdin. */
export const prepareParts = [
  "host/paths.sh",
  "host/messages.sh",
  "host/lock.sh",
  "host/files.sh",
  "host/packages.sh",
  "host/kernel-settings.sh",
  "host/unpack-scripts.sh",
] as const;

/** Before the script that takes our things off a host. */
export const uninstallParts = [
  "host/paths.sh",
  "host/messages.sh",
  "host/lock.sh",
  "host/files.sh",
  "host/kernel-settings.sh",
  "host/begin-uninstall.sh",
] as const;
