import { renderDestination } from "./answers.ts";
import type { Destination } from "./answers.ts";

/** Why nobody is let in, as far as it shows; the words of ssh are `said`. */
export type LoginProblem = "refused" | "wrongKey" | "other";

export function explainLogin(at: Destination, problem: LoginProblem, said: string): string {
  const login = renderDestination(at);
  switch (problem) {
    case "refused":
      return `${at.host} does not let ${at.user} in by any key of yours: ${lastLine(said)}
This has to work without a question:    ssh ${login} true
If your key is not there yet:           ssh-copy-id ${login}
If it has a passphrase, an agent is needed:  ssh-add`;
    case "wrongKey":
      return `${at.host} shows ssh another key than it did a moment ago, so nothing was sent there. Try once more; if it stays so, find out who else answers at that address.`;
    case "other":
      return `${at.host} shows its key, and the login fails: ${lastLine(said) || "no reason given"}
Try it yourself:  ssh ${login} true`;
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
