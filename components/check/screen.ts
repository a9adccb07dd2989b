import type { Difference, Repair } from "../network/difference.ts";
import { portOf, targetOf } from "./forwardReport.ts";
import type { Answer, Family, Finding, ForwardResult } from "./forwardReport.ts";

/** All that a check has found. */
export interface Report {
  /** @example home-relay/dev */
  readonly stack: string;
  /** The relay's public addresses. */
  readonly addresses: readonly string[];
  readonly places: readonly CheckedPlace[];
  readonly differences: readonly Difference[];
  readonly forwards: readonly ForwardResult[];
  /** What a reader has to know to judge it. */
  readonly notes: readonly string[];
}

/** An end of the stack, or somebody who keeps a part of it. */
export interface CheckedPlace {
  readonly where: string;
  /** What was compared there, in a few words. */
  readonly looked: string;
  /** Why it could not be compared, and what to do. @default it was */
  readonly problem?: string;
}

/** What became of a difference that was to be put right. */
export interface Mended {
  readonly difference: Difference;
  /** What was done; `undefined`: nothing, since nothing of ours may or can. */
  readonly did: string | undefined;
  /** What went wrong. @default nothing */
  readonly problem?: string;
}

/** 0: all is as the stack wants it. 1: something is not, or could not be looked at. */
export function exitCode({ places, differences, forwards }: Report): 0 | 1 {
  const isWell =
    differences.length === 0 &&
    places.every(({ problem }) => problem === undefined) &&
    forwards.every(({ failure }) => failure === undefined);
  return isWell ? 0 : 1;
}

/** More lines than this of forwards that work are one line. */
const mostForwardLines = 12;

/** For a person: what is as it should be first, and last what is wrong. */
export function renderReport(report: Report): string {
  const { stack, addresses, places, differences, forwards, notes } = report;
  const reached = places.filter(({ problem }) => problem === undefined);
  const lost = places.flatMap(({ where, problem }) => (problem === undefined ? [] : [{ where, problem }]));
  const failed = forwards.filter(({ failure }) => failure !== undefined);
  return [
    `${stack}, relay ${addresses.join(" and ")}`,
    "",
    ...table(
      reached.map(({ where, looked }) => {
        const count = differences.filter((one) => one.where === where).length;
        return [
          `  ${where}`,
          count === 0 ? "as the stack wants it" : `${count} ${count === 1 ? "difference" : "differences"}`,
          looked,
        ];
      }),
    ),
    ...(forwards.length === 0 ? [] : ["", ...renderForwards(forwards)]),
    ...(notes.length === 0 ? [] : ["", ...notes]),
    ...lost.flatMap(({ where, problem }) => ["", `${where} could not be looked at:`, ...indent(problem)]),
    ...(differences.length === 0
      ? []
      : [
          "",
          differences.length === 1 ? "1 difference:" : `${differences.length} differences:`,
          ...differences.flatMap(renderDifference),
        ]),
    ...(failed.length === 0
      ? []
      : [
          "",
          failed.length === 1 ? "1 forward does not work:" : `${failed.length} forwards do not work:`,
          ...renderFailures(failed),
        ]),
    "",
    ...renderEnd(report),
    "",
  ].join("\n");
}

function renderEnd(report: Report): string[] {
  const { differences, forwards, places } = report;
  if (exitCode(report) === 0) {
    const open = forwards.length === 0 ? "" : `, and ${describeWorking(forwards)}`;
    return [`All is as the stack wants it${open}.`];
  }
  const isLost = places.some(({ problem }) => problem !== undefined);
  const can = differences.filter(({ repair }) => repair.by !== "person").length;
  if (can > 0)
    return [
      can === differences.length
        ? "This puts the differences right, and nothing else:  npm run check -- --mend"
        : `This puts ${can} of the ${differences.length} differences right, and nothing else:  npm run check -- --mend`,
    ];
  if (differences.length > 0) return ["What to do stands with each difference."];
  return isLost
    ? ["What could be looked at is as the stack wants it."]
    : ["Nothing of ours is at fault: what to do stands with each forward."];
}

function describeWorking(forwards: readonly ForwardResult[]): string {
  const tried = forwards.filter(
    ({ findings, fromHere }) =>
      findings.some(({ verdict }) => verdict !== "not tried") ||
      [...fromHere.values()].some((answer) => typeof answer === "string"),
  );
  const untried = forwards.length - tried.length;
  const works = tried.length === 1 ? "the forwarded port works" : `all ${tried.length} forwarded ports work`;
  return untried === 0 ? works : `${works}; ${untried} could be tried from nowhere`;
}

/** What became of each difference, before the check is made again. */
export function renderMended(mended: readonly Mended[]): string {
  return [
    ...mended.flatMap(({ difference, did, problem }) => {
      const what = describe(difference, did === undefined || problem !== undefined ? "is" : "was");
      if (did === undefined) return [`left    ${what}`, `        ${howTo(difference.repair)}`];
      if (problem !== undefined) return [`failed  ${what}`, ...indent(problem, 8)];
      return [`mended  ${what}: ${did}`];
    }),
    "",
    "",
  ].join("\n");
}

