import { createHash } from "node:crypto";
import { loginCommand, rootPrefix } from "./operatorAccess.ts";
import type { HostAccess, SshWay } from "./operatorAccess.ts";
import type { JumpAccess } from "../network/sshAccess.ts";
import type { HostAnswers } from "./preflight.ts";
import type { ReachDocument } from "./reachDocument.ts";
import type { StepDocument } from "./stepDocument.ts";
import { judgeAbsence, judgeSshComplaint, separateComplaints } from "./sshComplaint.ts";
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
Check that this works without a question:  ${loginCommand(access)} true
Why it refuses stands in its own log:  journalctl -u ssh -n 20`;
    case "unknownName":
      return `${document.title}: ${said}\n${nameMend("host", document.title)}`;
    case "forwardingProhibited":
    case "forwardingFailed":
    case "refused":
    case "notConnected":
    case "turnedAway":
    case "other":
      return undefined;
  }
}

function nameMend(key: "host" | "jump", title: string): string {
  return `Is ${key} of ${title} right, and is this machine online? An address there needs no resolver.`;
}

/** How OpenSSH got to a host, where the steps, which log in with a password, have no such way. */
export interface OwnWay {
  /** A ProxyJump or ProxyCommand in the operator's own settings. */
  readonly through: string | undefined;
  /** The address or name that leads there. */
  readonly hostname: string | undefined;
}

/** That the steps would not find the host. */
export function explainOwnWay(
  { title, passwordKey = "" }: Pick<ReachDocument, "title" | "passwordKey">,
  access: SshWay,
  { through, hostname }: OwnWay,
): string {
  return `${place(title, access)} lets you in ${describeWay(access, { through, hostname })}. With a password the steps have \
no such way, and would not find it. Write the address into host of ${title} at which it answers from here.
Or log in with a key, which goes every way that ssh does:
  ssh-copy-id -p ${access.port} ${access.user}@${access.host}
  pulumi config rm --path '${passwordKey}'`;
}

function describeWay({ host }: SshWay, { through, hostname = host }: OwnWay): string {
  if (through !== undefined) return `through ${through}, as your ~/.ssh/config has it`;
  if (hostname.toLowerCase() !== host.toLowerCase()) return `at ${hostname}, as your ~/.ssh/config has it`;
  return "by a name that neither DNS nor /etc/hosts has, such as one of mDNS";
}

/**
 * That the host answers and runs nothing for this user, whatever it is asked. `code`: with which it ended a command that
 * does nothing. `undefined`: it ran it.
 */
export function explainAnswer(title: string, access: SshWay, code: number, said: string): string | undefined {
  const other = /lease log ?in as the user "?([a-z_][\w.-]*)"? rather than/.exec(said)?.[1];
  if (code === 0 && other === undefined) return undefined;
  const answer = said === "" ? `nothing; a command that does nothing ended with exit code ${code}` : said;
  return `${place(title, access)} lets ${access.user} in and runs no command for it. It said:
${answer.replace(/^/gm, "  ")}
${answerMend(access, other, said)}`;
}

function answerMend(access: SshWay, other: string | undefined, said: string): string {
  const { user } = access;
  if (other !== undefined) return `Log in as that one:  user: ${other}`;
  if (/password/i.test(said))
    return `Log in once yourself and do what it asks for, then run the same command again:
  ${loginCommand(access)}`;
  return `Log in as somebody who may run commands there (user:), or let ${user}: with a shell, and without a command of its
own in sshd_config (ForceCommand) or authorized_keys (command=). On its own console:
  usermod --shell /bin/bash ${user}`;
}

/** That the host, or its jump host, let nobody in in all that time. `after`: what goes on without it. */
export function explainSilence(
  { title, silenceMend }: Pick<ReachDocument, "title" | "silenceMend">,
  { host, port, user, jump }: SshWay,
  waitedSeconds: number,
  said: string,
  after = `\n${goOnWithout}`,
): string {
  const ofJump = separateComplaints(said).jump;
  const isJump = ofJump !== "" && judgeSshComplaint(ofJump).kind !== "forwardingFailed";
  const isRefused = silenceMend === undefined && judgeAbsence(said) === "refused";
  const through = jump ? `, through ${jump.user}@${jump.host} port ${jump.port},` : "";
  return `${isJump ? "the jump host of " : ""}${title} ${isRefused ? "turns us away" : "does not answer"}: \
tried ssh to ${host} port ${port} as ${user}${through} for ${waitedSeconds} s, last answer: ${said || "none"}
${silenceMend ?? `${isRefused ? refusalMend(isJump && jump ? jump.port : port) : silentMend}${after}`}`;
}

/** That a host was not there for a step, which comes when it has been reached before. */
export function explainAbsence({ title, access }: StepDocument, waitedSeconds: number, said: string): string {
  const isRefused = judgeAbsence(said) === "refused" && access.way !== "here";
  return `${title} ${isRefused ? "turned us away" : "was away"} for ${waitedSeconds} s: ${said}
${isRefused ? refusalMend(access.port) : "Switch it on, then run the same command again."}
${goOnWithout}`;
}

/** That the connection ended while a step was at work. `undefined`: ssh complains of something else. */
export function explainCut({ title, access }: StepDocument, said: string): string | undefined {
  const { jump, target } = separateComplaints(said);
  if (access.way === "here" || judgeSshComplaint(jump || target).kind !== "other") return undefined;
  return `the connection to ${title} ended while a step was at work there: ${said || "nobody says why"}
What was begun there goes on to its end. Is this machine's network there again, and ${title} switched on? Then run the
same command again: it waits for what still runs, and does the rest.`;
}

const silentMend = "Is it switched on, is this the right address, and does a firewall let you through?";

/** What lets nobody in and says so; `port`: where we knocked. */
function refusalMend(port: number): string {
  return `Something is switched on there. If nobody ever got in: is this the right port, and does its sshd run?
If it let you in a moment ago, a limit of new connections or a ban shuts you out: ufw limit, fail2ban, a rule with
"recent" or "limit", MaxStartups or PerSourcePenalties of its sshd. It opens again when nobody knocks for a while. To
let this machine through, on its own console, with this machine's address as it is seen there:
  ufw prepend allow proto tcp from ADDRESS to any port ${port}
  fail2ban-client set sshd unbanip ADDRESS`;
}

const goOnWithout = "To do meanwhile what does not need it:  pulumi up --continue-on-error";

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
    return `${place} answers, and ends the connection before it has told what it is: ${said || "it gave no reason"}
Why it ends it stands in its own log:  journalctl -u ssh -n 20`;
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
      return `${subject}: ${said}\n${nameMend("jump", title)}`;
    case "forwardingProhibited":
      return `${subject} passes no connections on: ${said}
Allow it there: AllowTcpForwarding yes in its sshd_config`;
    case "forwardingFailed":
    case "refused":
    case "notConnected":
    case "turnedAway":
    case "other":
      return undefined;
  }
}
