import * as command from "@pulumi/command";
import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { Host } from "../host/Host.ts";
import type { StepArgs } from "../host/Host.ts";
import { operatorProgram, operatorSecrets } from "../host/OperatorProgram.ts";
import { SshEndpoint } from "../relay/SshEndpoint.ts";
import { addressesOf, relayAddress } from "../network/addressPlan.ts";
import { joinInstallations } from "../network/installation.ts";
import type { Prefix } from "../network/prefix.ts";
import type { SshAdmission } from "../network/sshAdmission.ts";
import { ownRelayInstallation } from "../relay/installation.ts";
import type { Relay, RentedRelayPlan } from "../relay/Relay.ts";
import { relayNameOnHost, relayTitle } from "../relay/relayName.ts";
import { renderSshdStep } from "../relay/sshdConfig.ts";
import { renderUserData } from "../relay/userData.ts";
import type { HetznerAccess } from "./hetznerAccess.ts";
import { labelsOf } from "./ownerLabel.ts";
import { renderProviderRules } from "./providerRules.ts";
import type { StrayServerAsker, StrayServerDocument } from "./strayServerDocument.ts";

/** `server` names the resource, so that no other stack's is replaced with it. */
const otherMachineMend = (server: string) =>
  `This stack gave the server its key, so this is another machine, or one set up anew by hand. To begin with
a new server at the same address:  pulumi up --replace '**${server}'`;

const silenceMend = {
  public: (server: string) =>
    `Look at it in Hetzner's console. Is it off? Then switch it on. Did it never come up? Then take
a new server at the same address:  pulumi up --replace '**${server}'`,
  tunnel:
    () => `Its SSH goes through the tunnel (relay.sshVia): is this machine in the tunnel, as one of relay.sshPeers?
A new server has no tunnel yet: first run up with sshVia: public.`,
};

export interface HetznerRelayArgs {
  readonly plan: RentedRelayPlan;
  /** Hetzner's names. */
  readonly location: string;
  readonly serverType: string;
  readonly image: string;
  /** TCP port of sshd. */
  readonly sshPort: number;
  /** Who may open an SSH connection from outside. */
  readonly adminCidrs: readonly Prefix[];
  /** Whether this program comes in at the public address or through the tunnel. */
  readonly sshVia: "public" | "tunnel";
  /** Names of the homes and devices that may open an SSH connection through the tunnel. */
  readonly sshPeers: readonly string[];
  /** How Hetzner's API is asked for a server that is left. */
  readonly api: HetznerAccess<pulumi.Input<string>>;
}

/**
 * The VPS at Hetzner. Its two addresses are made first and outlive it: names and both ends of the tunnel depend on
 * the addresses only, so a new server takes the old one's place.
 */
export class HetznerRelay extends pulumi.ComponentResource implements Relay {
  readonly ipv4Address: pulumi.Output<string>;
  readonly ipv6Address: pulumi.Output<string>;
  readonly host: Host;
  /** With the server's type: a change of that restarts it. */
  readonly machineId: pulumi.Output<string>;
  readonly ssh: SshAdmission;
  readonly isShared = false;
  readonly open: readonly pulumi.Resource[];
  /** Last in a change of its port or its keys: until here sshd listens on the port before and admits the key before as well. */
  readonly sshd: StepArgs;
  /** The server goes as a whole. */
  readonly outlives: undefined;
  readonly #name: string;
  readonly #plan: RentedRelayPlan;
  readonly #labels: Record<string, pulumi.Input<string>>;

