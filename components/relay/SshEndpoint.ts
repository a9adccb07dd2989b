import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { SshAdmission } from "../network/sshAdmission.ts";
import { operatorProgram, operatorSecrets } from "../host/OperatorProgram.ts";
import type { SshEndpointDocument, SshEndpointSecrets } from "./sshEndpointDocument.ts";

export interface SshEndpointArgs {
  /** What the user calls the host. */
  readonly title: string;
  /** Where and for whom sshd answers from now on. */
  readonly admission: SshAdmission;
  readonly publicAddress: pulumi.Input<string>;
  readonly tunnelAddress: string;
  /** Private key to log in with, OpenSSH format. */
  readonly privateKey: pulumi.Input<string>;
  /** The public host keys that the host may show. That of a first boot is none: whoever shows it was never set up. */
  readonly hostKeys: readonly pulumi.Input<string>[];
  /** What to do when the server is gone or lost. */
  readonly lostMend: string;
}

/**
 * Where SSH comes in at a relay that this stack made. A changed endpoint is opened beside the one before it, ahead of
 * everything that uses the new one: the provider's firewall, reach and all steps. It waits for no server: a new server
 * has its endpoint from its first boot on, and while one is there it can be asked. What `up` has done when it ends
 * half-way is enough to go on from: the endpoints that were used lately are noted in the state, newest first, and the
 * next change tries each.
 */
export class SshEndpoint extends command.local.Command {
  readonly host: pulumi.Output<string>;
  readonly port: number;
  /** Another text after each change of the endpoint. */
  readonly note: pulumi.Output<string>;

  constructor(name: string, args: SshEndpointArgs, opts: pulumi.CustomResourceOptions = {}) {
    const { port, via, peers } = args.admission;
    const host = pulumi.output(via === "public" ? args.publicAddress : args.tunnelAddress);
    const { run, environment } = operatorProgram<SshEndpointDocument>("relay/move-ssh-endpoint.ts", {
      title: args.title,
      wanted: { host, port },
      publicAddress: args.publicAddress,
      sshVia: via,
      sshPeers: peers.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]),
      user: "root",
      hostKeys: pulumi.all([...args.hostKeys]),
      lostMend: args.lostMend,
    });
    super(
      name,
      {
        create: run,
        environment,
        stdin: operatorSecrets<SshEndpointSecrets>({ loginKey: args.privateKey }),
        addPreviousOutputInEnv: true,
        // At another address there is another server, with nothing to come from.
        triggers: [args.publicAddress],
      },
      opts,
    );
    this.host = host;
    this.port = port;
    this.note = this.stdout;
  }
}
