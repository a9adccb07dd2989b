import { renderPortRange } from "../network/port.ts";
import type { Forward } from "../network/forward.ts";
import type { Measured, Proof } from "../network/proven.ts";
import { describeAge } from "./age.ts";
import { families, isOpen, isUntried, isUrl, joinRows, placeOf, rowsOf } from "./rows.ts";
import type { Family, Row } from "./rows.ts";

export interface CardHome {
  readonly name: string;
  readonly forwards: readonly Forward[];
  /** What its last proof found. `by its owner`: it is set up by hand, and nobody tries it from here. */
  readonly proof: Proof | "by its owner";
}

/** How strangers call the relay. */
export interface CalledAt {
  readonly host: string;
  readonly isName: boolean;
}

/** A home of the card: what is known of its forwards, in no more than `most` lines for these. */
export function homeLines(home: CardHome, at: CalledAt, now: number, most: number): readonly string[] {
  const { name, forwards, proof } = home;
  if (proof === "by its owner")
    return [`${name}, set up by its owner: not tried from here`, ...untriedLines(forwards, at, most)];
  if (forwards.length === 0) return [`${name}: nothing is forwarded to it`];
  if (Object.keys(proof.reachability).length === 0)
    return [`${name}, not tried`, ...untriedLines(forwards, at, most)];
  const all = forwards.flatMap((forward) => rowsOf(forward, proof));
  const { shown, rest } = choose(all, most);
  const usual = usualSenders(all);
  const table = align(
    shown.map((row) => [placeOf(row, at.host, at.isName), describeState(row, name), ...cells(row)]),
  );
  return [
    `${name}, ${describeTime(proof.measured, now)}`,
    ...table.map((line, i) => `  ${line}${notes(shown[i], name, usual)}`),
    ...describeRest(rest),
    ...describeUsual(usual, name),
    ...untriedOverIpv6(all),
  ];
}

function untriedLines(forwards: readonly Forward[], at: CalledAt, most: number): readonly string[] {
  const nothing: Proof = { reachability: {}, measured: undefined };
  const { shown, rest } = choose(
    forwards.flatMap((forward) => rowsOf(forward, nothing)),
    most,
  );
  const more = rest.reduce((sum, row) => sum + row.forwards, 0);
  return [
    ...shown.map((row) => `  ${placeOf(row, at.host, at.isName)}`),
    ...(more === 0 ? [] : [`  and ${more} more`]),
  ];
}

/** All rows where there is room; else what is not as it should be comes first, then what a browser opens. */
function choose(
  all: readonly Row[],
  most: number,
): { readonly shown: readonly Row[]; readonly rest: readonly Row[] } {
  if (all.length <= most) return { shown: all, rest: [] };
  const rank = (row: Row) => (isOpen(row) ? (isUrl(row) ? 1 : 2) : 0);
  const sorted = [...joinRows(all)].sort((a, b) => rank(a) - rank(b));
  return { shown: sorted.slice(0, most), rest: sorted.slice(most) };
}

function describeRest(rest: readonly Row[]): readonly string[] {
  const count = (rows: readonly Row[]) => rows.reduce((sum, row) => sum + row.forwards, 0);
  const all = count(rest);
  if (all === 0) return [];
  const open = count(rest.filter(isOpen));
  const states = open === all ? "all open" : `${open} of them open`;
  return [`  and ${all} more, ${states}: npx pulumi stack output reachability`];
}

function describeState(row: Row, home: string): string {
  const { ipv4, ipv6 } = row.verdicts;
  const [four, six] = [ipv4, ipv6].map((verdict) => verdict && describeVerdict(verdict, row, home));
  if (four === undefined) return six ?? "";
  if (six === undefined || six === four || (ipv6 !== undefined && isUntried(ipv6))) return four;
  return `${four}, over IPv6 ${six}`;
}

function describeVerdict(verdict: string, { target, to }: Row, home: string): string {
  if (verdict !== "nothing listens") return verdict;
  const place = to ?? home;
  return target === undefined
    ? `nothing listens at ${place}`
    : `nothing listens on ${renderPortRange(target)} at ${place}`;
}

const familyNames: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/** Over what it is open, and how long that took. */
function cells({ verdicts, knocks, forwards }: Row): readonly string[] {
  return families.map((family) => {
    if (verdicts[family] !== "open") return "";
    const milliseconds = knocks[family]?.milliseconds;
    if (milliseconds === undefined) return familyNames[family];
    return `${familyNames[family]} ${forwards > 1 ? "up to " : ""}${describeDuration(milliseconds)}`;
  });
}

function describeDuration(milliseconds: number): string {
  return `${milliseconds < 10 ? Number(milliseconds.toFixed(1)) : Math.round(milliseconds)} ms`;
}

type Senders = Readonly<Partial<Record<Family, string>>>;

/** Whom the services saw as caller, where none saw another one. */
function usualSenders(rows: readonly Row[]): Senders {
  const found = families.flatMap((family) => {
    const senders = new Set(rows.filter(showsCaller).flatMap((row) => row.knocks[family]?.saw ?? []));
    const [sender, ...others] = senders;
    return sender === undefined || others.length > 0 ? [] : [[family, sender] as const];
  });
  return Object.fromEntries(found);
}

function showsCaller({ clientIp, to }: Row): boolean {
  return clientIp === "preserve" && to === undefined;
}

function describeUsual(usual: Senders, home: string): readonly string[] {
  const senders = families.flatMap((family) => usual[family] ?? []);
  if (senders.length === 0) return [];
  return [`  the services saw who called: ${senders.join(" and ")}, ${home} as the internet sees it`];
}

function notes(row: Row | undefined, home: string, usual: Senders): string {
  if (row === undefined) return "";
  const others = families.flatMap((family) => {
    const saw = row.knocks[family]?.saw;
    return saw === undefined || (showsCaller(row) && saw === usual[family]) ? [] : [saw];
  });
  if (others.length === 0) return "";
  const whom =
    row.to !== undefined
      ? `${home} as the caller, `
      : row.clientIp === "masquerade"
        ? "the relay as the caller, "
        : "";
  return `   saw ${whom}${others.join(" and ")}`;
}

function untriedOverIpv6(rows: readonly Row[]): readonly string[] {
  const reasons = rows.flatMap(({ verdicts: { ipv4, ipv6 } }) =>
    ipv6 !== undefined && isUntried(ipv6) && ipv6 !== ipv4 ? [ipv6.replace(/^not tried: /, "")] : [],
  );
  return [...new Set(reasons)].sort().map((reason) => `  not tried over IPv6: ${reason}`);
}

function describeTime(measured: Measured | undefined, now: number): string {
  return measured === undefined ? "tried by an earlier pulumi up" : `tried ${describeAge(measured.at, now)}`;
}

/** In columns; a row's last cell may be as long as it likes. */
function align(rows: readonly (readonly string[])[]): readonly string[] {
  const lastOf = (row: readonly string[]) => row.findLastIndex((cell) => cell !== "");
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(0, ...rows.map((row) => (i < lastOf(row) ? (row[i]?.length ?? 0) : 0))),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .filter((cell) => cell !== "")
      .join("   ")
      .trimEnd(),
  );
}
