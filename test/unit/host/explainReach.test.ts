import { describe, expect, test } from "@jest/globals";
import {
  explainAbsence,
  explainNoAnswer,
  explainProblems,
  explainRefusal,
  explainSilence,
  fingerprint,
} from "../../../components/host/explainReach.ts";
import type { SshWay } from "../../../components/host/operatorAccess.ts";
import type { HostAnswers } from "../../../components/host/preflight.ts";
import type { ReachDocument } from "../../../components/host/reachDocument.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
const gateKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const jump = { host: "gate", port: 2200, user: "ops", hostKey: gateKey, identityFile: undefined };
const access: SshWay = {
  way: "ssh",
  host: "192.168.1.10",
  port: 22,
  user: "admin",
  hostKeys: [key],
  identityFile: undefined,
  jump: undefined,
};
const document: ReachDocument = {
  title: "nas",
  access,
  stackId: "0123456789abcdef",
  stack: "home-relay/dev",
  waitSeconds: 15,
  limitSeconds: 35,
  hostKeyMend: "compare them",
  silenceMend: undefined,
  passwordKey: "home-relay:homes[0].ssh.password",
  needs: { packages: [], listenPort: undefined, plainWireguard: undefined },
  made: undefined,
};
const refusal = (said: string, changes: Partial<SshWay> = {}) =>
  explainRefusal(document, { ...access, ...changes }, said);

describe("waiting does not help", () => {
  test("where the host shows another key: both are named", () => {
    expect(refusal("The fingerprint is SHA256:offered.\nHost key verification failed.")).toBe(`\
nas (192.168.1.10 port 22) shows a host key that is not the pinned one. Nothing was sent to it.
  pinned:  ${fingerprint(key)}
  offered: SHA256:offered
compare them`);
    expect(refusal("no matching host key type found", { hostKeys: [key, gateKey] })).toContain(
      `  pinned:  ${fingerprint(key)} ${fingerprint(gateKey)}\n  offered: no ed25519 key\n`,
    );
  });

  test("where a server shows the key of its first boot again: that is said, for it stands in its user data", () => {
    const made = { machine: "301", firstHostKey: gateKey, again: [] };
    const said = (offered: string) => `The fingerprint is ${offered}.\nHost key verification failed.`;
    const explained = (offered: string) => explainRefusal({ ...document, made }, access, said(offered));
    expect(explained(fingerprint(gateKey))).toMatch(
      /That is the key of the server's first boot\.[^]*compare them$/,
    );
    expect(explained("SHA256:offered")).not.toContain("first boot");
  });

  test("where no key opens it: the command to try is named, with the way through the jump host", () => {
    const said = "admin@192.168.1.10: Permission denied (publickey).";
    expect(refusal(said)).toBe(`\
nas (192.168.1.10 port 22) refuses the login of admin: ${said}
Check that this works without a question:  ssh -p 22 admin@192.168.1.10 true
Why it refuses stands in its own log:  journalctl -u ssh -n 20`);
    expect(refusal(said, { jump })).toContain("  ssh -J ops@gate:2200 -p 22 admin@192.168.1.10 true");
  });

  test("where the password is wrong, or none is taken: the command that mends it is named", () => {
    const said = (methods: string) => refusal(`Permission denied (${methods}).`, { way: "password" });
    for (const methods of ["publickey,password", "keyboard-interactive"])
      expect(said(methods)).toBe(`\
nas (192.168.1.10 port 22) refuses the password of admin. Set the right one:
  pulumi config set --secret --path 'home-relay:homes[0].ssh.password'`);
    expect(said("publickey")).toBe(`\
nas (192.168.1.10 port 22) takes no password from admin: Permission denied (publickey).
Allow it there (PasswordAuthentication yes in its sshd_config), or log in with a key and forget the password:
  pulumi config rm --path 'home-relay:homes[0].ssh.password'`);
  });

  test("where nobody knows the name", () => {
    const said = "ssh: Could not resolve hostname nas.lan: No such host is known.";
    expect(refusal(said)).toBe(
      `nas: ${said}\nIs host of nas right, and is this machine online? An address there needs no resolver.`,
    );
  });

  test.each<[string, string, string]>([
    [
      "shows another key",
      "jump host: SHA256:offered\njump host: Host key verification failed.",
      `the jump host of nas (gate port 2200) shows a host key that is not the pinned one. Nothing was sent to it.
  pinned:  ${fingerprint(gateKey)}
  offered: SHA256:offered
Was it set up anew? Then put its new line into ssh.jump.hostKey of nas.`,
    ],
    [
      "refuses the login",
      "jump host: Permission denied (publickey).",
      `the jump host of nas (gate port 2200) refuses the login of ops: Permission denied (publickey).
Check that this works without a question:  ssh -p 2200 ops@gate true`,
    ],
    [
      "has an unknown name",
      "jump host: ssh: Could not resolve hostname gate: x",
      `the jump host of nas (gate port 2200): ssh: Could not resolve hostname gate: x
Is jump of nas right, and is this machine online? An address there needs no resolver.`,
    ],
    [
      "may pass nothing on",
      "jump host: channel 0: open failed: administratively prohibited: open failed",
      `the jump host of nas (gate port 2200) passes no connections on: channel 0: open failed: administratively prohibited: open failed
Allow it there: AllowTcpForwarding yes in its sshd_config`,
    ],
  ])("where the jump host %s", (_what, said, message) => {
    expect(refusal(`${said}\nConnection closed by UNKNOWN port 65535`, { jump })).toBe(message);
  });

  test("where known_hosts does not have a jump host whose key is not pinned", () => {
    const unpinned = { ...jump, hostKey: undefined };
    expect(refusal("jump host: Host key verification failed.", { jump: unpinned })).toBe(`\
the jump host of nas (gate port 2200) shows a host key that your known_hosts does not have for it. Nothing was sent to it.
Log in once and compare, or pin its key with ssh.jump.hostKey of nas:
  ssh -p 2200 ops@gate true`);
  });
});

