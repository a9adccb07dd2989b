import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { preparation } from "../host/Host.ts";
import type { Owner } from "../host/Host.ts";
import { renderForward } from "../network/forward.ts";
import { listProbes, renderProbes } from "../reachability/probes.ts";
import { joinCommand, renderGuardDocument, renderKeyDocument, renderTunnelDocument } from "./documents.ts";
import type { CalledRelay, HomeKeys, HomePlan } from "./documents.ts";
import { renderHomeScript } from "./homeScript.ts";
import { renderPlainWireguard } from "./plainWireguard.ts";

export interface ManualHomeArgs extends HomePlan {
  /** What the user calls the home. */
  readonly name: string;
  readonly owner: Owner;
  readonly keys: { readonly privateKey: pulumi.Input<string>; readonly presharedKey: pulumi.Input<string> };
  readonly relay: {
    readonly publicKey: pulumi.Input<string>;
    /** The relay's public IPv4 address. */
    readonly ipv4Address: pulumi.Input<string>;
  };
}

/** What the owner of such a home gets. */
export interface HandOver {
  /** `sudo bash nas.sh install | remove | status`. */
  readonly script: string;
  /** A plain WireGuard configuration, for what is no Debian. */
  readonly wireguard: string;
}

/** A home that nothing contacts: its owner runs a script there. */
export class ManualHome extends pulumi.ComponentResource {
  /** The stack's output for it: both texts of `HandOver`, secret, and what to do with them. */
  readonly handOver: {
    readonly next: string;
    readonly script: pulumi.Output<string>;
    readonly wireguard: pulumi.Output<string>;
  };

  constructor(name: string, args: ManualHomeArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "homerelay:home:ManualHome",
      name,
      { tunnelAddress: args.tunnelAddress, forwards: args.forwards.map(renderForward) },
      opts,
    );
    const { privateKey, presharedKey } = args.keys;
    const { publicKey, ipv4Address } = args.relay;
    const { script, wireguard } = pulumi.secret(
      pulumi
        .all([privateKey, presharedKey, publicKey, ipv4Address, args.owner])
        .apply(([ownKey, sharedKey, relayKey, address, owner]) =>
          writeHandOver(
            { ...args, owner },
            { privateKey: ownKey, presharedKey: sharedKey },
            { publicKey: relayKey, ipv4Address: address },
          ),
        ),
    );
    const next =
      `${args.name} waits for its script, now and after each change: npm run -s home ${args.name} > ${args.name}.sh, ` +
      `and there: sudo bash ${args.name}.sh install`;
    this.handOver = { next, script, wireguard };
    this.registerOutputs({});
  }
}

/** What the owner of one home is handed. */
export function writeHandOver(
  args: HomePlan & { readonly name: string; readonly owner: pulumi.Unwrap<Owner> },
  keys: HomeKeys,
  relay: CalledRelay,
): HandOver {
  const { name, owner } = args;
  const steps = {
    prepare: {
      run: `bash -s ${owner.id} ${owner.stack} ${name}`,
      document: preparation("home"),
      timeoutSeconds: 900,
    },
    guard: { run: "apply-guard.sh", document: renderGuardDocument(args) },
    keys: { run: "store-keys.sh", document: renderKeyDocument(keys) },
    tunnel: { run: joinCommand(args), document: renderTunnelDocument(args, relay) },
    prove: {
      run: "prove-forwards.sh",
      document: renderProbes(relay.ipv4Address, listProbes(args.forwards)),
      timeoutSeconds: 1800,
    },
    uninstall: {
      run: `bash -s ${owner.id} ${name}`,
      document:
        read("../host/begin-uninstall.sh") + read("../host/restore-sysctls.sh") + read("uninstall-home.sh"),
    },
  };
  return {
    script: renderHomeScript({ home: name, steps, main: read("manual-home.sh") }),
    wireguard: renderPlainWireguard(args, keys, relay),
  };
}

function read(script: string): string {
  return readFileSync(`${import.meta.dirname}/${script}`, "utf8");
}
