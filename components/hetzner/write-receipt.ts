/**
 * Runs on the operator's machine, in `pulumi destroy` when all of the stack is gone that was at Hetzner, and in `pulumi up`
 * when nothing is wanted there any more: asks Hetzner whether that is so, and says it. Document and secrets:
 * receiptDocument.ts. It changes nothing and fails for nothing: a home that is still to be cleaned waits for it.
 */
import { readDocument, readSecrets, runProgram } from "../host/program.ts";
import { tell } from "../host/tell.ts";
import { Api } from "./api.ts";
import type { Named } from "./makers.ts";
import { stackIdLabel } from "./ownerLabel.ts";
import { explainUnasked, renderReceipt } from "./remains.ts";
import type { Remains } from "./remains.ts";
import { parseReceiptAsker, parseReceiptDocument } from "./receiptDocument.ts";

/** What no zone holds, by its path and what a person calls it. */
const kinds = [
  ["servers", "server"],
  ["primary_ips", "address"],
  ["firewalls", "firewall"],
  ["ssh_keys", "SSH key"],
  ["zones", "zone"],
] as const;

await runProgram(async () => {
  const document = readDocument(parseReceiptDocument);
  const asker = await readSecrets(parseReceiptAsker);
  const { text, tone } = await ask(document.zone, asker.stackId, new Api(asker)).then(
    (remains) => renderReceipt(document, remains, new Date()),
    (error: unknown) => explainUnasked((error as Error).message),
  );
  await tell(text, tone);
});

type Thing = Named & { readonly ip?: string };

async function ask(zone: string | undefined, stackId: string, api: Api): Promise<Remains> {
  const isOurs = ({ labels }: Thing) => labels[stackIdLabel] === stackId;
  const found = await Promise.all(
    kinds.map(async ([path, noun]) => [noun, await api.list<Thing>(path, `/${path}`)] as const),
  );
  const left = found.flatMap(([noun, things]) =>
    things.filter(isOurs).map(({ name, ip }) => `${noun} ${ip ?? name}`),
  );
  const zones = found.flatMap(([noun, things]) => (noun === "zone" ? things : []));
  if (zone === undefined || !zones.some(({ name }) => name === zone)) return { left, hasZone: false };
  const records = await api.list<Thing & { readonly type: string }>("rrsets", `/zones/${zone}/rrsets`);
  const ours = records.filter(isOurs).map(({ name, type }) => `record ${type} of ${name} in ${zone}`);
  return { left: [...left, ...ours], hasZone: true };
}
