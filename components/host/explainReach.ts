import { createHash } from "node:crypto";
import { loginCommand, rootPrefix } from "./operatorAccess.ts";
import type { HostAccess, SshWay } from "./operatorAccess.ts";
import type { JumpAccess } from "../network/sshAccess.ts";
import type { HostAnswers } from "./preflight.ts";
import type { ReachDocument } from "./reachDocument.ts";
import { judgeSshComplaint, separateComplaints } from "./sshComplaint.ts";
import type { SshComplaint } from "./sshComplaint.ts";

/** Why the host will not let us in however long we wait. `undefined`: what ssh complains of may pass. */
export function explainRefusal(document: ReachDocument, access: SshWay, said: string): string | undefined {
  const { jump, target } = separateComplaints(said);
  if (jump !== "" && access.jump) {
    const explained = explainJump(document.title, access.jump, jump);
    if (explained !== undefined) return explained;
  }
  const complaint = judgeSshComplaint(target);
  switch (complaint.kind) {
    case "wrongHostKey":
      return explainHostKey(document, access, complaint.offered);
    case "refusedLogin":
      return access.way === "password"
        ? explainPassword(document, access, complaint.methods, said)
        : `${place(document.title, access)} refuses the login of ${access.user}: ${said}
Check that this works without a question:  ${loginCommand(access)} true`;
    case "unknownName":
      return `${document.title}: ${said}`;
    case "forwardingProhibited":
    case "forwardingFailed":
    case "notConnected":
    case "other":
      return undefined;
  }
}

/** That the host, or its jump host, did not answer in all that time. */
export function explainSilence(
  { title, silenceMend }: ReachDocument,
  { host, port, user, jump }: SshWay,
  waitedSeconds: number,
  said: string,
): string {
  const ofJump = separateComplaints(said).jump;
  const isJump = ofJump !== "" && judgeSshComplaint(ofJump).kind !== "forwardingFailed";
  const through = jump ? `, through ${jump.user}@${jump.host} port ${jump.port},` : "";
  return `${isJump ? "the jump host of " : ""}${title} does not answer: \
tried ssh to ${host} port ${port} as ${user}${through} for ${waitedSeconds} s, last answer: ${said || "none"}
${
  silenceMend ??
  `Is it switched on, is this the right address, and does a firewall let you through?
To do meanwhile what does not need it:  pulumi up --continue-on-error`
}`;
}

/** All that keeps a host from being set up, in one message. `undefined`: nothing. */
export function explainProblems(
  document: Pick<ReachDocument, "title" | "access" | "stackId" | "stack">,
  user: string,
  { problems, owner }: HostAnswers,
): string | undefined {
  const { title, access } = document;
  const foreign = explainOwner(document, user, owner);
  const all = [...(foreign === undefined ? [] : [foreign]), ...problems];
  if (all.length === 0) return undefined;
  return `${where(title, access)} cannot be set up as it is. Nothing was changed there.
${all.map((problem) => `- ${problem.replaceAll("\n", "\n  ")}`).join("\n")}`;
}

/** That a host lets us in, and does something else than it is asked. `code`: 255 where the connection ended. */
export function explainNoAnswer(
  { title, access }: Pick<ReachDocument, "title" | "access">,
  user: string,
  { code, said }: { readonly code: number; readonly said: string },
): string {
  const place = where(title, access);
  if (code === 255)
    return `${place} answers, and ends the connection before it has told what it is: ${said || "it gave no reason"}`;
  const does = access.way === "here" ? "does" : `lets ${user} in, and does`;
  return `${place} ${does} not do what it is asked; it said: ${said || "nothing"}
Does a login file of ${user} there (~/.bashrc, ~/.profile, ~/.zshenv) start something else, such as tmux or another shell?
What is meant for people belongs behind this line, in ~/.bashrc:
  case $- in *i*) ;; *) return ;; esac`;
}

/**
 * That the host belongs to another stack: two on one host would undo each other's work. `note`: what the host says of
 * its owner, `id …`, `stack …` and `host …` a line each. `undefined`: it is ours, or nobody's.
 */
