import { spawnSync } from "node:child_process";

/**
 * The stack's outputs, secrets included, as the last `pulumi up` left them; `args` go to pulumi. Ends this program as
 * pulumi ended, which has said why, where it fails.
 */
export function readStackOutputs(args: readonly string[] = []): Readonly<Record<string, unknown>> {
  // All of them: asked for one that is not there, pulumi ends with an error of its own.
  return JSON.parse(askPulumi(["stack", "output", "--show-secrets", "--json", ...args])) as Record<
    string,
    unknown
  >;
}

/** What pulumi prints; ends this program as pulumi ended, where it fails. */
export function askPulumi(command: readonly string[]): string {
  const { error, status, stdout } = spawnSync("pulumi", command, {
    encoding: "utf8",
    // Scripts of many homes are long.
    maxBuffer: Infinity,
    // It may ask for the passphrase.
    stdio: ["inherit", "pipe", "inherit"],
  });
  if (error) {
    console.error(`pulumi cannot be run: ${error.message}\nIt comes with: npm ci`);
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? 1);
  return stdout;
}
