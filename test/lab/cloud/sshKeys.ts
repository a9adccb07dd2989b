import { createHash } from "node:crypto";
import { notUnique } from "./errors.ts";
import type { Labels } from "./fields.ts";
import { labels, object, optional, resourceName, text, withDefault } from "./fields.ts";
import { created, noContent, ok, operation, page, pagingKeys, plain } from "./operation.ts";
import type { World } from "./world.ts";
import { get, now } from "./records.ts";

export interface SshKey {
  readonly id: number;
  name: string;
  labels: Labels;
  readonly publicKey: string;
  readonly created: string;
}

export const create = operation(
  object({
    name: resourceName,
    public_key: text("must be an OpenSSH public key", isPublicKey),
    labels: withDefault(labels, {}),
  }),
  (world, { body }) => {
    refuseTaken(world, body.name);
    const blob = (key: string) => key.trim().split(/\s+/)[1];
    for (const key of world.sshKeys.values()) {
      if (blob(key.publicKey) === blob(body.public_key)) throw notUnique("SSH key not unique");
    }
    const key: SshKey = {
      id: world.nextId(),
      name: body.name,
      labels: body.labels,
      publicKey: body.public_key,
      created: now(),
    };
    world.sshKeys.set(key.id, key);
    return created({ ssh_key: render(key) });
  },
);

export const read = plain((world, call) => ok({ ssh_key: render(get(world.sshKeys, call.id, "SSH key")) }));

export const list = plain(
  (world, { query }) => {
    const name = query.get("name");
    const fingerprint = query.get("fingerprint");
    const found = [...world.sshKeys.values()].filter(
      (key) =>
        (name === null || key.name === name) &&
        (fingerprint === null || fingerprintOf(key.publicKey) === fingerprint),
    );
    return page("ssh_keys", found.map(render), query);
  },
  ["name", "fingerprint", ...pagingKeys],
);

export const update = operation(
  object({ name: optional(resourceName), labels: optional(labels) }),
  (world, call) => {
    const key = get(world.sshKeys, call.id, "SSH key");
    if (call.body.name !== undefined && call.body.name !== key.name) refuseTaken(world, call.body.name);
    key.name = call.body.name ?? key.name;
    key.labels = call.body.labels ?? key.labels;
    return ok({ ssh_key: render(key) });
  },
);

/** A key that a server was made with may go: the machine has its own copy. */
export const remove = plain((world, call) => {
  get(world.sshKeys, call.id, "SSH key");
  world.sshKeys.delete(call.id);
  return noContent;
});

export function render(key: SshKey): unknown {
  return {
    id: key.id,
    name: key.name,
    fingerprint: fingerprintOf(key.publicKey),
    public_key: key.publicKey,
    labels: key.labels,
    created: key.created,
  };
}

function refuseTaken(world: World, name: string): void {
  for (const key of world.sshKeys.values())
    if (key.name === name) throw notUnique("SSH key name is already used");
}

/** MD5 in the colon form, as the API has it. */
function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.trim().split(/\s+/)[1] ?? "", "base64");
  return (createHash("md5").update(blob).digest("hex").match(/../g) ?? []).join(":");
}

const keyTypes = [
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
];

function isPublicKey(line: string): boolean {
  const [type = "", encoded = ""] = line.trim().split(/\s+/);
  const blob = Buffer.from(encoded, "base64");
  // The blob begins with its own type, as a length and a string (RFC 4253).
  const named = blob.length > 4 && blob.subarray(4, 4 + blob.readUInt32BE(0)).toString() === type;
  return !line.trim().includes("\n") && keyTypes.includes(type) && named;
}
