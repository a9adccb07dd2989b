import { isOwn } from "./makers.ts";
import type { AskingStack, Named, SshKey } from "./makers.ts";

/** What a project at Hetzner has of the kinds that a relay is made of, and of which no two have one name. */
export interface Taken {
  readonly servers: readonly Named[];
  readonly firewalls: readonly Named[];
  readonly sshKeys: readonly SshKey[];
}

/** Refuses a project in which somebody else's things have the names that are to be given. */
export function judgeTaken(
  label: string,
  stack: AskingStack,
  { servers, firewalls, sshKeys }: Taken,
): readonly string[] {
  const isOthers = (thing: Named) => thing.name === label && !isOwn(thing, stack);
  const found = [
    ...(servers.some(isOthers) ? ["a server"] : []),
    ...(firewalls.some(isOthers) ? ["a firewall"] : []),
    ...(sshKeys.some(({ name }) => name === label && !stack.keyNames.includes(name)) ? ["an SSH key"] : []),
  ];
  if (found.length === 0) return [];
  return [
    `hcloud:token: its Hetzner project has ${list(found)} named ${label} already, which this stack did not make
  take the token of another project, or give this stack another name: pulumi stack rename NAME
  What is left of a stack that is gone has to go first: delete it in Hetzner's console`,
  ];
}

function list(things: readonly string[]): string {
  return things.length < 2 ? things.join() : `${things.slice(0, -1).join(", ")} and ${things.at(-1) ?? ""}`;
}
