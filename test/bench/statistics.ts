/** A median, and between what lies the middle half of the values. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { low: quantile(sorted, 0.25), median: quantile(sorted, 0.5), high: quantile(sorted, 0.75) };
}

/** Between two values in proportion, where none lies at the very place. */
function quantile(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part;
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  if (below === undefined || above === undefined) throw new Error("There is no median of nothing.");
  return below + (above - below) * (place - Math.floor(place));
}

/** What one round found, by variant. */
export type Round = ReadonlyMap<string, number>;

/** A variant's value divided by another's, round by round: what slows both in one round does not show. */
export function ratios(rounds: readonly Round[], variant: string, baseline: string): Spread {
  return spreadOf(rounds.map((round) => valueOf(round, variant) / valueOf(round, baseline)));
}

export function values(rounds: readonly Round[], variant: string): Spread {
  return spreadOf(rounds.map((round) => valueOf(round, variant)));
}

function valueOf(round: Round, variant: string): number {
  const value = round.get(variant);
  if (value === undefined) throw new Error(`A round lacks "${variant}".`);
  return value;
}

/** How far the two baselines of a round may differ, as a part of the smaller one, before the round is thrown away. */
export const mostDrift = 0.1;

export function isQuiet(first: number, second: number): boolean {
  return Math.max(first, second) <= (1 + mostDrift) * Math.min(first, second);
}
