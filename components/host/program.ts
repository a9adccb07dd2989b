/** What the programs on the operator's machine have in common: their input, and how they end. */
import { text } from "node:stream/consumers";
import { documentVariable } from "../network/programDocument.ts";

/** A problem that is told to the user in these words, and ends the program with exit code 1. */
export class Problem extends Error {}

/** Runs a program. What it throws is told on stderr; a `Problem` without the place in our code. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const unexpected = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(error instanceof Problem ? error.message : unexpected);
    process.exitCode = 1;
  }
}

/** The program's document. */
export function readDocument<Document>(
  parse: (text: string | undefined, source: string) => Document,
): Document {
  return asProblem(() => parse(process.env[documentVariable], `The variable ${documentVariable}`));
}

/** The document with the secrets, on stdin; nothing there stands for a document without any. */
export async function readSecrets<Secrets>(
  parse: (text: string, source: string) => Secrets,
): Promise<Secrets> {
  const input = await text(process.stdin);
  return asProblem(() => parse(input || "{}", "stdin"));
}

/** What this program printed when it last ran, as the engine hands it on. `undefined`: it never did. */
export function readPreviousOutput(): string | undefined {
  return process.env["PULUMI_COMMAND_STDOUT"] || undefined;
}

function asProblem<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Problem((error as Error).message, { cause: error });
  }
}
