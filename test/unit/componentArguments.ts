/** Arguments of components. The keys are words that a search finds, and unlock nothing. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { Host } from "../../components/host/Host.ts";
import type { OperatorAccess, Owner, SshKeyPair, StackKeyAccess } from "../../components/host/Host.ts";

export const operatorAccess: OperatorAccess = {
  host: "192.168.1.10",
  port: 2222,
  user: "admin",
  hostKey: "ssh-ed25519 AAAAnas",
  identityFile: "keys/nas",
  password: undefined,
  jump: undefined,
};

/** What connect-host.sh reads to get there. */
export const operatorEnvironment = {
  WAY: "ssh",
  JUMP_HOST: "",
  HOST: "192.168.1.10",
  PORT: "2222",
  LOGIN: "admin",
  HOST_KEYS: "ssh-ed25519 AAAAnas",
  IDENTITY: "keys/nas",
};

export const passwordAccess: OperatorAccess = {
  ...operatorAccess,
  identityFile: undefined,
  password: { text: "password nas", key: "home-relay:homes[0].ssh.password" },
};

/** What the scripts of the operator's machine read to get there; the password itself comes on stdin. */
export const passwordEnvironment = {
  ...operatorEnvironment,
  WAY: "password",
  IDENTITY: "",
  PASSWORD_KEY: "home-relay:homes[0].ssh.password",
};

export const owner: Owner = { id: "0123456789abcdef", stack: "home-relay/test" };

/** What reach-host.sh and uninstall-host.sh go by. */
export const ownerEnvironment = { STACK_ID: "0123456789abcdef", STACK: "home-relay/test" };

export function keyPair(name: string): SshKeyPair {
  return { publicKey: `ssh-ed25519 AAAA${name}`, privateKey: pulumi.secret(`private ${name}\n`) };
}

export const stackKeyAccess = (): StackKeyAccess => ({
  host: "203.0.113.5",
  port: 22,
  privateKey: keyPair("admin").privateKey,
  hostKey: keyPair("host"),
  firstHostKey: keyPair("first").publicKey,
});

/** As `remote.Command` gets it from `stackKeyAccess`. */
export const stackKeyConnection = {
  secret: {
    host: "203.0.113.5",
    port: 22,
    user: "root",
    privateKey: "private admin\n",
    hostKey: "ssh-ed25519 AAAAhost",
    dialErrorLimit: 3,
    perDialTimeout: 10,
  },
};

export function relayHost(): Host {
  return new Host("relay-host", { title: "the relay", role: "relay", owner, access: stackKeyAccess() });
}

/** Stands for what another component hands over. */
export function earlier(name: string): pulumi.Resource {
  return new command.local.Command(name, { create: "true" });
}
