/** What a complaint of ssh means. */
export type SshComplaint =
  /** The host shows a key that is not a pinned one; `offered`: its fingerprint, where ssh tells it. */
  | { readonly kind: "wrongHostKey"; readonly offered: string | undefined }
  /** The host lets this login in by none of the ways that it has; `methods`: those, where ssh tells them. */
  | { readonly kind: "refusedLogin"; readonly methods: readonly string[] }
  /** No resolver knows the host's name. */
  | { readonly kind: "unknownName" }
  /** A jump host may not pass connections on. */
  | { readonly kind: "forwardingProhibited" }
  /** A jump host is well, and the host behind it is silent. */
  | { readonly kind: "forwardingFailed" }
  /** Whoever is at the address refuses the TCP connection: nothing listens there, or a firewall lets no more in. */
  | { readonly kind: "refused" }
  /** No TCP connection came about, so nothing was sent. */
  | { readonly kind: "notConnected" }
  /** The host ended the connection before it had shown a key: its sshd starts, has too many, or shuts us out. */
  | { readonly kind: "turnedAway" }
  /** All else: it may pass. */
  | { readonly kind: "other" };

/** The first that fits counts. Wordings: OpenSSH 8.5 to 10, also Windows', which differ after the colon only. */
const complaints: readonly (readonly [RegExp, (text: string) => SshComplaint])[] = [
  [/^ssh: connect to host .*: Connection refused\r?$/m, () => ({ kind: "refused" })],
  // Its reason may be "Permission denied": a firewall on this very machine.
  [/^ssh: connect to host/m, () => ({ kind: "notConnected" })],
  [
    /Host key verification failed|host key[^]*mismatch|no matching host key type/,
    (text) => ({ kind: "wrongHostKey", offered: /SHA256:[A-Za-z0-9+/]+/.exec(text)?.[0] }),
  ],
  [
    /Permission denied|Too many authentication failures/,
    (text) => ({
      kind: "refusedLogin",
      methods: /Permission denied \(([^)]*)\)/.exec(text)?.[1]?.split(",") ?? [],
    }),
  ],
  [/Could not resolve hostname/, () => ({ kind: "unknownName" })],
  [/administratively prohibited/, () => ({ kind: "forwardingProhibited" })],
  [/stdio forwarding failed/, () => ({ kind: "forwardingFailed" })],
  [/^(?:kex|ssh)_exchange_identification: /m, () => ({ kind: "turnedAway" })],
];

export function judgeSshComplaint(text: string): SshComplaint {
  return complaints.find(([wording]) => wording.test(text))?.[1](text) ?? { kind: "other" };
}

/**
 * How a host is away, where it is: it was sent nothing, and may be back. `refused`: somebody is there and turns us away;
 * that of a jump host counts for the one behind it.
 */
export function judgeAbsence(said: string): "refused" | "silent" | undefined {
  const { jump, target } = separateComplaints(said);
  const { kind } = judgeSshComplaint(jump || target);
  switch (kind) {
    case "refused":
    case "turnedAway":
      return "refused";
    case "notConnected":
      return "silent";
    case "forwardingFailed":
      return /connect failed: Connection refused/.test(jump) ? "refused" : "silent";
    case "wrongHostKey":
    case "refusedLogin":
    case "unknownName":
    case "forwardingProhibited":
    case "other":
      return undefined;
  }
}

/** Marks each line of what went wrong with the jump host, so that nobody looks at the host behind it. */
const jumpMark = "jump host: ";

export function markJumpComplaint(complaint: string): string {
  return complaint
    .split("\n")
    .map((line) => jumpMark + line)
    .join("\n");
}

/** The two hosts' complaints apart; `jump` without its mark, empty where there is none. */
export function separateComplaints(text: string): { readonly jump: string; readonly target: string } {
  const lines = text.split("\n");
  const ofJump = lines.filter((line) => line.startsWith(jumpMark));
  return {
    jump: ofJump.map((line) => line.slice(jumpMark.length)).join("\n"),
    target: lines.filter((line) => !line.startsWith(jumpMark)).join("\n"),
  };
}

/** The last line of a complaint: it says the most. */
export function lastLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1);
}
