/**
 * Runs on the operator's machine, for who asks how the stack is: where names lead as the world resolves them now. Its
 * document is `{ names }`; it prints, by name, the addresses, or `null` where nobody could be asked.
 */
import { readDocument, runProgram } from "../host/program.ts";
import { Fields } from "../network/programDocument.ts";
import { publicDns } from "./publicDns.ts";

await runProgram(async () => {
  const names = readDocument((text, source) => Fields.parse(text, source).texts("names"));
  const found = await Promise.all(
    names.map(async (name) => [name, await publicDns.addresses(name).catch(() => null)] as const),
  );
  console.log(JSON.stringify(Object.fromEntries(found)));
});