  constructor(name: string, args: HetznerRelayArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { plan, location, serverType, image, sshPort, sshVia } = args;
    const adminCidrs = args.adminCidrs.map(({ text }) => text);
    const { sshPeers } = args;
    const shown = { location, serverType, image, sshPort, sshVia, adminCidrs };
    super(
      "homerelay:hetzner:HetznerRelay",
      name,
      sshPeers.length === 0 ? shown : { ...shown, sshPeers },
      opts,
    );
    this.#name = name;
    this.#plan = plan;
    this.#labels = labelsOf(plan.label, plan.owner.id);
    const peers = addressesOf(args.sshPeers, plan.peers);
    this.ssh = { port: sshPort, via: sshVia, adminCidrs: args.adminCidrs, peers };
    const ipv4 = this.#createAddress("ipv4", location);
    const ipv6 = this.#createAddress("ipv6", location);
    this.ipv4Address = ipv4.ipAddress;
    // Hetzner hands out a /64 and names it by its first address; the server takes the one after that.
    this.ipv6Address = pulumi.interpolate`${ipv6.ipAddress}1`;
    const sshKey = this.#createSshKey();
    const strayServer = this.#createStrayServerCheck(args.api, [ipv4, ipv6]);
    const endpoint = this.#createSshEndpoint();
    const firewall = this.#createFirewall(endpoint);
    this.open = [firewall];
    const server = this.#createServer(args, ipv4, ipv6, sshKey, firewall, strayServer);
    this.machineId = pulumi.interpolate`${server.id} ${serverType}`;
    this.host = this.#createHost(serverType, server, endpoint);
    this.sshd = {
      script: "apply-sshd.sh",
      arguments: [],
      document: pulumi
        .output(plan.keys.admin.publicKey)
        .apply((adminKey) => renderSshdStep(sshPort, adminKey)),
    };
    if (plan.reverseName !== undefined) {
      this.#createReverseName("ipv4", plan.reverseName, ipv4.id, this.ipv4Address);
      this.#createReverseName("ipv6", plan.reverseName, ipv6.id, this.ipv6Address);
    }
    this.registerOutputs({ ipv4Address: this.ipv4Address, ipv6Address: this.ipv6Address });
  }

  #createAddress(type: "ipv4" | "ipv6", location: string): hcloud.PrimaryIp {
    return new hcloud.PrimaryIp(
      `${this.#name}-${type}`,
      {
        // No name, so that it gets one that no other has: an address is bound to its location and goes only after its
        // server, so several may be there for a while.
        labels: this.#labels,
        type,
        location,
        autoDelete: false,
      },
      { parent: this, dependsOn: [...this.#plan.after] },
    );
  }

  #createSshKey(): hcloud.SshKey {
    const { label, keys, after } = this.#plan;
    const { generation } = keys;
    // One beside that of before: a server notes which it was made with, and another there would be another server.
    // No stack's name has an @.
    const [suffix, mark] = generation === 1 ? ["", ""] : [`-${generation}`, `@${generation}`];
    return new hcloud.SshKey(
      `${this.#name}-ssh-key${suffix}`,
      { name: `${label}${mark}`, labels: this.#labels, publicKey: keys.admin.publicKey },
      { parent: this, deleteBeforeReplace: true, dependsOn: [...after] },
    );
  }

  /**
   * Looks for what a pulumi that was ended at once has left at Hetzner: between the addresses and the server it warns of an
   * address that the stack does not go by; and when it is deleted, in the same place, it fails for a server. A refresh
   * would let the provider free the addresses of any server, so nothing else would notice it.
   */
  #createStrayServerCheck(
    api: HetznerAccess<pulumi.Input<string>>,
    addresses: readonly hcloud.PrimaryIp[],
  ): pulumi.Resource {
    const { label, owner, after, leaves } = this.#plan;
    const { endpoint, token } = api;
    const { run, environment } = operatorProgram<StrayServerDocument>("hetzner/find-stray-server.ts", {
      server: label,
      addresses: pulumi.all(addresses.map(({ id }) => id)),
      leaves: leaves.length === 0 ? undefined : leaves,
    });
    return new command.local.Command(
      `${this.#name}-stray-server`,
      {
        create: `${run} addresses`,
        delete: run,
        // Through the proxy, if there is one that the provider would use.
        environment: { ...environment, NODE_USE_ENV_PROXY: "1" },
        stdin: operatorSecrets<StrayServerAsker>({ endpoint, token, stackId: owner.id }),
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: [...after, ...addresses] },
    );
  }

