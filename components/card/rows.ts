import { renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";
import type { Forward } from "../network/forward.ts";
import type { MeasuredKnock, Proof, Verdict } from "../network/proven.ts";

export type Family = "ipv4" | "ipv6";
export const families: readonly Family[] = ["ipv4", "ipv6"];

/** Published ports of which the same is known, for one line of the card. */
export interface Row {
  readonly published: PortRange;
  readonly protocols: readonly Protocol[];
  /** How many forwards it stands for. */
  readonly forwards: number;
  /** Where they go; `undefined` where that is not one port or range. */
  readonly target: PortRange | undefined;
  readonly to: string | undefined;
  readonly clientIp: Forward["clientIp"];
  /** Not there where nothing is known of a family. */
  readonly verdicts: Readonly<Partial<Record<Family, Verdict>>>;
  readonly knocks: Readonly<Partial<Record<Family, MeasuredKnock>>>;
}

/** What is known of a forward's ports, where something else is known of one of them in a row of its own. */
export function rowsOf(forward: Forward, proof: Proof): readonly Row[] {
  const { published, target, to, clientIp, protocols } = forward;
  const { first, last } = published;
  const ends = first === last ? [first] : [first, last];
  const single = (protocol: Protocol, port: number): Row => {
    const key = `${port}/${protocol}`;
    const { ipv4, ipv6 } = proof.reachability[key] ?? { ipv4: standsIn };
    const at = target.first + port - first;
    return {
      published: { first: port, last: port },
      protocols: [protocol],
      forwards: 1,
      target: { first: at, last: at },
      to,
      clientIp,
      verdicts: { ipv4, ...(ipv6 === undefined ? {} : { ipv6 }) },
      knocks: proof.measured?.ports[key] ?? {},
    };
  };
  const byProtocol = protocols.flatMap((protocol) => {
    const rows = ends.map((port) => single(protocol, port));
    const [row] = rows;
    return row !== undefined && rows.every((one) => sameVerdicts(one, row))
      ? [{ ...row, published, target }]
      : rows;
  });
  const [tcp, udp, ...others] = byProtocol;
  const isOne =
    tcp !== undefined &&
    udp !== undefined &&
    others.length === 0 &&
    protocols.length === 2 &&
    sameVerdicts(tcp, udp) &&
    urlScheme(tcp) === undefined;
  return isOne ? [{ ...tcp, protocols }] : byProtocol;
}

/** What is said of a port for which another one was tried. */
const standsIn = "not tried: so many are forwarded that others stand for it";

/** Rows with neighbouring ports, of which the same is known, become one. */
export function joinRows(rows: readonly Row[]): readonly Row[] {
  const joined: Row[] = [];
  const byPort = (a: Row, b: Row) => a.published.first - b.published.first;
  const sorted = [...Map.groupBy(rows, ({ protocols }) => protocols.join("+")).values()].flatMap((group) =>
    [...group].sort(byPort),
  );
  for (const row of sorted) {
    const before = joined.at(-1);
    if (before !== undefined && isNeighbour(before, row)) joined[joined.length - 1] = join(before, row);
    else joined.push(row);
  }
  return joined;
}

function isNeighbour(a: Row, b: Row): boolean {
  return (
    a.protocols.join() === b.protocols.join() &&
    a.published.last + 1 === b.published.first &&
    urlScheme(a) === undefined &&
    urlScheme(b) === undefined &&
    [a.to, a.clientIp].join() === [b.to, b.clientIp].join() &&
    sameVerdicts(a, b) &&
    families.every((family) => a.knocks[family]?.saw === b.knocks[family]?.saw)
  );
}

function join(a: Row, b: Row): Row {
  const slower = (family: Family) => {
    const [one, other] = [a.knocks[family], b.knocks[family]];
    return (one?.milliseconds ?? 0) < (other?.milliseconds ?? 0) ? other : one;
  };
  const knocks = families.flatMap((family) => {
    const knock = slower(family);
    return knock === undefined ? [] : [[family, knock] as const];
  });
  return {
    ...a,
    published: { first: a.published.first, last: b.published.last },
    forwards: a.forwards + b.forwards,
    target: undefined,
    knocks: Object.fromEntries(knocks),
  };
}

function sameVerdicts(a: Row, b: Row): boolean {
  return families.every((family) => a.verdicts[family] === b.verdicts[family]);
}

/** Whether a stranger gets through: over each family over which that could be tried, and over one at least. */
export function isOpen({ verdicts }: Row): boolean {
  const tried = families.flatMap((family) => verdicts[family] ?? []).filter((verdict) => !isUntried(verdict));
  return tried.length > 0 && tried.every((verdict) => verdict === "open");
}

/** Whether it could be tried over no family. */
export function isUnknown({ verdicts }: Row): boolean {
  return families.flatMap((family) => verdicts[family] ?? []).every(isUntried);
}

export function isUntried(verdict: Verdict): boolean {
  return verdict.startsWith("not tried");
}

/** What a browser writes before the name, for the two ports that it knows by that. */
function urlScheme({
  published: { first, last },
  protocols,
}: Pick<Row, "published" | "protocols">): string | undefined {
  if (first !== last || !protocols.includes("tcp")) return undefined;
  return first === 443 ? "https" : first === 80 ? "http" : undefined;
}

export function isUrl(row: Row): boolean {
  return urlScheme(row) !== undefined;
}

/** By what strangers reach it. A certificate is for a name, so that without one 443 is a port like others. */
export function placeOf(row: Row, host: string, isName: boolean): string {
  const scheme = urlScheme(row);
  if (scheme === "http" || (scheme === "https" && isName)) return `${scheme}://${host}`;
  return `${host}:${renderPortRange(row.published)}/${row.protocols.join("+")}`;
}
