import { structuredPatch } from "diff";
import type { Inputs, Step } from "./digest.ts";

/**
 * The lines that change in a step's inputs, in the form of `diff -u` without file names: documents line by line, all
 * else as one value. Empty where nothing that can be shown differs, such as one secret and another.
 */
export function changedLines({ before, after }: Step): string[] {
  const [old, now] = [before, after].map(withDocuments);
  const keys = [...new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})])].sort();
  return keys.flatMap((key) => linesOf(key, old, now));
}

function linesOf(key: string, before: Inputs | undefined, after: Inputs | undefined): string[] {
  const [old, now] = [before?.[key], after?.[key]].map(render);
  if (old === now) return [];
  if (old === undefined || now === undefined || !`${old}${now}`.includes("\n"))
    return [
      ...(old === undefined ? [] : [`-${key}: ${old}`]),
      ...(now === undefined ? [] : [`+${key}: ${now}`]),
    ].flatMap((line) => line.split(/\n/).map((part, i) => (i === 0 ? part : `${line.charAt(0)}  ${part}`)));
  const { hunks } = structuredPatch(key, key, ended(old), ended(now), "", "", { context: 2 });
  return hunks.flatMap(({ lines }) => [` ${key} …`, ...lines]);
}

/** A program's document is in its environment: there it counts as an input of its own. */
function withDocuments(inputs: Inputs | undefined): Inputs | undefined {
  const environment = inputs?.["environment"];
  if (typeof environment !== "object" || environment === null) return inputs;
  return { ...inputs, environment: undefined, ...environment };
}

function ended(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

/** `undefined` is none; texts as they are, all else as JSON with a line for each part. */
function render(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
}
