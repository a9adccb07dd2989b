/** The stack that sets a host up; no other may. `Text`: a string, or the engine's promise of one. */
export interface Owner<Text = string> {
  /** Unknown before the first `up`, so it stands in no document. */
  readonly id: Text;
  /** For people: `home-relay/dev`. */
  readonly stack: string;
}
