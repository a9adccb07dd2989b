/**
 * Runs on the operator's machine, for who is about to order: what Hetzner takes for a server and its address. It reads
 * `HetznerAccess` from stdin and prints `Prices`.
 */
import { Problem, readSecrets, runProgram } from "../host/program.ts";
import { Api } from "./api.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import { readPrices } from "./prices.ts";

await runProgram(async () => {
  const api = new Api(await readSecrets(parseHetznerAccess));
  try {
    const [serverTypes, { pricing }] = await Promise.all([
      api.list<Parameters<typeof readPrices>[0][number]>("server_types", "/server_types"),
      api.get("/pricing") as Promise<{ readonly pricing: Parameters<typeof readPrices>[1] }>,
    ]);
    console.log(JSON.stringify(readPrices(serverTypes, pricing)));
  } catch (error) {
    throw new Problem((error as Error).message, { cause: error });
  }
});
