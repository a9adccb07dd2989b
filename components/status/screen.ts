/** How a stack is, on one screen of 80 columns for a person. */
import { stripVTControlCharacters } from "node:util";
import type {
  Finding,
  ForwardReport,
  HomeReport,
  NameReport,
  PeerReport,
  RelayReport,
  StatusReport,
} from "./report.ts";
import { pending } from "./judge.ts";
import { counted, renderBytes, renderDuration } from "./units.ts";

export type Style = "bold" | "dim" | "green" | "red" | "yellow";

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

const columns = 80;
const labelWidth = 9;

export function renderScreen(report: StatusReport, paint: Paint): string {
  const { stack, at, relay, names, homes, devices, problems, notices } = report;
  return [
    `${paint("bold", stack)}${" ".repeat(Math.max(1, columns - stack.length - moment(at).length))}${paint("dim", moment(at))}`,
    "",
    ...relayLines(relay, paint),
    ...names.flatMap((name, i) => row(i === 0 ? "names" : "", nameLine(name, paint))),
    ...row("traffic", trafficLine(report)),
    ...row("cost", costLine(report)),
    ...homes.flatMap((home) => ["", ...homeLines(home, at, paint)]),
    ...(devices.length === 0 ? [] : ["", ...devices.flatMap((device) => deviceLines(device, paint))]),
    "",
    ...findings(problems, paint("red", "What is wrong")),
    ...findings(notices, paint("yellow", "What waits for you")),
    ...(problems.length === 0 ? [paint("green", "All is well.")] : []),
    "",
  ].join("\n");
}

function relayLines(relay: RelayReport, paint: Paint): string[] {
  const { provider, location, serverType, ipv4, ipv6, host } = relay;
  const machine =
    provider === "ssh"
      ? "your own machine"
      : [capital(provider), location, serverType].filter(Boolean).join(" ");
  const up =
    host === null
      ? paint("red", "cannot be asked")
      : `${paint("green", "up")} ${renderDuration(host.upSeconds)}`;
  const waits = host === null ? [] : pending(host, relay);
  return [
    ...row("relay", [machine, up, ...waits.map((one) => paint("yellow", one))].join(", ")),
    ...row("", [ipv4, ipv6].filter((one) => one !== null).join("  ") || "no address yet"),
  ];
}

function nameLine({ name, addresses, leadsHere }: NameReport, paint: Paint): string {
  if (addresses === null || leadsHere === null)
    return `${name} ${paint("yellow", "nobody could be asked where it leads")}`;
  if (leadsHere) return `${name} ${paint("green", "leads here")}`;
  return `${name} ${paint("red", addresses.length === 0 ? "leads nowhere" : `leads to ${addresses.join(" and ")}`)}`;
}

function trafficLine({ traffic }: StatusReport): string {
  if (traffic === null) return "not known: the relay does not say";
  const { source, since, receivedBytes, sentBytes, includedBytes } = traffic;
  const included =
    includedBytes === null || includedBytes === 0 ? "" : ` of ${renderBytes(includedBytes)} included`;
  const who =
    source === "hetzner"
      ? "Hetzner's count"
      : `the relay's own count${since === null ? "" : ` since ${day(since)}`}`;
  return `${renderBytes(sentBytes)} sent${included} this month, ${renderBytes(receivedBytes)} received (${who})`;
}

function costLine({ cost, relay }: StatusReport): string {
  if (cost !== null)
    return `${money(cost.total)} ${cost.currency} a month with VAT (server ${money(cost.server)}, IPv4 address ${money(cost.ipv4)})`;
  return relay.provider === "ssh" ? "your own" : `not known: ${capital(relay.provider)} did not say`;
}

function homeLines(home: HomeReport, at: string, paint: Paint): string[] {
  const waits = home.host === null ? [] : pending(home.host);
  const proof = proofWords(home, at);
  return [
    ...row(
      home.name,
      [peerState(home, paint), ...waits.map((one) => paint("yellow", one))].join(", "),
      paint,
    ),
    ...(home.toPeerBytes === null || home.fromPeerBytes === null
      ? []
      : row(
          "",
          `${renderBytes(home.toPeerBytes)} to it, ${renderBytes(home.fromPeerBytes)} from it${proof === "" ? "" : `; ${proof}`}`,
        )),
    ...forwardTable(home.forwards, paint),
  ];
}

function peerState({ state, handshakeSecondsAgo, endpoint }: PeerReport, paint: Paint): string {
  const ago = handshakeSecondsAgo === null ? "" : renderDuration(handshakeSecondsAgo);
  if (state === null) return paint("yellow", "not known: the relay does not say");
  if (state === "here")
    return `${paint("green", "here")}, handshake ${ago} ago${endpoint === null ? "" : ` from ${endpoint}`}`;
  return `${paint("red", "away")}, ${ago === "" ? "not heard of since the tunnel started" : `last heard of ${ago} ago`}`;
}