test.each([
  "ssh: connect to host 192.168.1.10 port 22: Connection refused",
  "kex_exchange_identification: Connection closed by remote host",
  "jump host: ssh: connect to host gate port 2200: Connection timed out\nConnection closed by UNKNOWN port 65535",
  "jump host: stdio forwarding failed",
])("waiting may help: %j", (said) => {
  expect(refusal(said, { jump })).toBeUndefined();
});

describe("a refusal", () => {
  const refused = "ssh: connect to host 192.168.1.10 port 22: Connection refused";

  test("is told apart from silence, with what may be behind it", () => {
    expect(explainSilence(document, access, 37, refused)).toBe(`\
nas turns us away: tried ssh to 192.168.1.10 port 22 as admin for 37 s, last answer: ${refused}
Something is switched on there. If nobody ever got in: is this the right port, and does its sshd run?
If it let you in a moment ago, a limit of new connections or a ban shuts you out: ufw limit, fail2ban, a rule with
"recent" or "limit", MaxStartups or PerSourcePenalties of its sshd. It opens again when nobody knocks for a while. To
let this machine through, on its own console, with this machine's address as it is seen there:
  ufw prepend allow proto tcp from ADDRESS to any port 22
  fail2ban-client set sshd unbanip ADDRESS
To do meanwhile what does not need it:  pulumi up --continue-on-error`);
  });

  test("of the jump host's is mended there", () => {
    const said = explainSilence(document, { ...access, jump }, 37, `jump host: ${refused}`);
    expect(said).toMatch(/^the jump host of nas turns us away: /);
    expect(said).toContain("to any port 2200\n");
  });

  test("in the midst of the steps is told as well, and so is silence", () => {
    const step = { title: "nas", access, waitSeconds: 25, limitSeconds: 35, connection: undefined };
    expect(explainAbsence(step, 39, refused)).toMatch(
      /^nas turned us away for 39 s: ssh: .*refused\nSomething is switched on there\.[^]*to any port 22\n/,
    );
    expect(explainAbsence(step, 34, "ssh: connect to host nas port 22: Connection timed out")).toBe(`\
nas was away for 34 s: ssh: connect to host nas port 22: Connection timed out
Switch it on, then run the same command again.
To do meanwhile what does not need it:  pulumi up --continue-on-error`);
  });
});

