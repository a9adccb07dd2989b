import { ownerLabel, stackIdLabel } from "./ownerLabel.ts";
import type { Labels } from "./ownerLabel.ts";

/** The stack that asks, and by what it is known in the project of its token. */
export interface AskingStack {
  readonly id: string;
  /** What it is called now, and what it was called when it last put its key there. */
  readonly names: readonly string[];
  /** The names of SSH keys in the project that are this stack's own; empty where it has put none there. */
  readonly keyNames: readonly string[];
}

export interface SshKey {
  readonly name: string;
  /** As OpenSSH writes it: type, key, comment. */
  readonly public_key: string;
}

/** `names`: what the stack is called by itself; `adminKey`: its public key, which no other stack has. */
export function createAskingStack(
  id: string,
  names: readonly string[],
  adminKey: string,
  keys: readonly SshKey[],
): AskingStack {
  const own = keys.filter(({ public_key }) => bare(public_key) === bare(adminKey));
  const keyNames = own.map(({ name }) => name);
  return { id, names: [...names, ...keyNames], keyNames };
}

/**
 * Who made a zone or a record. `unclear`: a stack of another name, with a version of this program that did not label
 * things with the stack's id, so that it may be this stack under a former name.
 */
export function makerOf(labels: Labels, stack: AskingStack): "this stack" | "another" | "unclear" {
  const id = labels[stackIdLabel];
  if (id !== undefined) return id === stack.id ? "this stack" : "another";
  const name = labels[ownerLabel];
  if (name === undefined) return "another";
  if (stack.names.includes(name)) return "this stack";
  // A key that is there has the name of that time as well.
  return stack.keyNames.length > 0 ? "another" : "unclear";
}

/** Whether the stack made a server or a firewall, which versions before had no label for. */
export function isOwn({ name, labels }: Named, stack: AskingStack): boolean {
  const id = labels[stackIdLabel];
  return id === undefined ? stack.keyNames.includes(name) : id === stack.id;
}

export interface Named {
  readonly name: string;
  readonly labels: Labels;
}

function bare(publicKey: string): string {
  return publicKey.trim().split(/\s+/).slice(0, 2).join(" ");
}