/** A device comes and goes, and nobody misses it. */
function deviceLines(device: PeerReport, paint: Paint): string[] {
  const { state, handshakeSecondsAgo, toPeerBytes, fromPeerBytes } = device;
  if (state !== "away") {
    const traffic =
      toPeerBytes === null || fromPeerBytes === null
        ? ""
        : `; ${renderBytes(toPeerBytes)} to it, ${renderBytes(fromPeerBytes)} from it`;
    return row(device.name, `${peerState(device, paint)}${traffic}`, paint);
  }
  const ago =
    handshakeSecondsAgo === null ? "" : `, last heard of ${renderDuration(handshakeSecondsAgo)} ago`;
  return row(device.name, paint("dim", `a device, not connected${ago}`), paint);
}

function proofWords({ byHand, forwards, provenAt }: HomeReport, at: string): string {
  if (byHand) return "";
  if (provenAt === null) return forwards.length === 0 ? "" : "never proven";
  const open = forwards.filter(({ proof }) => proof === "open").length;
  const age = Math.max(0, (Date.parse(at) - Date.parse(provenAt)) / 1000);
  return `proof ${renderDuration(age)} ago: ${open === forwards.length ? "all" : open} of ${forwards.length} open`;
}

const most = 12;

function forwardTable(forwards: readonly ForwardReport[], paint: Paint): string[] {
  if (forwards.length === 0) return [];
  const busiest = [...forwards].sort((a, b) => (b.connections ?? 0) - (a.connections ?? 0)).slice(0, most);
  const shown = forwards.filter((forward) => busiest.includes(forward));
  const number = (value: number | null, render: (value: number) => string) =>
    value === null ? "-" : render(value);
  const rows = [
    ["forward", "to", "connections", "bytes in", "bytes out", "proof"],
    ...shown.map(({ published, protocol, target, connections, toHomeBytes, fromHomeBytes, proof }) => [
      `${published}/${protocol}`,
      target,
      number(connections, String),
      number(toHomeBytes, renderBytes),
      number(fromHomeBytes, renderBytes),
      (proof ?? "-").replace(/^not tried.*/, "not tried"),
    ]),
  ];
  const whole = align(rows, [2, 3, 4]);
  // Where a forward leads is known to whoever wrote it.
  const isTooWide = whole.some((line) => line.length > columns - 2);
  const table = isTooWide
    ? align(
        rows.map(([forward = "", , ...rest]) => [forward, ...rest]),
        [1, 2, 3],
      )
    : whole;
  const lines = table.map((line, i) => `  ${i === 0 ? paint("dim", line) : line}`);
  const hidden = forwards.length - shown.length;
  return hidden === 0
    ? lines
    : [...lines, paint("dim", `  and ${counted(hidden, "other")}: npm run status -- --json`)];
}

/** Rows of cells as lines; `numbers`: the columns that end below each other. */
function align(rows: readonly (readonly string[])[], numbers: readonly number[]): string[] {
  const width = (column: number) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0));
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        numbers.includes(column) ? cell.padStart(width(column)) : cell.padEnd(width(column)),
      )
      .join("  ")
      .trimEnd(),
  );
}

function findings(found: readonly Finding[], title: string): string[] {
  if (found.length === 0) return [];
  const lines = found.flatMap(({ what, mend }) => [
    ...wrap(`- ${what}`, "  "),
    ...mend.split("\n").flatMap((line) => (line.startsWith("  ") ? [`  ${line}`] : wrap(`  ${line}`, "  "))),
  ]);
  return [title, ...lines.filter((line) => line.trim() !== ""), ""];
}

/** A label, and what is said of it, in as many lines as it takes. */
function row(label: string, text: string, paint?: Paint): string[] {
  const isLong = label.length >= labelWidth;
  const head = isLong ? `${label} ` : label.padEnd(labelWidth);
  const [first = "", ...rest] = wrap(`${head}${text}`, " ".repeat(labelWidth));
  return [
    paint === undefined || label === "" ? first : paint("bold", label) + first.slice(label.length),
    ...rest,
  ];
}

/** Colours take no room. A word that is longer than a line stays whole, since it may be a part of a command. */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  const width = (words: string) => stripVTControlCharacters(words).length;
  for (const word of text.split(/(?<=\S) /)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && width(longer) > columns) {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line];
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function money(amount: number): string {
  return amount.toFixed(2);
}

/** By the world's clock, so that two people speak of the same moment. */
function moment(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
}

function day(at: string): string {
  return at.slice(0, 10);
}
