import * as command from "@pulumi/command";
import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { Host } from "../host/Host.ts";
import type { Owner, SshKeyPair } from "../host/Host.ts";
import { relayAddress } from "../network/addressPlan.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Prefix } from "../network/prefix.ts";
import { ownerLabel } from "./ownerLabel.ts";
import { SshDoor } from "../host/SshDoor.ts";
import { relaySysctls } from "../relay/sysctls.ts";
import { renderUserData } from "../relay/userData.ts";

const title = "the relay";

const tunnelMend =
  "Its SSH goes through the tunnel (relay.sshVia): is this machine in the tunnel, as one of relay.sshPeers?\n" +
  "A new server has no tunnel yet: first run up with sshVia: public.";

type Wall = pulumi.Resource & { readonly firewallId: pulumi.Input<number> };

export interface RelayServerArgs {
  /** Names the things in the Hetzner project, or is their label, for example `home-relay-dev`. */
  readonly label: string;
  /** Hetzner's names. */
  readonly location: string;
  readonly serverType: string;
  readonly image: string;
  /** TCP port of sshd. */
  readonly sshPort: number;
  /** Whether this program comes in at the public address or through the tunnel. */
  readonly sshVia: "public" | "tunnel";
  /** Who may open an SSH connection through the tunnel. */
  readonly sshPeers: readonly TunnelAddress[];
  /** The tunnel's addresses. */
  readonly prefix4: Prefix;
  readonly prefix6: Prefix;
  readonly keys: {
    /** What this stack logs in with. */
    readonly adminSshKey: SshKeyPair;
    /** The host key that the server boots with, and the one that replaces it at the first contact. */
    readonly firstHostSshKey: SshKeyPair;
    readonly hostSshKey: SshKeyPair;
  };
  readonly owner: Owner;
  /** How Hetzner's API is asked. */
  readonly hetzner: {
    /** Secret; empty: where it is in the environment. */
    readonly token: pulumi.Input<string>;
    /** Its base address. */
    readonly endpoint: string;
  };
  /**
   * Makes the firewall before the server, of which Hetzner's id is wanted. It comes in the middle: when the door for
   * SSH is open on a server that is there already, and before a server that is not.
   */
  readonly createWall: (after: readonly pulumi.Resource[]) => Wall;
  /** What `pulumi destroy` removes only after the server. */
  readonly after: readonly pulumi.Resource[];
}

/**
 * The VPS at Hetzner. Its two addresses are made first and outlive it: names and both ends of the tunnel depend on
 * the addresses only, so a new server takes the old one's place.
 */
export class RelayServer extends pulumi.ComponentResource {
  readonly ipv4Address: pulumi.Output<string>;
  readonly ipv6Address: pulumi.Output<string>;
  /** Hetzner's ids of the two addresses. */
  readonly primaryIps: { readonly ipv4: pulumi.Output<number>; readonly ipv6: pulumi.Output<number> };
  readonly host: Host;
  /** The firewall before the server lets strangers in. */
  readonly open: Wall;
  /** Another one for another server, also at the same address, and for one that a change of its type has restarted. */
  readonly serverId: pulumi.Output<string>;

  constructor(name: string, args: RelayServerArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { location, serverType, image, sshPort, sshVia } = args;
    super("homerelay:relay:RelayServer", name, { location, serverType, image, sshPort, sshVia }, opts);

    const ipv4 = this.#createAddress(name, args, "ipv4");
    const ipv6 = this.#createAddress(name, args, "ipv6");
    const sshKey = this.#createSshKey(name, args);
    const watch = this.#createWatch(name, args, [ipv4, ipv6]);
    this.ipv4Address = ipv4.ipAddress;
    const door = this.#createDoor(name, args);
    this.open = args.createWall([...args.after, door.opened]);
    const after = [...args.after, watch];
    const server = this.#createServer(name, { ...args, after }, ipv4, ipv6, sshKey, this.open);

    // Hetzner hands out a /64 and names it by its first address; the server takes the one after that.
    this.ipv6Address = pulumi.interpolate`${ipv6.ipAddress}1`;
    this.primaryIps = { ipv4: ipv4.id.apply(Number), ipv6: ipv6.id.apply(Number) };
    this.serverId = pulumi.interpolate`${server.id} ${serverType}`;
    this.host = this.#createHost(name, args, server, door);
    this.registerOutputs({ ipv4Address: this.ipv4Address, ipv6Address: this.ipv6Address });
  }