describe("a silence", () => {
  test("is the host's, with all that was tried and what to look at", () => {
    expect(explainSilence(document, access, 15, "")).toBe(`\
nas does not answer: tried ssh to 192.168.1.10 port 22 as admin for 15 s, last answer: none
Is it switched on, is this the right address, and does a firewall let you through?
To do meanwhile what does not need it:  pulumi up --continue-on-error`);
  });

  test("is the jump host's, unless that one could not reach the host", () => {
    const told = (said: string) => explainSilence(document, { ...access, jump }, 15, said).split("\n")[0];
    expect(told("jump host: ssh: connect to host gate")).toBe(
      "the jump host of nas does not answer: tried ssh to 192.168.1.10 port 22 as admin, through ops@gate port 2200, for 15 s, last answer: jump host: ssh: connect to host gate",
    );
    expect(told("jump host: stdio forwarding failed")).toMatch(/^nas does not answer: /);
  });

  test("is told with what the host knows of it", () => {
    const knowing = { ...document, silenceMend: "look into the tunnel" };
    expect(explainSilence(knowing, access, 15, "").split("\n").slice(1)).toEqual(["look into the tunnel"]);
  });
});

describe("a host that is reached", () => {
  const nothing: HostAnswers = { problems: [], notes: [], owner: [] };
  const ours = ["id 0123456789abcdef", "stack home-relay/dev", "host nas"];
  const others = ["id fedcba9876543210", "stack other/dev", "host the relay"];
  const here: ReachDocument = { ...document, access: { way: "here" } };

  test("may be set up where it has no problem, and is this stack's or nobody's", () => {
    for (const owner of [[], ours])
      expect(explainProblems(document, "admin", { ...nothing, notes: ["a note"], owner })).toBeUndefined();
  });

  test("is refused with all of its problems at once, and by its place", () => {
    const problems = ["Its disk is full: of\n  photographs.", "It has no apt-get."];
    expect(explainProblems(document, "admin", { ...nothing, problems, owner: others })).toBe(`\
nas (192.168.1.10 port 22) cannot be set up as it is. Nothing was changed there.
- It belongs to another stack: other/dev (fedcba9876543210), which calls it the relay.
  This one is home-relay/dev (0123456789abcdef). Where the other stack's state is, free the host with
    pulumi destroy
  If that state is lost for good, give the host to this stack:
    ssh -p 22 admin@192.168.1.10 'sudo -n rm /etc/homerelay/owner'
- Its disk is full: of
    photographs.
- It has no apt-get.`);
  });

  test("is given to this stack by a command that leads there", () => {
    const by = (way: ReachDocument, user: string) =>
      explainProblems(way, user, { ...nothing, owner: others })
        ?.split("\n")
        .at(-1);
    expect(by({ ...document, access: { ...access, jump } }, "root")).toBe(
      "    ssh -J ops@gate:2200 -p 22 admin@192.168.1.10 'rm /etc/homerelay/owner'",
    );
    expect(by(here, "root")).toBe("    rm /etc/homerelay/owner");
  });

  test("and does something else than it is asked, is told with what may stand in the way", () => {
    const said = "open terminal failed: not a terminal";
    expect(explainNoAnswer(document, "admin", { code: 1, said })).toBe(`\
nas (192.168.1.10 port 22) lets admin in, and does not do what it is asked; it said: open terminal failed: not a terminal
Does a login file of admin there (~/.bashrc, ~/.profile, ~/.zshenv) start something else, such as tmux or another shell?
What is meant for people belongs behind this line, in ~/.bashrc:
  case $- in *i*) ;; *) return ;; esac`);
    expect(explainNoAnswer(here, "root", { code: 1, said: "" })).toMatch(
      /^nas, this machine, does not do what it is asked; it said: nothing\n/,
    );
    expect(explainNoAnswer(document, "admin", { code: 255, said: "Connection reset" })).toBe(
      `nas (192.168.1.10 port 22) answers, and ends the connection before it has told what it is: Connection reset
Why it ends it stands in its own log:  journalctl -u ssh -n 20`,
    );
  });
});