  #createSshEndpoint(): SshEndpoint {
    const { keys, tunnel } = this.#plan;
    return new SshEndpoint(
      `${this.#name}-ssh-endpoint`,
      {
        title: relayTitle,
        admission: this.ssh,
        publicAddress: this.ipv4Address,
        tunnelAddress: relayAddress(tunnel.prefix4, tunnel.prefix6).ipv4,
        keys,
        lostMend: `If the server is gone, a new one takes its place with
  pulumi up --refresh --replace '**${this.#name}-ssh-endpoint'
and if it is there and lost, with  --replace '**${this.#name}-server'  besides.`,
      },
      { parent: this },
    );
  }

  /**
   * Hetzner's firewall before the server, with the same openings as the relay's own. On a server that is there already
   * it changes once the endpoint for SSH is open; a server that is not there yet is made behind it.
   */
  #createFirewall(endpoint: SshEndpoint): hcloud.Firewall {
    const { label, tunnel, forwards, after } = this.#plan;
    const rules = renderProviderRules({ sshPort: this.ssh.port, listenPort: tunnel.listenPort, forwards });
    return new hcloud.Firewall(
      `${this.#name}-provider-firewall`,
      {
        name: label,
        labels: this.#labels,
        rules: rules.map(({ port, sourceIps, ...rule }) => ({
          ...rule,
          sourceIps: [...sourceIps],
          ...(port === undefined ? {} : { port }),
        })),
      },
      { parent: this, dependsOn: [...after, endpoint] },
    );
  }

  #createServer(
    { location, serverType, image, sshPort }: HetznerRelayArgs,
    ipv4: hcloud.PrimaryIp,
    ipv6: hcloud.PrimaryIp,
    sshKey: hcloud.SshKey,
    firewall: hcloud.Firewall,
    strayServer: pulumi.Resource,
  ): hcloud.Server {
    const { label, keys, after } = this.#plan;
    const { packages } = joinInstallations([this.#plan.installation, ownRelayInstallation]);
    const userData = pulumi
      .all([keys.admin.publicKey, keys.firstHost.privateKey, keys.firstHost.publicKey])
      .apply(([adminPublicKey, hostPrivateKey, hostPublicKey]) =>
        renderUserData({ sshPort, adminPublicKey, hostPrivateKey, hostPublicKey, packages }),
      );
    return new hcloud.Server(
      `${this.#name}-server`,
      {
        name: label,
        labels: this.#labels,
        location,
        serverType,
        // A disk that grew with its type could never become a smaller type again.
        keepDisk: true,
        image,
        sshKeys: [sshKey.id],
        firewallIds: [firewall.id.apply(Number)],
        publicNets: [
          { ipv4Enabled: true, ipv4: ipv4.id.apply(Number), ipv6Enabled: true, ipv6: ipv6.id.apply(Number) },
        ],
        userData: pulumi.secret(userData),
      },
      {
        parent: this,
        // An edit of what only a first boot reads must not cost the server. One that is made anew gets that of today.
        ignoreChanges: ["userData", "sshKeys"],
        // Two servers cannot have one name and one address; `pulumi up --replace` would try.
        deleteBeforeReplace: true,
        dependsOn: [...after, strayServer],
      },
    );
  }

  #createHost(serverType: string, server: hcloud.Server, endpoint: SshEndpoint): Host {
    const { keys, owner, installation, tunnel } = this.#plan;
    return new Host(
      this.#name,
      {
        title: relayTitle,
        nameOnHost: relayNameOnHost,
        owner,
        access: {
          host: endpoint.host,
          port: endpoint.port,
          privateKey: keys.admin.privateKey,
          hostKey: keys.host,
          hostKeys: endpoint.hostKeys,
          firstHostKey: keys.firstHost.publicKey,
          machine: server.id,
          // One that Hetzner could not even start counts as made; it is off, and will not answer later either.
          bootSeconds: server.status.apply((status) => (status === "off" ? 30 : 300)),
          silenceMend: silenceMend[this.ssh.via](`${this.#name}-server`),
          otherMachineMend: otherMachineMend(`${this.#name}-server`),
        },
        installation: joinInstallations([installation, ownRelayInstallation]),
        listenPort: tunnel.listenPort,
        restarts: [serverType],
        triggers: [server.id, endpoint.note],
      },
      { parent: this, dependsOn: [server] },
    );
  }

  /** It belongs to the address, so that it stays when the server is replaced. */
  #createReverseName(
    type: "ipv4" | "ipv6",
    dnsPtr: string,
    primaryIp: pulumi.Output<string>,
    ipAddress: pulumi.Output<string>,
  ): void {
    new hcloud.Rdns(
      `${this.#name}-${type}-reverse-name`,
      { primaryIpId: primaryIp.apply(Number), ipAddress, dnsPtr },
      { parent: this, deleteBeforeReplace: true, dependsOn: [...this.#plan.after] },
    );
  }
}
