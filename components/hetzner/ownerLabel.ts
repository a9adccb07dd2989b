/**
 * The label by which a thing at Hetzner says, to people, which stack made it: its value is the stack's own label, which
 * `pulumi stack rename` changes.
 */
export const ownerLabel = "home-relay";
/** The label by which it says the same to this program: its value is the stack's id, which lasts as long as its state does. */
export const stackIdLabel = "home-relay-stack";

export type Labels<Text = string> = Readonly<Record<string, Text>>;

/** What a thing is labelled with. `Text`: a string, or the engine's promise of one. */
export function labelsOf<Text>(label: Text, stackId: Text): Record<string, Text> {
  return { [ownerLabel]: label, [stackIdLabel]: stackId };
}
