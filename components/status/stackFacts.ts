import { parseRendered } from "../network/forward.ts";
import { renderPortRange } from "../network/port.ts";

/** What a stack's state says of what there is, for those who ask how it is. */
export interface StackFacts {
  /** @example nbg1 */
  readonly provider: string;
  readonly location: string | undefined;
  readonly serverType: string | undefined;
  /** Of a server that was rented. */
  readonly serverId: string | undefined;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  readonly names: readonly string[];
  readonly homes: readonly HomeFacts[];
  readonly devices: readonly PeerFacts[];
}

export interface PeerFacts {
  readonly name: string;
  /** In the tunnel. */
  readonly ipv4: string;
  readonly ipv6: string;
  readonly publicKey: string | undefined;
}

export interface HomeFacts extends PeerFacts {
  /** Its owner ran a script there: nobody else gets in. */
  readonly isByHand: boolean;
  readonly forwards: readonly ForwardFacts[];
  /** When the forwards were last tried from outside, in milliseconds since 1970. */
  readonly provenAt: number | undefined;
}

/** A forward, one for each protocol. */
export interface ForwardFacts {
  /** A port, or a range by its two ends. */
  readonly published: string;
  readonly protocol: string;
  /** Port or range at home, and where else in the LAN. @example 8080, or 192.168.1.5:8080 */
  readonly target: string;
  /** What the proof found; none where it was not tried. */
  readonly proof: string | undefined;
}

/** A resource of the state. */
export interface Resource {
  /** Its parents' types first, each behind a `$`. */
  readonly types: string;
  readonly name: string;
  readonly id: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly changedAt: number | undefined;
}

/** `undefined`: nothing of ours was ever made. */
export function readStackFacts(
  resources: readonly Resource[],
  stackOutputs: Readonly<Record<string, unknown>>,
): StackFacts | undefined {
  const ofType = (type: string) => resources.filter(({ types }) => types.split("$").at(-1) === type);
  const [stack] = ofType("homerelay:index:HomeRelay");
  if (stack === undefined) return undefined;
  const [keys] = ofType("homerelay:keys:Keys");
  const relay = resources.find(({ name }) => name === `${stack.name}-relay`);
  const [server] = ofType("hcloud:index/server:Server");
  const publicKeys = textsOf(keys?.outputs["peerPublicKeys"]);
  const peerOf = (peer: Resource): PeerFacts => {
    const name = peer.name.slice(stack.name.length + 1);
    const { ipv4, ipv6 } = textsOf(peer.inputs["tunnelAddress"]);
    return { name, ipv4: ipv4 ?? "", ipv6: ipv6 ?? "", publicKey: publicKeys[name] };
  };
  const homeOf = (home: Resource, isByHand: boolean): HomeFacts => {
    const peer = peerOf(home);
    const proofs = fieldsOf(fieldsOf(stackOutputs["reachability"])[peer.name]);
    const proven = resources.find(({ name }) => name === `${home.name}-proof`);
    return {
      ...peer,
      isByHand,
      forwards: listOf(home.inputs["forwards"]).flatMap((text) => readForward(text, proofs)),
      provenAt: proven?.changedAt,
    };
  };
  return {
    provider: textsOf(stack.inputs)["relay"] ?? "",
    location: textsOf(relay?.inputs)["location"],
    serverType: textsOf(relay?.inputs)["serverType"],
    serverId: server?.id,
    ipv4: textsOf(relay?.outputs)["ipv4Address"],
    ipv6: textsOf(relay?.outputs)["ipv6Address"],
    names: listOf(stackOutputs["names"]),
    homes: [
      ...ofType("homerelay:home:Home").map((home) => homeOf(home, false)),
      ...ofType("homerelay:home:ManualHome").map((home) => homeOf(home, true)),
    ],
    devices: ofType("homerelay:device:Device").map(peerOf),
  };
}

function readForward(text: string, proofs: Readonly<Record<string, unknown>>): ForwardFacts[] {
  const { published, target, protocols, to } = parseRendered(text);
  const [outside, inside] = [renderPortRange(published), renderPortRange(target)];
  return protocols.map((protocol) => ({
    published: outside,
    protocol,
    target: to === undefined ? inside : `${to}:${inside}`,
    proof: worstOf(textsOf(proofs[`${outside}/${protocol}`])),
  }));
}

/** Over both families: what is not open is what counts. */
function worstOf({ ipv4, ipv6 }: Readonly<Record<string, string | undefined>>): string | undefined {
  if (ipv4 === "open" && ipv6 !== undefined && ipv6 !== "open" && !ipv6.startsWith("not tried"))
    return `${ipv6} over IPv6`;
  return ipv4;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textsOf(value: unknown): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).filter(
      (field): field is [string, string] => typeof field[1] === "string",
    ),
  );
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}