function explainOwner(
  { access, stackId, stack }: Pick<ReachDocument, "access" | "stackId" | "stack">,
  user: string,
  note: readonly string[],
): string | undefined {
  const says = (word: string) =>
    note.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? "";
  const id = says("id");
  if (id === "" || id === stackId) return undefined;
  const free = `${rootPrefix(user)}rm /etc/homerelay/owner`;
  return `It belongs to another stack: ${says("stack")} (${id}), which calls it ${says("host")}.
This one is ${stack} (${stackId}). Where the other stack's state is, free the host with
  pulumi destroy
If that state is lost for good, give the host to this stack:
  ${access.way === "here" ? free : `${loginCommand(access)} '${free}'`}`;
}

/** What the user calls the host, and where that is. */
export function where(title: string, access: HostAccess): string {
  return access.way === "here" ? `${title}, this machine,` : place(title, access);
}

/** As `ssh-keygen -l` shows it; empty for a text that is no public key. */
export function fingerprint(publicKey: string): string {
  const [, blob = ""] = publicKey.split(" ");
  if (blob === "") return "";
  const hash = createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}

function place(title: string, { host, port }: { readonly host: string; readonly port: number }): string {
  return `${title} (${host} port ${port})`;
}

function explainHostKey(
  { title, hostKeyMend, made }: ReachDocument,
  access: SshWay,
  offered: string | undefined,
): string {
  const isFirst = made !== undefined && fingerprint(made.firstHostKey) === offered;
  return `${place(title, access)} shows a host key that is not the pinned one. Nothing was sent to it.
${compareKeys(access.hostKeys, offered)}${isFirst ? firstHostKeyMeaning : ""}
${hostKeyMend}`;
}

const firstHostKeyMeaning = `
That is the key of the server's first boot. It has had another one since it was first reached, and anything that ran on
it may have read this one in its user data: unless you had it set up anew, somebody stands between you and it.`;

function compareKeys(pinned: readonly string[], offered: string | undefined): string {
  return `  pinned:  ${pinned.map(fingerprint).join(" ") || "none"}
  offered: ${offered ?? "no ed25519 key"}`;
}

/** `methods`: the ways to log in that the host has. */
function explainPassword(
  { title, passwordKey = "" }: ReachDocument,
  access: SshWay,
  methods: readonly string[],
  said: string,
): string {
  if (methods.includes("password") || methods.includes("keyboard-interactive"))
    return `${place(title, access)} refuses the password of ${access.user}. Set the right one:
  pulumi config set --secret --path '${passwordKey}'`;
  return `${place(title, access)} takes no password from ${access.user}: ${said}
Allow it there (PasswordAuthentication yes in its sshd_config), or log in with a key and forget the password:
  pulumi config rm --path '${passwordKey}'`;
}

/** What is wrong with the jump host and will not pass. That it, or the host behind it, is silent, may pass. */
function explainJump(title: string, jump: JumpAccess, said: string): string | undefined {
  const complaint: SshComplaint = judgeSshComplaint(said);
  const subject = `the jump host of ${place(title, jump)}`;
  const login = `ssh -p ${jump.port} ${jump.user}@${jump.host} true`;
  switch (complaint.kind) {
    case "wrongHostKey":
      if (jump.hostKey !== undefined)
        return `${subject} shows a host key that is not the pinned one. Nothing was sent to it.
${compareKeys([jump.hostKey], complaint.offered)}
Was it set up anew? Then put its new line into ssh.jump.hostKey of ${title}.`;
      return `${subject} shows a host key that your known_hosts does not have for it. Nothing was sent to it.
Log in once and compare, or pin its key with ssh.jump.hostKey of ${title}:
  ${login}`;
    case "refusedLogin":
      return `${subject} refuses the login of ${jump.user}: ${said}
Check that this works without a question:  ${login}`;
    case "unknownName":
      return `${subject}: ${said}`;
    case "forwardingProhibited":
      return `${subject} passes no connections on: ${said}
Allow it there: AllowTcpForwarding yes in its sshd_config`;
    case "forwardingFailed":
    case "notConnected":
    case "other":
      return undefined;
  }
}
