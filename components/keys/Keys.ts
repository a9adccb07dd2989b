import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { KeyPair, PeerKeys, SshKeyPair } from "../network/keys.ts";
import { derivePresharedKey, deriveSshKey, deriveStackId, deriveWireguardKey } from "./deriveKeys.ts";

export interface KeysArgs {
  /** Names of the peers, each once. @example ["nas"] */
  readonly peers: readonly string[];
  /** A new number gives new WireGuard keys everywhere. The SSH keys stay: a new one would replace the server. */
  readonly generation: number;
}

/** Every key of the stack, derived from random texts that live, encrypted, in its state and nowhere else. */
export class Keys extends pulumi.ComponentResource {
  /** WireGuard, base64. */
  readonly relay: KeyPair<pulumi.Output<string>>;
  /** The key with which this program logs in to the relay: OpenSSH's private file, and the public line. */
  readonly adminSshKey: SshKeyPair<pulumi.Output<string>>;
  /**
   * The host key with which the relay is born, so that even the first connection is pinned. It travels in the
   * server's user data, which any process on the server can read, so `hostSshKey` takes its place at once.
   */
  readonly firstHostSshKey: SshKeyPair<pulumi.Output<string>>;
  /** The host key by which the relay proves itself from then on. */
  readonly hostSshKey: SshKeyPair<pulumi.Output<string>>;
  /** What a host is told that this stack owns it by; public. */
  readonly stackId: pulumi.Output<string>;
  readonly #peers: ReadonlyMap<string, PeerKeys<pulumi.Output<string>>>;

  constructor(name: string, args: KeysArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homerelay:keys:Keys", name, args, opts);
    const keepers = { generation: String(args.generation) };
    this.relay = wireguardPair(this.#createSeed(`${name}-relay`, keepers), "wireguard relay");
    this.#peers = new Map(args.peers.map((peer) => [peer, this.#createPeer(name, peer, keepers)]));
    const ssh = this.#createSeed(`${name}-ssh`);
    this.adminSshKey = sshPair(ssh, "ssh admin", "home-relay-admin");
    this.firstHostSshKey = sshPair(ssh, "ssh first host", "home-relay-first");
    this.hostSshKey = sshPair(ssh, "ssh host", "home-relay");
    this.stackId = this.adminSshKey.publicKey.apply(deriveStackId);
    this.registerOutputs({
      relayPublicKey: this.relay.publicKey,
      peerPublicKeys: Object.fromEntries([...this.#peers].map(([peer, { publicKey }]) => [peer, publicKey])),
      adminSshPublicKey: this.adminSshKey.publicKey,
      firstHostSshPublicKey: this.firstHostSshKey.publicKey,
      hostSshPublicKey: this.hostSshKey.publicKey,
    });
  }

  /** The keys of a peer that was named in `peers`; throws an `Error` for any other name. */
  peer(name: string): PeerKeys<pulumi.Output<string>> {
    const keys = this.#peers.get(name);
    if (keys === undefined) throw new Error(`no keys were made for a peer named "${name}"`);
    return keys;
  }

  #createPeer(name: string, peer: string, keepers: Record<string, string>): PeerKeys<pulumi.Output<string>> {
    const seed = this.#createSeed(`${name}-peer-${peer}`, keepers);
    return {
      ...wireguardPair(seed, "wireguard peer"),
      presharedKey: seed.apply((text) => derivePresharedKey(text, "wireguard preshared key")),
    };
  }

  /** Not `RandomBytes`: its id is its value, and ids are stored and shown in clear. */
  #createSeed(name: string, keepers?: Record<string, string>): pulumi.Output<string> {
    const args = { length: 64, special: false, ...(keepers === undefined ? {} : { keepers }) };
    return pulumi.secret(new random.RandomPassword(name, args, { parent: this }).result);
  }
}

function wireguardPair(seed: pulumi.Output<string>, info: string): KeyPair<pulumi.Output<string>> {
  const key = seed.apply((text) => deriveWireguardKey(text, info));
  return { privateKey: key.privateKey, publicKey: publish(key.publicKey) };
}

function sshPair(seed: pulumi.Output<string>, info: string, comment: string): KeyPair<pulumi.Output<string>> {
  const key = seed.apply((text) => deriveSshKey(text, info, comment));
  return { privateKey: key.privateKeyOpenssh, publicKey: publish(key.publicKey) };
}

/** The one place where something derived from a secret stops being one: only public keys come here. */
function publish(publicKey: pulumi.Output<string>): pulumi.Output<string> {
  return pulumi.unsecret(publicKey);
}