/** What was put right and is different again has somebody who does that. */
export function remarkOnRelapse(report: Report, mended: readonly Mended[]): Report {
  const right = mended.filter(({ did, problem }) => did !== undefined && problem === undefined);
  const isRelapse = (one: Difference) =>
    right.some(({ difference }) => describe(difference) === describe(one));
  const remark = "it was put right just now, and something has changed it back";
  const differences = report.differences.map((one) =>
    isRelapse(one) ? { ...one, remark: one.remark === undefined ? remark : `${remark}: ${one.remark}` } : one,
  );
  return { ...report, differences };
}

/** What `--json` prints. */
export function renderJson(report: Report, mended: readonly Mended[] | undefined): string {
  const { stack, addresses, places, differences, forwards, notes } = report;
  return `${JSON.stringify(
    {
      version: 1,
      stack,
      addresses,
      ok: exitCode(report) === 0,
      places,
      differences: differences.map(({ repair, ...difference }) => ({ ...difference, mend: howTo(repair) })),
      forwards: forwards.map(({ forward, findings, fromHere, failure }) => ({
        ...forward,
        fromHome: findings.map(({ family, verdict, why }) => ({ family, verdict, why })),
        fromHere: Object.fromEntries(
          [...fromHere].map(([family, answer]) => [`ipv${family}`, describeAnswer(answer)]),
        ),
        failure,
      })),
      notes,
      ...(mended === undefined
        ? {}
        : {
            mended: mended.map(({ difference, did, problem }) => ({
              where: difference.where,
              kind: difference.kind,
              what: difference.what,
              did,
              problem,
            })),
          }),
    },
    undefined,
    2,
  )}\n`;
}

function renderDifference(difference: Difference): string[] {
  const { remark, repair } = difference;
  return [
    `  ${describe(difference)}`,
    ...(remark === undefined ? [] : [`    ${remark}`]),
    ...(repair.by === "person" ? [`    -> ${repair.mend}`] : []),
  ];
}

/** @example relay: setting net.ipv4.ip_forward is 0, and should be 1 */
export function describe({ where, kind, what, found, wanted }: Difference, is: "is" | "was" = "is"): string {
  const thing = `${where}: ${kind} ${what} ${is}`;
  if (found === "missing") return `${thing} missing`;
  if (wanted === "nothing" || wanted === "missing") return `${thing} there, and not the stack's`;
  return `${thing} ${found}, and should be ${wanted}`;
}

function howTo(repair: Repair): string {
  return repair.by === "person" ? repair.mend : "npm run check -- --mend";
}

function renderForwards(forwards: readonly ForwardResult[]): string[] {
  const works = forwards.filter(({ failure }) => failure === undefined);
  const shown =
    forwards.length > mostForwardLines ? forwards.filter((one) => !works.includes(one)) : forwards;
  const rows = shown.map((result) => [
    `  ${portOf(result.forward)}`,
    `-> ${targetOf(result.forward)}`,
    summarizeFindings(result.findings),
    summarizeAnswers(result.fromHere),
  ]);
  const hidden = forwards.length - shown.length;
  return [
    ...(rows.length === 0 ? [] : table([["  port", "", "as strangers", "from here"], ...rows])),
    ...(hidden === 0 ? [] : [`  ${rows.length === 0 ? "" : "and "}${hidden} more ports that work`]),
  ];
}

/** Both families in one word where they agree. */
function summarizeFindings(findings: readonly Finding[]): string {
  return summarize(findings.map(({ family, verdict }) => [family, verdict] as const));
}

function summarizeAnswers(answers: ReadonlyMap<Family, Answer>): string {
  return summarize([...answers].map(([family, answer]) => [family, describeAnswer(answer)] as const));
}

function summarize(said: readonly (readonly [Family, string])[]): string {
  const tried = said.filter(([, text]) => !text.startsWith("not tried"));
  if (tried.length === 0) return said.length === 0 ? "not tried" : (said[0]?.[1] ?? "");
  const [first] = tried;
  if (first === undefined) return "not tried";
  if (tried.every(([, text]) => text === first[1]))
    return tried.length === said.length ? first[1] : `${first[1]} (IPv${first[0]})`;
  return tried.map(([family, text]) => `IPv${family} ${text}`).join(", ");
}

function describeAnswer(answer: Answer): string {
  return typeof answer === "string" ? answer : `not tried: ${answer.notTried}`;
}

/** Forwards that fail for one reason stand together. */
function renderFailures(failed: readonly ForwardResult[]): string[] {
  const byReason = Map.groupBy(
    failed,
    ({ failure }) => `    ${failure?.cause ?? ""}\n    -> ${failure?.mend ?? ""}`,
  );
  return [...byReason].flatMap(([reason, results]) => [
    ...results.map(({ forward }) => `  ${portOf(forward)} -> ${targetOf(forward)}`),
    ...reason.split("\n"),
  ]);
}

function indent(text: string, by = 2): string[] {
  return text.split("\n").map((line) => `${" ".repeat(by)}${line}`);
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
