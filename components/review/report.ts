import type { Digest, Step } from "./digest.ts";
import { changedLines } from "./lines.ts";
import type { Sentence } from "./sentence.ts";
import type { Change } from "./words.ts";

/** How a change is told, beside the change itself. */
export interface Telling {
  /** @example dev */
  readonly stack: string;
  /** What stands under the sentences. @example told without the stack's state */
  readonly note: string | undefined;
}

/** Paints a word for a terminal, or leaves it as it is. */
export type Paint = (kind: Sentence["kind"], word: string) => string;

/** For a terminal: the sentences, then what they stand on, line by line. */
export function renderText(change: Change, telling: Telling, paint: Paint): string {
  const { sentences, unsaid, steps } = change;
  const width = Math.max(0, ...sentences.map(({ kind }) => kind.length));
  const said = sentences.map(({ kind, text }) => `  ${paint(kind, kind.padEnd(width))}  ${text}`);
  return [
    title(change, telling.stack),
    ...(said.length > 0 ? ["", ...said] : []),
    ...(unsaid.length > 0 ? ["", "Besides, what there is no sentence for:", ...unsaid.map(rowOf)] : []),
    ...(telling.note === undefined ? [] : ["", telling.note]),
    ...(steps.length > 0 ? ["", stepsTitle(steps), ...steps.flatMap(linesOfStep)] : []),
    "",
  ].join("\n");
}

/**
 * For a comment on a pull request: GitHub and GitLab take Markdown of at most 65,536 and 1,000,000 characters; this is at
 * most `most` long, and says what was left out.
 */
export function renderMarkdown(change: Change, telling: Telling, most = 60_000): string {
  const { sentences, unsaid, steps } = change;
  const rows = sentences.map(({ kind, text }) => `| **${kind}** | ${cell(text)} |`);
  const head = [
    `### ${title(change, telling.stack)}`,
    "",
    ...(rows.length > 0 ? ["| | |", "| --- | --- |", ...rows, ""] : []),
    ...(unsaid.length > 0
      ? ["Besides, what there is no sentence for:", "", ...unsaid.map((step) => `- \`${nameOf(step)}\``), ""]
      : []),
    ...(telling.note === undefined ? [] : [telling.note, ""]),
  ];
  const lines = steps.flatMap(linesOfStep);
  const details = (shown: readonly string[], left: number) =>
    steps.length === 0
      ? []
      : [
          `<details><summary>${stepsTitle(steps)}</summary>`,
          "",
          `${fence(lines)}diff`,
          ...shown,
          ...(left > 0 ? [`… and ${left} lines more, which stand in the job's log`] : []),
          fence(lines),
          "",
          "</details>",
          "",
        ];
  const whole = [...head, ...details(lines, 0)].join("\n");
  if (whole.length <= most) return whole;
  const room = most - [...head, ...details([], lines.length)].join("\n").length;
  const shown = fitting(lines, room);
  const cut = [...head, ...details(shown, lines.length - shown.length)].join("\n");
  // Thousands of sentences are too long by themselves.
  return cut.length <= most ? cut : `${cut.slice(0, most - 50)}\n… the rest stands in the job's log\n`;
}

/** What the program or the engine refused, in place of a change. */
export function renderRefusal({ messages }: Pick<Digest, "messages">, stack: string): string {
  const errors = messages.filter(({ severity }) => severity === "error").map(({ text }) => text.trimEnd());
  return [
    `Stack ${stack}: nothing can be previewed.`,
    "",
    ...errors.map((text) => text.replace(/^error: /, "")),
    "",
  ].join("\n");
}

function title({ steps }: Change, stack: string): string {
  return `Stack ${stack}: ${steps.length === 0 ? "nothing changes" : "what changes"}`;
}

function stepsTitle(steps: readonly Step[]): string {
  return `The lines that change, in ${steps.length} ${steps.length === 1 ? "step" : "steps"}`;
}

function rowOf(step: Step): string {
  return `  ${nameOf(step)}`;
}

function nameOf({ operation, name, type }: Step): string {
  return `${operation} ${name} (${type})`;
}

/** A step whose difference cannot be shown has its name at least. */
function linesOfStep(step: Step): string[] {
  // What is new or gone as a whole is told by its name: its document would be hundreds of lines that nobody compares.
  const lines = step.before === undefined || step.after === undefined ? [] : changedLines(step);
  return [`@@ ${nameOf(step)} @@`, ...lines];
}

function fitting(lines: readonly string[], room: number): string[] {
  let used = 0;
  return lines.slice(
    0,
    lines.findIndex((line) => (used += line.length + 1) > room),
  );
}

/** Longer than any that stands in the text. */
function fence(lines: readonly string[]): string {
  const longest = Math.max(2, ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map((run) => run.length)));
  return "`".repeat(longest + 1);
}

function cell(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|]/g, (character) => `\\${character}`);
}
