/** Arguments of components. The keys are words that a search finds, and unlock nothing. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { dynDnsInstallation } from "../../components/dyndns/installation.ts";
import { notifyInstallation } from "../../components/notify/installation.ts";
import type { PublicDns } from "../../components/dns/seen.ts";
import type { HomeRelayArgs } from "../../components/HomeRelay.ts";
import { Host } from "../../components/host/Host.ts";
import type { StackKeyAccess } from "../../components/host/Host.ts";
import { joinInstallations } from "../../components/network/installation.ts";
import type { SshKeyPair } from "../../components/network/keys.ts";
import type { Owner } from "../../components/network/owner.ts";
import type { SshAccess } from "../../components/network/sshAccess.ts";
import { installationsOfRelay } from "../../components/HomeRelay.ts";
import { ownRelayInstallation } from "../../components/relay/installation.ts";
import type { RelayKeys, RentedRelayPlan } from "../../components/relay/Relay.ts";
import { parsePrefix } from "../../components/network/prefix.ts";
import { parseSettings } from "../../components/settings/parseSettings.ts";
import type { RawSettings } from "../../components/settings/parseSettings.ts";
import { firewall, media, nas, tunnelPlan } from "./generators/examples.ts";
import { encryptedIn } from "./settings/encrypted.ts";

export const operatorAccess: SshAccess = {
  host: "192.168.1.10",
  port: 2222,
  user: "admin",
  hostKey: "ssh-ed25519 AAAAnas",
  identityFile: "keys/nas",
  password: undefined,
  jump: undefined,
};

/** What a program on the operator's machine is told of the way there. */
export const describedAccess = {
  way: "ssh",
  host: "192.168.1.10",
  port: 2222,
  user: "admin",
  hostKeys: ["ssh-ed25519 AAAAnas"],
  identityFile: "keys/nas",
};

export const passwordAccess: SshAccess = {
  ...operatorAccess,
  identityFile: undefined,
  password: { text: "password nas", key: "home-relay:homes[0].ssh.password" },
};

/** The same for `passwordAccess`; the password itself comes on stdin. */
export const describedPasswordAccess = {
  way: "password",
  host: "192.168.1.10",
  port: 2222,
  user: "admin",
  hostKeys: ["ssh-ed25519 AAAAnas"],
};

export const owner: Owner = { id: "0123456789abcdef", stack: "home-relay/test" };

/** What reach-host.ts is told of it. */
export const describedOwner = { stackId: "0123456789abcdef", stack: "home-relay/test" };

export function keyPair(name: string): SshKeyPair<pulumi.Input<string>> {
  return { publicKey: `ssh-ed25519 AAAA${name}`, privateKey: pulumi.secret(`private ${name}\n`) };
}

/** Those of a generation: the first ones, or others. */
export function relayKeys(generation = 1): RelayKeys {
  const more = generation === 1 ? "" : `${generation}`;
  return {
    admin: keyPair(`admin${more}`),
    firstHost: keyPair(`first${more}`),
    host: keyPair(`host${more}`),
    generation,
    first: { admin: keyPair("admin"), hostPublicKey: keyPair("host").publicKey },
    noteSecret: pulumi.secret("note secret"),
  };
}

export const stackKeyAccess = (): StackKeyAccess => ({
  host: "203.0.113.5",
  port: 22,
  privateKey: keyPair("admin").privateKey,
  hostKey: keyPair("host"),
  firstHostKey: keyPair("first").publicKey,
  machine: "301",
  bootSeconds: 300,
  silenceMend: "look into its console",
  otherMachineMend: "take a new server",
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

/** A whole key, as settings want it. */
export const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";

/** Everybody on the internet. */
export const everybody = ["0.0.0.0/0", "::/0"].map(parsePrefix);

/** A whole stack from sections as a stack file has them; `encrypted`: texts in them that stand encrypted there. */
export function homeRelayArgs(
  sections: Partial<RawSettings>,
  encrypted: readonly string[] = [],
  stack = "test",
): HomeRelayArgs {
  const hcloudToken = "a1B2".repeat(16);
  const missing = { relay: undefined, homes: undefined, tunnel: undefined, dns: undefined };
  const isEncrypted = encryptedIn(sections, encrypted);
  return {
    ...parseSettings({ ...missing, ...sections, isEncrypted, hcloudToken }, "home-relay"),
    stack: `home-relay/${stack}`,
    label: `home-relay-${stack}`,
    hetzner: { endpoint: "https://192.0.2.1/v1", token: pulumi.secret(hcloudToken) },
    publicDns: asWanted,
  };
}

/** What the mocks' addresses and nameservers are is what the world sees. */
export const asWanted: PublicDns = {
  nameservers: () => Promise.resolve(["ns.example"]),
  addresses: () => Promise.resolve(["203.0.113.5", "2001:db8:77::1"]),
};

/** What any relay may get. */
export const installationOnRelay = joinInstallations([
  ...installationsOfRelay,
  dynDnsInstallation,
  notifyInstallation,
]);

/** What a relay is told, with an uninstall that was made before it. */
export function relayPlan(change: Partial<RentedRelayPlan> = {}): RentedRelayPlan {
  return {
    label: "home-relay-test",
    owner,
    keys: relayKeys(),
    tunnel: tunnelPlan,
    leaves: [],
    peers: [
      { name: "nas", tunnelAddress: nas },
      { name: "media", tunnelAddress: media },
    ],
    forwards: firewall.forwards,
    installation: installationOnRelay,
    after: [earlier("nas-uninstall")],
    reverseName: undefined,
    ...change,
  };
}

/** As a program makes it for a relay of its own. */
export function relayHost(): Host {
  const installation = joinInstallations([installationOnRelay, ownRelayInstallation]);
  const args = { title: "the relay", nameOnHost: "Relay", owner, access: stackKeyAccess(), installation };
  return new Host("relay", args, { parent: machine() });
}

/** Stands for the component to which a host belongs. */
export function machine(): pulumi.Resource {
  return new pulumi.ComponentResource("homerelay:test:Machine", "machine");
}

/** Stands for what another component hands over. */
export function earlier(name: string): pulumi.Resource {
  return new command.local.Command(name, { create: "true" });
}
