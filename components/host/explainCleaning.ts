import type { CleaningDocument } from "./cleaningDocument.ts";
import { loginCommand } from "./operatorAccess.ts";
import { uninstallParts } from "./scriptParts.ts";
import { judgeSshComplaint, separateComplaints } from "./sshComplaint.ts";

/** What takes our things off a host, below components/. */
export function cleaningScripts({ script }: Pick<CleaningDocument, "script">): string[] {
  return [...uninstallParts, script];
}

/** Where each of these is missing, nothing of ours is on a host. */
const traces = [
  "/etc/homerelay",
  "/usr/local/lib/homerelay",
  "/var/lib/homerelay",
  "/etc/systemd/system/homerelay-*",
  "/etc/wireguard/homerelay*",
  "/etc/sysctl.d/60-homerelay.conf",
  "/sys/class/net/homerelay",
];

/**
 * Runs what cleans a host where there is anything of ours. One that was refused before it got anything may have no bash
 * or no sudo for it, and must not be in the way of giving it up.
 */
export function cleanWhereNeeded(command: string): string {
  return `sh -c 'for one in ${traces.join(" ")}; do if test -e $one; then exec ${command}; fi; done; echo nothing of home-relay is there'`;
}

/** That a host which leaves the stack could not be cleaned. `command`: what was run there. */
export function explainLeftHost(document: CleaningDocument, command: string, said: string): string {
  const { title, access, urn } = document;
  const place = access.way === "here" ? title : `${title} (${access.host} port ${access.port})`;
  return `${place} was not cleaned: ${said}
It kept nothing alive that is billed: what this run was to take away at the provider is gone.
To finish when ${title} is back, run the same command again: pulumi destroy, or pulumi up if you took ${title} out of the settings.
To give it up for good, before that command:
  pulumi state delete '${urn}'
What is on it then goes by hand:
  ${cleanByHand(document, command)}`;
}

/** That the machine which a host was before could not be cleaned. */
export function explainFormerMachine(document: CleaningDocument, command: string, said: string): string {
  const { title, access, urn } = document;
  const place = access.way === "here" ? "" : ` (${access.host} port ${access.port})`;
  return `${title} is another machine now, and the one before it${place} was not cleaned: ${said}
Keep that one off until it is: it has the keys of ${title}, and would take the tunnel for itself.
To finish when it can be reached, run the same command again: pulumi up.
To give it up for good, before that command:
  pulumi state delete --target-dependents '${urn}'
What is on it then goes by hand:
  ${cleanByHand(document, command)}`;
}

/** Whether another machine answers at the address by now. What is wrong with a jump host says nothing of that. */
export function isAnotherMachine(said: string): boolean {
  const { jump, target } = separateComplaints(said);
  return jump === "" && judgeSshComplaint(target).kind === "wrongHostKey";
}

/** How the user would run the scripts there, in the project's folder. */
function cleanByHand(document: CleaningDocument, command: string): string {
  const scripts = cleaningScripts(document).map((script) => `components/${script}`);
  const { access } = document;
  const there = access.way === "here" ? command : `${loginCommand(access)} '${command}'`;
  return `cat ${scripts.join(" ")} | ${there}`;
}
