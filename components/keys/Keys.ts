import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { KeyPair, PeerKeys, SshKeyPair } from "../network/keys.ts";
import { derivePresharedKey, deriveSshKey, deriveStackId, deriveWireguardKey } from "./deriveKeys.ts";

export interface KeysArgs {
  /** Names of the peers, each once. @example ["nas"] */
  readonly peers: readonly string[];
  /** A new number gives new WireGuard keys everywhere; the one before it gives those of before. */
  readonly generation: number;
  /** Another number gives other SSH keys; 1 always gives the first ones. */
  readonly sshGeneration: number;
}

/**
 * Every key of the stack, derived from random texts that live, encrypted, in its state and nowhere else.
 *
 * Each end of the tunnel has a seed that never changes. A generation after the first has a seed of its own besides, for
 * all: keys of a generation come from both, so that whoever knows those of an earlier one knows nothing of them. The seed
 * of the generation before stays as well, for the number may go back.
 */
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
  /** The admin key of the first generation, whatever the generation is. */
  readonly firstAdminSshKey: SshKeyPair<pulumi.Output<string>>;
  /** The public host key of the first generation. */
  readonly firstGenerationHostKey: pulumi.Output<string>;
  /** With it the admin key in use is sealed in a note. No admin key leads to it. */
  readonly sshNoteSecret: pulumi.Output<string>;
  /** What a host is told that this stack owns it by; public. */
  readonly stackId: pulumi.Output<string>;
  readonly #peers: ReadonlyMap<string, PeerKeys<pulumi.Output<string>>>;

  constructor(name: string, args: KeysArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homerelay:keys:Keys", name, args, opts);
    const { generation, sshGeneration } = args;
    const ofGeneration = [generation, generation - 1].map((number) =>
      this.#createGeneration(name, number),
    )[0];
    this.relay = wireguardPair(
      this.#createWireguardSeed(`${name}-relay`, generation, ofGeneration),
      "wireguard relay",
    );
    this.#peers = new Map(
      args.peers.map((peer) => {
        const seed = this.#createWireguardSeed(`${name}-peer-${peer}`, generation, ofGeneration);
        return [peer, peerKeys(seed)];
      }),
    );
    const first = pulumi.secret(this.#createSeed(`${name}-ssh`).result);
    const ssh = this.#createSshSeed(name, sshGeneration, first);
    this.adminSshKey = adminPair(ssh);
    this.firstHostSshKey = sshPair(ssh, "ssh first host", "home-relay-first");
    this.hostSshKey = hostPair(ssh);
    this.firstAdminSshKey = adminPair(first);
    this.firstGenerationHostKey = hostPair(first).publicKey;
    this.sshNoteSecret = first.apply((seed) => derivePresharedKey(seed, "ssh note"));
    this.stackId = this.firstAdminSshKey.publicKey.apply(deriveStackId);
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

  /** The first generation needs none: an end's own seed is enough. */
  #createGeneration(name: string, number: number): pulumi.Output<string> | undefined {
    return number < 2 ? undefined : pulumi.secret(this.#createSeed(`${name}-generation-${number}`).result);
  }

  /** A generation after the first has a seed of its own besides: who knows the keys of one knows none of another. */
  #createSshSeed(name: string, generation: number, first: pulumi.Output<string>): pulumi.Output<string> {
    if (generation < 2) return first;
    const more = this.#createSeed(`${name}-ssh-generation-${generation}`).result;
    return pulumi.secret(pulumi.interpolate`${first} ${more}`);
  }

  /**
   * What an end's keys of this generation come from: its own seed, with the generation's. Versions before this one made
   * another seed for each generation, and noted its number: that number's keys come from that seed alone, as they did.
   */
  #createWireguardSeed(
    name: string,
    generation: number,
    ofGeneration: pulumi.Output<string> | undefined,
  ): pulumi.Output<string> {
    const own = this.#createSeed(name, { generation: "1" });
    return pulumi.secret(
      pulumi
        .all([own.result, own.keepers, ofGeneration ?? ""])
        .apply(([seed, keepers, more]) =>
          more === "" || keepers?.["generation"] === String(generation) ? seed : `${seed} ${more}`,
        ),
    );
  }

  /** Not `RandomBytes`: its id is its value, and ids are stored and shown in clear. */
  #createSeed(name: string, keepers?: Record<string, string>): random.RandomPassword {
    const args = { length: 64, special: false, ...(keepers === undefined ? {} : { keepers }) };
    return new random.RandomPassword(name, args, { parent: this, ignoreChanges: keepers ? ["keepers"] : [] });
  }
}

function peerKeys(seed: pulumi.Output<string>): PeerKeys<pulumi.Output<string>> {
  return {
    ...wireguardPair(seed, "wireguard peer"),
    presharedKey: seed.apply((text) => derivePresharedKey(text, "wireguard preshared key")),
  };
}

function wireguardPair(seed: pulumi.Output<string>, info: string): KeyPair<pulumi.Output<string>> {
  const key = seed.apply((text) => deriveWireguardKey(text, info));
  return { privateKey: key.privateKey, publicKey: publish(key.publicKey) };
}

function adminPair(seed: pulumi.Output<string>): SshKeyPair<pulumi.Output<string>> {
  return sshPair(seed, "ssh admin", "home-relay-admin");
}

function hostPair(seed: pulumi.Output<string>): SshKeyPair<pulumi.Output<string>> {
  return sshPair(seed, "ssh host", "home-relay");
}

function sshPair(seed: pulumi.Output<string>, info: string, comment: string): KeyPair<pulumi.Output<string>> {
  const key = seed.apply((text) => deriveSshKey(text, info, comment));
  return { privateKey: key.privateKeyOpenssh, publicKey: publish(key.publicKey) };
}

/** The one place where something derived from a secret stops being one: only public keys come here. */
function publish(publicKey: pulumi.Output<string>): pulumi.Output<string> {
  return pulumi.unsecret(publicKey);
}
