import type { SshAccess } from "../network/sshAccess.ts";
import type { Draft, Known, Place } from "./place.ts";
import type { Kind } from "./readers.ts";

/** The `relay` section of one provider. */
export interface RelaySection<S extends object> extends Kind<Draft<S>> {
  /** What the rest of the stack file is checked against, of the parts that were read. */
  readonly compare: (relay: Known<S>, place: Place) => ComparedRelay;
}

/** What a relay may share with nobody else in the stack file, whoever its provider is. */
export interface ComparedRelay {
  /** TCP port of the relay's own sshd; `undefined` where that was refused. */
  readonly sshPort: number | undefined;
  /** What to do in order to publish that port, as the end of a sentence: `move SSH away with home-relay:relay.sshPort`. */
  readonly moveSsh: string;
  /** The keys of these names; `undefined`: the provider has none, and nobody is let in through the tunnel. */
  readonly sshThroughTunnel:
    | {
        readonly sshVia: "public" | "tunnel" | undefined;
        /** Names of homes and devices. */
        readonly sshPeers: readonly string[] | undefined;
      }
    | undefined;
  /** Names of homes and devices; `undefined`: the provider has no such key. */
  readonly metricsPeers?: readonly string[] | undefined;
  /** The user's own machine, which may not be a home besides; `undefined`: the provider makes one. */
  readonly machine: Pick<Known<SshAccess>, "host" | "port" | "hostKey"> | undefined;
}
