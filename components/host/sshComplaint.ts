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
  /** No TCP connection came about, so nothing was sent. */
  | { readonly kind: "notConnected" }
  /** All else: it may pass. */
  | { readonly kind: "other" };

/** The first that fits counts. Wordings: OpenSSH 8.5 to 10, also Windows', which differ after the colon only. */
const complaints: readonly (readonly [RegExp, (text: string) => SshComplaint])[] = [
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
];

export function judgeSshComplaint(text: string): SshComplaint {
  return complaints.find(([wording]) => wording.test(text))?.[1](text) ?? { kind: "other" };
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
