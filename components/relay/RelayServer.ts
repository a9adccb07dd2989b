import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { Host } from "../host/Host.ts";
import type { SshKeyPair } from "../host/Host.ts";
import { relayAddress } from "../network/addressPlan.ts";
import type { TunnelAddress } from "../network/addressPlan.ts";
import type { Prefix } from "../network/prefix.ts";
import { SshDoor } from "./SshDoor.ts";
import { relaySysctls } from "./sysctls.ts";
import { renderUserData } from "./userData.ts";

const title = "the relay";

const tunnelMend =
  "Its SSH goes through the tunnel (relay.sshVia): is this machine in the tunnel, as one of relay.sshPeers?\n" +
  "A new server has no tunnel yet: first run up with sshVia: public.";

type Wall = pulumi.Resource & { readonly firewallId: pulumi.Input<number> };

export interface RelayServerArgs {
  /** Begins the names of all things in the Hetzner project, for example `home-relay-dev`. */
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
  readonly host: Host;
  readonly wall: Wall;
  /** Another one for another server, also at the same address. */
  readonly serverId: pulumi.Output<string>;

  constructor(name: string, args: RelayServerArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { location, serverType, image, sshPort, sshVia } = args;
    super("homerelay:relay:RelayServer", name, { location, serverType, image, sshPort, sshVia }, opts);

    const ipv4 = this.#createAddress(name, args, "ipv4");
    const ipv6 = this.#createAddress(name, args, "ipv6");
    const sshKey = this.#createSshKey(name, args);
    this.ipv4Address = ipv4.ipAddress;
    const door = this.#createDoor(name, args);
    this.wall = args.createWall([...args.after, door.opened]);
    const server = this.#createServer(name, args, ipv4, ipv6, sshKey, this.wall);

    // Hetzner hands out a /64 and names it by its first address; the server takes the one after that.
    this.ipv6Address = pulumi.interpolate`${ipv6.ipAddress}1`;
    this.serverId = server.id;
    this.host = this.#createHost(name, args, server, door);
    this.registerOutputs({ ipv4Address: this.ipv4Address, ipv6Address: this.ipv6Address });
  }

  #createAddress(name: string, args: RelayServerArgs, type: "ipv4" | "ipv6"): hcloud.PrimaryIp {
    return new hcloud.PrimaryIp(
      `${name}-${type}`,
      { name: `${args.label}-${type}`, type, location: args.location, autoDelete: false },
      // Hetzner keeps names unique, so the old one has to go first.
      { parent: this, deleteBeforeReplace: true, dependsOn: [...args.after] },
    );
  }

  #createSshKey(name: string, args: RelayServerArgs): hcloud.SshKey {
    return new hcloud.SshKey(
      `${name}-ssh-key`,
      { name: args.label, publicKey: args.keys.adminSshKey.publicKey },
      { parent: this, deleteBeforeReplace: true, dependsOn: [...args.after] },
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
        image: args.image,
        sshKeys: [sshKey.id],
        firewallIds: [wall.firewallId],
        publicNets: [
          { ipv4Enabled: true, ipv4: ipv4.id.apply(Number), ipv6Enabled: true, ipv6: ipv6.id.apply(Number) },
        ],
        userData: pulumi.secret(userData),
      },
      // An edit of what only a first boot reads must not cost the server.
      { parent: this, ignoreChanges: ["userData"], dependsOn: [...args.after] },
    );
  }

  #createHost(name: string, args: RelayServerArgs, server: hcloud.Server, door: SshDoor): Host {
    return new Host(
      `${name}-host`,
      {
        title,
        role: "relay",
        access: {
          host: door.host,
          port: door.port,
          privateKey: args.keys.adminSshKey.privateKey,
          hostKey: args.keys.hostSshKey,
          firstHostKey: args.keys.firstHostSshKey.publicKey,
        },
        files: [{ name: "/etc/sysctl.d/60-homerelay.conf", text: relaySysctls }],
        triggers: [door.note],
        ...(args.sshVia === "tunnel" ? { silenceMend: tunnelMend } : {}),
      },
      { parent: this, machine: server, dependsOn: server },
    );
  }
}
