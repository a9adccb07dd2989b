/**
 * Runs on the operator's machine, for who asks how the stack is: what Hetzner counts of the server's traffic, and what a
 * month of it costs. Document and answer: serverDocument.ts.
 */
import { Problem, readDocument, readSecrets, runProgram } from "../host/program.ts";
import { ipv4Prices, monthlyPrice } from "../network/prices.ts";
import type { PriceList, Pricing } from "../network/prices.ts";
import { Api } from "./api.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import { parseServerDocument } from "./serverDocument.ts";
import type { ServerAnswer } from "./serverDocument.ts";

interface Server {
  readonly included_traffic?: number | null;
  readonly ingoing_traffic?: number | null;
  readonly outgoing_traffic?: number | null;
  readonly location?: { readonly name?: string } | null;
  readonly datacenter?: { readonly location?: { readonly name?: string } } | null;
  readonly server_type?: { readonly prices?: PriceList };
}

await runProgram(async () => {
  const { id } = readDocument(parseServerDocument);
  const api = new Api(await readSecrets(parseHetznerAccess));
  try {
    const [{ server }, { pricing }] = (await Promise.all([
      api.get(`/servers/${id}`),
      api.get("/pricing"),
    ])) as [{ readonly server: Server }, { readonly pricing: Pricing }];
    const answer: ServerAnswer = {
      sentBytes: server.outgoing_traffic ?? null,
      receivedBytes: server.ingoing_traffic ?? null,
      includedBytes: server.included_traffic ?? null,
      price: priceOf(server, pricing),
    };
    console.log(JSON.stringify(answer));
  } catch (error) {
    throw new Problem((error as Error).message, { cause: error });
  }
});

function priceOf(server: Server, pricing: Pricing): ServerAnswer["price"] {
  const location = server.location?.name ?? server.datacenter?.location?.name;
  const own = monthlyPrice(server.server_type?.prices ?? [], location);
  const ipv4 = monthlyPrice(ipv4Prices(pricing), location);
  return own === undefined || ipv4 === undefined
    ? null
    : { currency: pricing.currency ?? "EUR", server: own, ipv4 };
}
