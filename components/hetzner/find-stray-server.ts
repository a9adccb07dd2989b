/**
 * Runs on the operator's machine. Hetzner finishes what it was asked for also when the `pulumi up` that asked was ended at
 * once; such a thing is in no state and is billed. Document and secrets: strayServerDocument.ts.
 *
 * With the argument `addresses`, in `pulumi up` before a server is made: the stack has no address but those that it knows.
 * With none, in `pulumi destroy` after the relay's server is gone and before its addresses are: neither has it a server,
 * nor is there one of its name.
 */
import { Problem, readDocument, readSecrets, runProgram } from "../host/program.ts";
import { tell } from "../host/tell.ts";
import { Api } from "./api.ts";
import type { Named } from "./makers.ts";
import { stackIdLabel } from "./ownerLabel.ts";
import { parseStrayServerAsker, parseStrayServerDocument } from "./strayServerDocument.ts";

interface Server extends Named {
  readonly id: number;
}

interface Address extends Named {
  readonly id: number;
  /** Of IPv6 a whole /64. */
  readonly ip: string;
  readonly assignee_id: number | null;
}

await runProgram(async () => {
  const isDestroy = process.argv[2] !== "addresses";
  const { server, addresses: known = [], leaves = [] } = readDocument(parseStrayServerDocument);
  const asker = await readSecrets(parseStrayServerAsker);
  const api = new Api(asker);
  const isOwn = ({ labels }: Named) => asker.stackId !== undefined && labels[stackIdLabel] === asker.stackId;
  const servers = isDestroy ? await list<Server>(api, "servers", `a server named ${server}`) : [];
  const addresses = await list<Address>(api, "primary_ips", "an address of this stack");
  const own = addresses.filter(isOwn);
  const left = [
    ...servers
      // One that says whose it is may be another stack's of the same name.
      .filter((one) => isOwn(one) || (one.labels[stackIdLabel] === undefined && one.name === server))
      .map(({ name, id }) => `a server ${name} (number ${id})`),
    ...own
      // The server that is about to be replaced may still have the ones of before.
      .filter(
        ({ assignee_id, id }) => known.length > 0 && assignee_id === null && !known.includes(String(id)),
      )
      .map(({ ip, name, id }) => `an address ${ip} (${name}, number ${id})`),
  ];
  if (left.length > 0)
    throw new Problem(`Hetzner still has ${left.join(" and ")}, which this stack knows nothing of and which is billed.
A pulumi that was ended while Hetzner made it left it there. Delete it in Hetzner's console, then run the same command again.`);
  if (isDestroy) await tell([describeAddresses(server, own), ...leaves].join("\n"));
});

function describeAddresses(server: string, addresses: readonly Address[]): string {
  const gone = `The server ${server} is gone from Hetzner.`;
  if (addresses.length === 0) return gone;
  const ips = addresses.map(({ ip }) => ip);
  const they = [...ips.filter((ip) => !ip.includes(":")), ...ips.filter((ip) => ip.includes(":"))].join(
    " and ",
  );
  return `${gone} Next ${they} go back there: others will get them, and another pulumi up gets new ones.`;
}

async function list<Thing>(api: Api, kind: string, what: string): Promise<Thing[]> {
  try {
    return await api.list<Thing>(kind, `/${kind}`);
  } catch (error) {
    throw new Problem(
      `Could not ask Hetzner whether ${what} is left:
${(error as Error).message}
Without an answer, look in Hetzner's console.`,
      { cause: error },
    );
  }
}
