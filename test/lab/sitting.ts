/** Somebody at a terminal, who waits for each question and answers it. */
import { join } from "node:path";

const program = join(import.meta.dirname, "../contract/setup/sit.py");

/** What has to stand on the screen, and what is typed then: text, and keys as `<enter>`. */
export type Answers = readonly (readonly [question: string, keys: string])[];

export interface Sitting {
  readonly code: number;
  /** As a person sees it at the end, all that scrolled away included. */
  readonly screen: string;
  /** All that ever came. */
  readonly raw: string;
  /** Questions that never came. */
  readonly unasked: readonly string[];
}

/** The command line that sits there, and what its standard input gets; it prints a `Sitting`. */
export function sit(command: readonly string[], steps: Answers): { command: string[]; input: string } {
  return { command: ["python3", program], input: JSON.stringify({ command, steps, seconds: 300 }) };
}
