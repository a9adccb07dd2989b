/**
 * What opens or closes an SSH endpoint of the relay: these files, below components/, one behind the other on stdin. What
 * is installed there may be of another day.
 */
export const sshEndpointParts = [
  "host/paths.sh",
  "host/messages.sh",
  "host/lock.sh",
  "host/files.sh",
  "host/begin-step.sh",
  "relay/sync-sshd.sh",
  "relay/stack-keys.sh",
  "relay/open-ssh-endpoint.sh",
] as const;
