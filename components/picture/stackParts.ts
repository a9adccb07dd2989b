import { fullNames } from "../network/domainNames.ts";
import { parseRendered } from "../network/forward.ts";
import { renderPortRange } from "../network/port.ts";

/** What a picture of a stack shows. */
export interface StackParts {
  readonly relay: {
    /** @example Hetzner cx23, nbg1 */
    readonly machine: string;
    /** Public addresses; empty before the first `up`. */
    readonly addresses: readonly string[];
  };
  readonly names: readonly string[];
  readonly homes: readonly PicturedHome[];
  readonly devices: readonly PicturedDevice[];
}

export interface PicturedHome {
  readonly name: string;
  /** In the tunnel, IPv4. */
  readonly address: string;
  readonly forwards: readonly PicturedForward[];
}

export interface PicturedForward {
  /** @example 443/tcp */
  readonly published: string;
  /** @example 8081, or 192.168.1.50:443 for another machine of the LAN */
  readonly target: string;
  /** Who alone may connect; empty: everybody. */
  readonly from: string;
}

export interface PicturedDevice {
  readonly name: string;
  /** As the user wrote it. @example ["nas", "192.168.1.0/24 via nas"] */
  readonly allow: readonly string[];
}

/** A resource of the stack's state, as far as it is read here. */
export interface PicturedResource {
  /** The parents' types first, each behind a `$`. */
  readonly types: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** The parts of a stack, told from its components; `undefined`: there is no relay, since no `up` has been. */
export function readParts(resources: readonly PicturedResource[]): StackParts | undefined {
  const of = (type: string) => resources.filter(({ types }) => types.split("$").at(-1) === type);
  const rented = of("homerelay:hetzner:HetznerRelay")[0];
  const existing = of("homerelay:relay:ExistingRelay")[0];
  if (rented === undefined && existing === undefined) return undefined;
  const { ipv4Address, ipv6Address } = of("pulumi:pulumi:Stack")[0]?.outputs ?? {};
  return {
    relay: {
      machine:
        rented === undefined
          ? `your VPS ${text(existing?.inputs ?? {}, "host")}`
          : `Hetzner ${text(rented.inputs, "serverType")}, ${text(rented.inputs, "location")}`,
      addresses: [ipv4Address, ipv6Address].filter((address) => typeof address === "string"),
    },
    names: [...of("homerelay:hetzner:HetznerZone"), ...of("homerelay:dyndns:DynDns")].flatMap(namesOf),
    homes: [...of("homerelay:home:Home"), ...of("homerelay:home:ManualHome")].map(readHome).toSorted(byName),
    devices: of("homerelay:device:Device")
      .map(({ name, inputs }) => ({ name: bare(name), allow: list(inputs, "allow") }))
      .toSorted(byName),
  };
}

function readHome({ name, inputs }: PicturedResource): PicturedHome {
  const { ipv4 = "" } = (inputs["tunnelAddress"] ?? {}) as { ipv4?: string };
  return { name: bare(name), address: ipv4, forwards: list(inputs, "forwards").map(readForward) };
}

function readForward(written: string): PicturedForward {
  const { published, target, protocols, to, from } = parseRendered(written);
  const port = renderPortRange(target);
  return {
    published: `${renderPortRange(published)}/${protocols.join("+")}`,
    target: to === undefined ? port : `${to}:${port}`,
    from,
  };
}

function namesOf({ inputs }: PicturedResource): readonly string[] {
  const zone = text(inputs, "zone");
  return fullNames({ names: list(inputs, "names"), ...(zone === "" ? {} : { zone }) });
}

/** A home's or device's own name: that of its component without that of the whole. */
function bare(name: string): string {
  return name.slice(name.indexOf("-") + 1);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function text(inputs: PicturedResource["inputs"], key: string): string {
  const value = inputs[key];
  return typeof value === "string" ? value : "";
}

function list(inputs: PicturedResource["inputs"], key: string): string[] {
  const value = inputs[key];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}
