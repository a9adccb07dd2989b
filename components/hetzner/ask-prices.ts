/**
 * Runs on the operator's machine, for who is about to order: what Hetzner takes for a server and its address. It reads
 * `HetznerAccess` from stdin and prints `Prices`.
 */
import { Problem, readSecrets, runProgram } from "../host/program.ts";
import type { PriceList, Pricing } from "../network/prices.ts";
import { Api } from "./api.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import { readPrices } from "./prices.ts";

await runProgram(async () => {
  const api = new Api(await readSecrets(parseHetznerAccess));
  try {
    const [serverTypes, { pricing }] = await Promise.all([
      api.list<{ readonly name: string; readonly prices?: PriceList }>("server_types", "/server_types"),
      api.get("/pricing") as Promise<{ readonly pricing: Pricing }>,
    ]);
    console.log(JSON.stringify(readPrices(serverTypes, pricing)));
  } catch (error) {
    throw new Problem((error as Error).message, { cause: error });
  }
});
