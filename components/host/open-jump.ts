/**
 * The ProxyCommand of connection.ts: a connection to a host through its jump host. Document: jumpDocument.ts. Arguments:
 * HOST PORT. The connection is stdin and stdout. What goes wrong with the jump host is told with a mark before each
 * line, so that nobody looks at the host behind it.
 */
import { collect, end, start, tidy } from "./connection.ts";
import { parseJumpDocument } from "./jumpDocument.ts";
import { readDocument, runProgram } from "./program.ts";
import { jumpArguments } from "./sshArguments.ts";
import { markJumpComplaint } from "./sshComplaint.ts";

await runProgram(async () => {
  const [host = "", port = ""] = process.argv.slice(2);
  const { jump, knownHosts, dialSeconds } = readDocument(parseJumpDocument);
  const args = jumpArguments(jump, knownHosts, dialSeconds, { host, port });
  const ssh = start("ssh", args, {}, ["inherit", "inherit", "pipe"]);
  const complaint = collect(ssh.stderr, []);
  if ((await end(ssh)) === 0) return;
  const said = tidy(complaint.join(""));
  if (said !== "") console.error(markJumpComplaint(said));
  process.exitCode = 1;
});
