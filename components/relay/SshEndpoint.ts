import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { SshAdmission } from "../network/sshAdmission.ts";
import { operatorProgram, operatorSecrets } from "../host/OperatorProgram.ts";
import type { RelayKeys } from "./Relay.ts";
import { hostKeysOf, parseNote, withoutLogin } from "./sshEndpointDocument.ts";
import type { SshEndpointDocument, SshEndpointSecrets } from "./sshEndpointDocument.ts";

export interface SshEndpointArgs {
  /** What the user calls the host. */
  readonly title: string;
  /** Where and for whom sshd answers from now on. */
  readonly admission: SshAdmission;
  readonly publicAddress: pulumi.Input<string>;
  readonly tunnelAddress: string;
  /** Those wanted, and how those in use are known. The host key of a first boot opens nothing here: whoever shows it was never set up. */
  readonly keys: Omit<RelayKeys, "firstHost" | "generation">;
  /** What to do when the server is gone or lost. */
  readonly lostMend: string;
}

/**
 * Where SSH comes in at a relay that this stack made. A changed endpoint is opened beside the one before it, ahead of
 * everything that uses the new one: the provider's firewall, reach and all steps. It waits for no server: a new server
 * has its endpoint from its first boot on, and while one is there it can be asked. What `up` has done when it ends
 * half-way is enough to go on from: the endpoints that were used lately are noted in the state, newest first, and the
 * next change tries each.
 *
 * Another admin key is admitted here beside the one before it, which the last step of sshd removes. The note has the one
 * admitted last, sealed; all before it may be gone. The host keys that may be in use by now are noted as well: the new
 * one is handed over when the host is reached, which accepts each of them.
 */
export class SshEndpoint extends command.local.Command {
  readonly host: pulumi.Output<string>;
  readonly port: number;
  /** Another text after each change of the endpoint or of its keys. */
  readonly note: pulumi.Output<string>;
  /** The public host keys that the host may show, that which it is to have first. */
  readonly hostKeys: pulumi.Output<readonly string[]>;

  constructor(name: string, args: SshEndpointArgs, opts: pulumi.CustomResourceOptions = {}) {
    const { port, via, peers } = args.admission;
    const { admin, host: hostKey, first, noteSecret } = args.keys;
    const host = pulumi.output(via === "public" ? args.publicAddress : args.tunnelAddress);
    const { run, environment } = operatorProgram<SshEndpointDocument>("relay/move-ssh-endpoint.ts", {
      title: args.title,
      wanted: { host, port },
      publicAddress: args.publicAddress,
      sshVia: via,
      sshPeers: peers.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]),
      user: "root",
      keys: { admin: admin.publicKey, host: hostKey.publicKey },
      firstKeys: { admin: first.admin.publicKey, host: first.hostPublicKey },
      lostMend: args.lostMend,
    });
    super(
      name,
      {
        create: run,
        environment,
        stdin: operatorSecrets<SshEndpointSecrets>({
          loginKey: admin.privateKey,
          firstLoginKey: first.admin.privateKey,
          noteSecret,
        }),
        addPreviousOutputInEnv: true,
        // Its note is for the next run, not for people.
        logging: "stderr",
        // At another address there is another server, with nothing to come from.
        triggers: [args.publicAddress],
      },
      // What is sealed in the note is no one's to keep.
      { ...opts, additionalSecretOutputs: ["stdout"] },
    );
    this.host = host;
    this.port = port;
    this.note = pulumi.unsecret(this.stdout.apply(withoutLogin));
    this.hostKeys = pulumi.unsecret(
      pulumi
        .all([this.stdout, hostKey.publicKey])
        .apply(([note, wanted]) => hostKeysOf(parseNote(note), wanted)),
    );
  }
}
