import { installedPath } from "./installation.ts";

/** One script run on one host with one document on its standard input, as root. */
export interface Step {
  /** By its file name, as it is installed on the host. */
  readonly script: string;
  /** Words for it, of characters that no shell reads otherwise. */
  readonly arguments: readonly string[];
  /** Seconds until the step is ended on the host. @default 300 */
  readonly timeoutSeconds?: number;
}

/** What the host's shell is told to run. */
export function commandOf({ script, arguments: words, timeoutSeconds = 300 }: Step): string {
  return [`timeout ${timeoutSeconds} ${installedPath(script)}`, ...words].join(" ");
}
