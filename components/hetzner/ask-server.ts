/**
 * Runs on the operator's machine, for who asks how the stack is: what Hetzner counts of the server's traffic, and what a
 * month of it costs. Document and answer: serverDocument.ts.
 */
import { Problem, readDocument, readSecrets, runProgram } from "../host/program.ts";
import { Api } from "./api.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import { parseServerDocument } from "./serverDocument.ts";
import type { ServerAnswer } from "./serverDocument.ts";

interface Price {
  readonly location: string;
  readonly price_monthly?: { readonly gross?: string };
}

interface Server {
  readonly included_traffic?: number | null;
  readonly ingoing_traffic?: number | null;
  readonly outgoing_traffic?: number | null;
  readonly location?: { readonly name?: string } | null;
  readonly datacenter?: { readonly location?: { readonly name?: string } } | null;
  readonly server_type?: { readonly prices?: readonly Price[] };
}

interface Pricing {
  readonly currency?: string;
  readonly primary_ips?: readonly { readonly type: string; readonly prices?: readonly Price[] }[];
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

/** The address of IPv6 costs nothing. */
function priceOf(server: Server, { currency = "EUR", primary_ips = [] }: Pricing): ServerAnswer["price"] {
  const location = server.location?.name ?? server.datacenter?.location?.name;
  const at = (prices: readonly Price[] = []) =>
    Number(prices.find((price) => price.location === location)?.price_monthly?.gross ?? NaN);
  const price = {
    currency,
    server: at(server.server_type?.prices),
    ipv4: at(primary_ips.find(({ type }) => type === "ipv4")?.prices),
  };
  return Number.isFinite(price.server + price.ipv4) ? price : null;
}
