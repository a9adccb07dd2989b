import { createHash } from "node:crypto";
import { commandOf } from "../host/step.ts";
import type { Step } from "../host/step.ts";

export interface HomeScript {
  /** What the user calls the home. */
  readonly home: string;
  /** In the order in which manual-home.sh runs them. */
  readonly steps: Readonly<Record<"prepare" | "guard" | "keys" | "tunnel" | "prove" | "uninstall", Step>>;
  /** The text of manual-home.sh. */
  readonly main: string;
}

/**
 * One bash script that does to a home by hand what the steps would do to it from afar: the same commands, each with
 * its document as a here-document. Throws when a document contains the line that ends it.
 */
export function renderHomeScript({ home, steps, main }: HomeScript): string {
  const body = Object.entries(steps).map(([name, step]) => renderStep(name, step));
  const version = createHash("sha256")
    .update(body.join("") + main)
    .digest("hex")
    .slice(0, 12);
  return `#!/bin/bash
# Sets up the server "${home}" at home, brings it in line, or takes all of it away again. On that server:
#   sudo bash ${home}.sh install | remove | status
# It holds this server's keys: keep it from others, and delete it when it has done its work.
# After a change in the stack, write it anew and run it again.
set -euo pipefail

readonly home=${home} version=${version}

${body.join("\n")}
${main}`;
}

function renderStep(name: string, step: Step): string {
  const end = `=== end of ${name} ===`;
  const document = step.document.endsWith("\n") ? step.document : `${step.document}\n`;
  if (document.split("\n").includes(end))
    throw new Error(`${name}: a line is "${end}", which ends documents`);
  return `${name}() {
  ${commandOf(step)} <<'${end}'
${document}${end}
}
`;
}
