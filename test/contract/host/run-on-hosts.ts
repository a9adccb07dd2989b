/** Reads a stack's state on stdin, runs a script on each of its hosts, one after the other, and prints what came of it. */
import { text } from "node:stream/consumers";
import { HostRunner, stackHosts } from "../../../components/host/stackHosts.ts";
import { parseStackState } from "../../../components/host/stackState.ts";

const [script = "", seconds = "", ...words] = process.argv.slice(2);
for (const host of stackHosts(parseStackState(await text(process.stdin)))) {
  const step = { script, arguments: words, timeoutSeconds: Number(seconds) };
  const answer = await new HostRunner(host).run(step, "a document\n");
  console.log(JSON.stringify({ title: host.title, isRelay: host.isRelay, ...answer }));
}