  #createAddress(name: string, args: RelayServerArgs, type: "ipv4" | "ipv6"): hcloud.PrimaryIp {
    return new hcloud.PrimaryIp(
      `${name}-${type}`,
      {
        // No name, so that it gets one that no other has: an address is bound to its location and goes only after its
        // server, so several may be there for a while.
        labels: { [ownerLabel]: args.label },
        type,
        location: args.location,
        autoDelete: false,
      },
      { parent: this, dependsOn: [...args.after] },
    );
  }

  #createSshKey(name: string, args: RelayServerArgs): hcloud.SshKey {
    return new hcloud.SshKey(
      `${name}-ssh-key`,
      { name: args.label, publicKey: args.keys.adminSshKey.publicKey },
      { parent: this, deleteBeforeReplace: true, dependsOn: [...args.after] },
    );
  }

  /**
   * Does nothing until it is deleted, between the server and its addresses: then it fails for a server that is left. A
   * refresh would let the provider free the addresses of any server, so nothing else would notice it.
   */
  #createWatch(
    name: string,
    { label, hetzner, after }: RelayServerArgs,
    addresses: readonly pulumi.Resource[],
  ): pulumi.Resource {
    return new command.local.Command(
      `${name}-stray-server`,
      {
        create: "true",
        delete: "sh components/hetzner/find-stray-server.sh",
        environment: { SERVER: label, ENDPOINT: hetzner.endpoint },
        stdin: pulumi.secret(hetzner.token),
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: [...after, ...addresses] },
    );
  }

  #createDoor(name: string, args: RelayServerArgs): SshDoor {
    const { adminSshKey, firstHostSshKey, hostSshKey } = args.keys;
    return new SshDoor(
      `${name}-ssh-door`,
      {
        ...args,
        title,
        publicAddress: this.ipv4Address,
        tunnelAddress: relayAddress(args.prefix4, args.prefix6).ipv4,
        privateKey: adminSshKey.privateKey,
        hostKeys: [firstHostSshKey.publicKey, hostSshKey.publicKey],
      },
      { parent: this },
    );
  }

  #createServer(
    name: string,
    args: RelayServerArgs,
    ipv4: hcloud.PrimaryIp,
    ipv6: hcloud.PrimaryIp,
    sshKey: hcloud.SshKey,
    wall: Wall,
  ): hcloud.Server {
    const userData = pulumi
      .all([
        args.keys.adminSshKey.publicKey,
        args.keys.firstHostSshKey.privateKey,
        args.keys.firstHostSshKey.publicKey,
      ])
      .apply(([adminPublicKey, hostPrivateKey, hostPublicKey]) =>
        renderUserData({ sshPort: args.sshPort, adminPublicKey, hostPrivateKey, hostPublicKey }),
      );
    return new hcloud.Server(
      `${name}-server`,
      {
        name: args.label,
        location: args.location,
        serverType: args.serverType,
        // A disk that grew with its type could never become a smaller type again.
        keepDisk: true,
        image: args.image,
        sshKeys: [sshKey.id],
        firewallIds: [wall.firewallId],
        publicNets: [
          { ipv4Enabled: true, ipv4: ipv4.id.apply(Number), ipv6Enabled: true, ipv6: ipv6.id.apply(Number) },
        ],
        userData: pulumi.secret(userData),
      },
      {
        parent: this,
        // An edit of what only a first boot reads must not cost the server.
        ignoreChanges: ["userData"],
        // Two servers cannot have one name and one address; `pulumi up --replace` would try.
        deleteBeforeReplace: true,
        dependsOn: [...args.after],
      },
    );
  }

  #createHost(name: string, args: RelayServerArgs, server: hcloud.Server, door: SshDoor): Host {
    return new Host(
      `${name}-host`,
      {
        title,
        role: "relay",
        owner: args.owner,
        access: {
          host: door.host,
          port: door.port,
          privateKey: args.keys.adminSshKey.privateKey,
          hostKey: args.keys.hostSshKey,
          firstHostKey: args.keys.firstHostSshKey.publicKey,
        },
        files: [{ name: "/etc/sysctl.d/60-homerelay.conf", text: relaySysctls }],
        restarts: [args.serverType],
        // One that Hetzner could not even start counts as made; it is off, and will not answer later either.
        bootSeconds: server.status.apply((status) => (status === "off" ? 30 : 300)),
        triggers: [door.note],
        ...(args.sshVia === "tunnel" ? { silenceMend: tunnelMend } : {}),
      },
      { parent: this, machine: server, dependsOn: server },
    );
  }
}
