import { describe, expect, test } from "@jest/globals";
import {
  judgeAbsence,
  judgeSshComplaint,
  lastLine,
  markJumpComplaint,
  separateComplaints,
} from "../../../components/host/sshComplaint.ts";
import type { SshComplaint } from "../../../components/host/sshComplaint.ts";

const changedKey = `\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
The fingerprint for the ED25519 key sent by the remote host is
SHA256:9sPYlm5zIRyoMR2YsgTp/3Yhq+BxTUbRGu0M0BJ8xVE.
Please contact your system administrator.
Host key for home-relay has changed and you have requested strict checking.
Host key verification failed.`;

const offered = "SHA256:9sPYlm5zIRyoMR2YsgTp/3Yhq+BxTUbRGu0M0BJ8xVE";

/** What ssh says, by release or system, and what that means. */
const complaints: readonly (readonly [string, string, SshComplaint])[] = [
  ["another host key", changedKey, { kind: "wrongHostKey", offered }],
  ["another host key, on Windows", changedKey.replaceAll("\n", "\r\n"), { kind: "wrongHostKey", offered }],
  [
    "a host key that known_hosts does not have",
    "No ED25519 host key is known for [gate]:2200 and you have requested strict checking.\nHost key verification failed.",
    { kind: "wrongHostKey", offered: undefined },
  ],
  [
    "no ed25519 key",
    "Unable to negotiate with 192.0.2.1 port 22: no matching host key type found. Their offer: rsa-sha2-512,rsa-sha2-256",
    { kind: "wrongHostKey", offered: undefined },
  ],
  [
    "a key that changed during the connection",
    "key_verify: host key does not match: mismatch",
    { kind: "wrongHostKey", offered: undefined },
  ],
  [
    "a refused key",
    "root@192.168.1.10: Permission denied (publickey).",
    { kind: "refusedLogin", methods: ["publickey"] },
  ],
  [
    "a refused key before OpenSSH 7.9 named the login, CRLF",
    "Permission denied (publickey,keyboard-interactive).\r",
    { kind: "refusedLogin", methods: ["publickey", "keyboard-interactive"] },
  ],
  [
    "a refused password",
    "ops@nas: Permission denied (publickey,password).",
    { kind: "refusedLogin", methods: ["publickey", "password"] },
  ],
  [
    "an agent with many keys",
    "Received disconnect from 192.168.1.10 port 22:2: Too many authentication failures\nDisconnected from 192.168.1.10 port 22",
    { kind: "refusedLogin", methods: [] },
  ],
  [
    "an unknown name, glibc",
    "ssh: Could not resolve hostname nas.invalid: Name or service not known",
    { kind: "unknownName" },
  ],
  [
    "an unknown name, macOS",
    "ssh: Could not resolve hostname nas.invalid: nodename nor servname provided, or not known",
    { kind: "unknownName" },
  ],
  [
    "an unknown name, Windows",
    "ssh: Could not resolve hostname nas.invalid: No such host is known. \r",
    { kind: "unknownName" },
  ],
  [
    "a jump host that may pass nothing on",
    "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed",
    { kind: "forwardingProhibited" },
  ],
  [
    "a host that is silent behind its jump host",
    "channel 0: open failed: connect failed: No route to host\nstdio forwarding failed",
    { kind: "forwardingFailed" },
  ],
  ["a closed port", "ssh: connect to host 192.168.1.10 port 22: Connection refused\r", { kind: "refused" }],
  [
    "a silent host",
    "ssh: connect to host 192.168.1.10 port 22: Connection timed out\r",
    { kind: "notConnected" },
  ],
  [
    "a firewall on the operator's own machine",
    "ssh: connect to host 192.168.1.10 port 22: Permission denied",
    { kind: "notConnected" },
  ],
  [
    "an sshd that starts",
    "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 192.168.1.10 port 22",
    { kind: "turnedAway" },
  ],
  ["a host that says nothing", "Connection timed out during banner exchange", { kind: "other" }],
  ["a connection that broke", "client_loop: send disconnect: Broken pipe", { kind: "other" }],
  ["nothing", "", { kind: "other" }],
];

describe("tells", () => {
  test.each(complaints)("%s", (_what, text, complaint) => {
    expect(judgeSshComplaint(text)).toEqual(complaint);
  });
});

test("what went wrong with the jump host is told from what the host behind it says", () => {
  const ofJump = "ops@gate: Permission denied (publickey).\nand more";
  const ofTarget = "Connection closed by UNKNOWN port 65535";
  expect(separateComplaints(`${markJumpComplaint(ofJump)}\n${ofTarget}`)).toEqual({
    jump: ofJump,
    target: ofTarget,
  });
  expect(separateComplaints(ofTarget)).toEqual({ jump: "", target: ofTarget });
});

test.each<[string, ReturnType<typeof judgeAbsence>]>([
  ["ssh: connect to host nas port 22: Connection refused", "refused"],
  ["kex_exchange_identification: Connection closed by remote host", "refused"],
  ["ssh: connect to host nas port 22: Connection timed out", "silent"],
  ["ssh: connect to host nas port 22: No route to host", "silent"],
  [
    "jump host: ssh: connect to host gate port 22: Connection refused\nConnection closed by UNKNOWN port 65535",
    "refused",
  ],
  [
    "jump host: channel 0: open failed: connect failed: Connection refused\njump host: stdio forwarding failed",
    "refused",
  ],
  [
    "jump host: channel 0: open failed: connect failed: No route to host\njump host: stdio forwarding failed",
    "silent",
  ],
  ["jump host: Permission denied (publickey).\nConnection closed by UNKNOWN port 65535", undefined],
  ["Permission denied (publickey).", undefined],
  ["client_loop: send disconnect: Broken pipe", undefined],
])("a host is away, or it is not: %j", (said, absence) => {
  expect(judgeAbsence(said)).toBe(absence);
});

test("the last line says the most", () => {
  expect([lastLine("one\ntwo"), lastLine("one"), lastLine("")]).toEqual(["two", "one", ""]);
});
