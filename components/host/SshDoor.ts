import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { TunnelAddress } from "../network/addressPlan.ts";

export interface SshDoorArgs {
  /** What the user calls the relay. */
  readonly title: string;
  /** TCP port of sshd. */
  readonly sshPort: number;
  /** Whether this program connects to the public address or to the one in the tunnel. */
  readonly sshVia: "public" | "tunnel";
  /** Who may connect through the tunnel. */
  readonly sshPeers: readonly TunnelAddress[];
  readonly publicAddress: pulumi.Input<string>;
  readonly tunnelAddress: string;
  /** Private key to log in with, OpenSSH format. */
  readonly privateKey: pulumi.Input<string>;
  /** The public host keys that the relay may show: of its first boot, and the lasting one. */
  readonly hostKeys: readonly pulumi.Input<string>[];
}

/**
 * Where SSH comes in at the relay. A changed door is opened beside the one before it, ahead of everything that goes by
 * the new one: the provider's firewall, reach and all steps. It waits for no server: a new server has its door from its
 * first boot on, and while one is there it can be asked. What `up` has done when it ends half-way is enough to go on
 * from: the doors that were used lately are noted in the state, newest first, and the next change tries each.
 */
export class SshDoor extends pulumi.ComponentResource {
  readonly host: pulumi.Output<string>;
  readonly port: number;
  /** The door is open, or will be when the server first boots. */
  readonly opened: pulumi.Resource;
  /** Another one after each change of the door. */
  readonly note: pulumi.Output<string>;

  constructor(name: string, args: SshDoorArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { sshPort, sshVia } = args;
    super("homerelay:relay:SshDoor", name, { sshPort, sshVia }, opts);
    this.host = pulumi.output(sshVia === "public" ? args.publicAddress : args.tunnelAddress);
    this.port = sshPort;
    const opened = new command.local.Command(
      name,
      {
        create: "sh components/host/move-ssh-door.sh",
        environment: {
          WAY: "ssh",
          JUMP_HOST: "",
          NAME: args.title,
          DOOR: pulumi.interpolate`${this.host} ${sshPort}`,
          PUBLIC_ADDRESS: args.publicAddress,
          SSH_VIA: sshVia,
          SSH_PEERS: args.sshPeers.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]).join(" "),
          LOGIN: "root",
          HOST_KEYS: pulumi.all([...args.hostKeys]).apply((keys) => keys.join("\n")),
        },
        stdin: pulumi.secret(args.privateKey),
        addPreviousOutputInEnv: true,
        // At another address there is another server, with nothing to come from.
        triggers: [args.publicAddress],
      },
      { parent: this },
    );
    this.opened = opened;
    this.note = opened.stdout;
    this.registerOutputs({});
  }
}
