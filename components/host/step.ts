import { libraryFolder } from "./installedFiles.ts";

/** One script run on one host with one document on its standard input. */
export interface Step {
  /** An installed script by its file name, with its arguments, or a shell command. */
  readonly run: string;
  readonly document: string;
  /** Seconds until the step is ended on the host. @default 300 */
  readonly timeoutSeconds?: number;
}

/** What the host's shell is told to run, as root. */
export function commandOf({ run, timeoutSeconds = 300 }: Omit<Step, "document">): string {
  return `timeout ${timeoutSeconds} ${/^[a-z-]+\.sh\b/.test(run) ? `${libraryFolder}/${run}` : run}`;
}
