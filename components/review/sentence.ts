/** What a sentence is about; in the order in which a reviewer has to know it. */
export const kinds = [
  "loses",
  "interrupts",
  "opens",
  "admits",
  "turns",
  "narrows",
  "closes",
  "costs",
  "changes",
] as const;

/** One thing that a change does, in a user's words. Its text goes on where the kind, which is a verb, ends. */
export interface Sentence {
  readonly kind: (typeof kinds)[number];
  /** @example 8443/tcp to the internet -> nas:443 */
  readonly text: string;
  /** The steps on which it stands, by id: without one there is no sentence. */
  readonly on: readonly string[];
}
