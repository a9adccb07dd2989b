/** The candidate that a mistyped `word` was probably meant to be. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = letters(word);
  return (
    candidates.find((candidate) => letters(candidate) === plain) ??
    candidates.find((candidate) => sharesBeginning(letters(candidate), plain)) ??
    candidates.find((candidate) => editDistance(letters(candidate), plain) <= (candidate.length < 5 ? 1 : 2))
  );
}

function letters(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** `ttl` for `ttlSeconds`; under three letters it says too little. */
function sharesBeginning(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= 3 && (a.startsWith(b) || b.startsWith(a));
}

/** Insertions, deletions and substitutions between two words (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
