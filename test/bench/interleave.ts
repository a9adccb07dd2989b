import { isQuiet } from "./statistics.ts";
import type { Round } from "./statistics.ts";

/** A busy machine gets this many rounds for each that is wanted; with all of them a run takes under five minutes. */
const patience = 2.5;

/** Things to measure in turn. */
export interface Course<Variant> {
  readonly variants: readonly Variant[];
  readonly rounds: number;
  readonly stop: AbortSignal;
  readonly detail: (line: string) => void;
}

/**
 * Measures all variants in turn, round after round, each second round backwards. The first variant is the baseline:
 * it comes first and last, and a round in which the two differ too much is measured again. Of the two, the first counts
 * in one round and the last in the next. One round is for warming up.
 */
export async function interleave<Variant extends { readonly name: string }, T>(
  { variants: [baseline, ...others], rounds: wanted, stop, detail }: Course<Variant>,
  take: (variant: Variant) => Promise<T>,
  judged: (found: T) => number,
): Promise<{ rounds: ReadonlyMap<string, T>[]; discarded: number }> {
  if (baseline === undefined) throw new Error("interleave: no variant");
  const kept: ReadonlyMap<string, T>[] = [];
  let discarded = 0;
  for (let i = 0; kept.length < wanted; i++) {
    if (discarded > (patience - 1) * wanted)
      throw new Error(
        `The machine is too busy to measure on: ${discarded} of ${i - 1} rounds had two baselines too far apart.`,
      );
    const round = new Map<string, T>();
    const slot = (variant: Variant) => {
      stop.throwIfAborted();
      detail(`${kept.length} of ${wanted} rounds, ${discarded} thrown away; now ${variant.name}`);
      return take(variant);
    };
    const first = await slot(baseline);
    for (const variant of i % 2 === 0 ? others : others.toReversed())
      round.set(variant.name, await slot(variant));
    const last = await slot(baseline);
    round.set(baseline.name, i % 2 === 0 ? first : last);
    if (i === 0) continue;
    if (isQuiet(judged(first), judged(last))) kept.push(round);
    else discarded++;
  }
  return { rounds: kept, discarded };
}

/** One figure of what each round found. */
export function pick<T>(round: ReadonlyMap<string, T>, value: (found: T) => number): Round {
  return new Map([...round].map(([name, found]) => [name, value(found)]));
}
