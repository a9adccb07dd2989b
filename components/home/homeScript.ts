import { createHash } from "node:crypto";

/** A step as the script runs it. */
export interface ScriptStep {
  /** The function's name. */
  readonly name: string;
  readonly command: string;
  /** The command's standard input. */
  readonly document: string;
}

export interface HomeScript {
  /** What the user calls the home. */
  readonly home: string;
  /** What sets the home up, in this order. */
  readonly install: readonly ScriptStep[];
  readonly uninstall: ScriptStep;
  /** The text of manual-home.sh. */
  readonly main: string;
}

/**
 * One bash script that does to a home by hand what the steps would do to it from afar: the same commands, each with
 * its document as a here-document. Throws when a document contains the line that ends it.
 */
export function renderHomeScript({ home, install, uninstall, main }: HomeScript): string {
  const body = [...install, uninstall].map(renderStep);
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
readonly steps=(${install.map(({ name }) => name).join(" ")})

${body.join("\n")}
${main}`;
}

function renderStep({ name, command, document }: ScriptStep): string {
  const end = `=== end of ${name} ===`;
  const text = document.endsWith("\n") ? document : `${document}\n`;
  if (text.split("\n").includes(end)) throw new Error(`${name}: a line is "${end}", which ends documents`);
  return `${name}() {
  ${command} <<'${end}'
${text}${end}
}
`;
}
