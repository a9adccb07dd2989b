/**
 * Runs on the operator's machine, in `pulumi destroy` after the relay's server is gone and before its addresses are: no
 * server of this stack may be left, and none of its name. Hetzner finishes a server also when the `pulumi up` that asked
 * for it was ended at once; such a server is in no state and is billed. Document and secrets: strayServerDocument.ts.
 */
import { Problem, readDocument, readSecrets, runProgram } from "../host/program.ts";
import { tell } from "../host/tell.ts";
import { Api } from "./api.ts";
import type { Named } from "./makers.ts";
import { stackIdLabel } from "./ownerLabel.ts";
import type { Labels } from "./ownerLabel.ts";
import { parseStrayServerAsker, parseStrayServerDocument } from "./strayServerDocument.ts";

interface Server extends Named {
  readonly id: number;
}

interface PrimaryIp {
  /** Of IPv6 a whole /64. */
  readonly ip: string;
  readonly labels: Labels;
}

await runProgram(async () => {
  const { server, leaves = [] } = readDocument(parseStrayServerDocument);
  const asker = await readSecrets(parseStrayServerAsker);
  const api = new Api(asker);
  const servers = await listServers(api, server);
  // One that says whose it is may be another stack's of the same name.
  const left = servers.find(({ name, labels: { [stackIdLabel]: id } }) =>
    id === undefined ? name === server : id === asker.stackId,
  );
  if (left)
    throw new Problem(`Hetzner still has a server ${left.name} (number ${left.id}), which this stack knows nothing of and which is billed.
A pulumi that was ended while Hetzner made it left it there. Delete it in Hetzner's console, then run the same command again.`);
  const addresses = await listAddresses(api, asker.stackId);
  await tell([...describeAddresses(server, addresses), ...leaves].join("\n"));
});

function describeAddresses(server: string, addresses: readonly string[]): string[] {
  const gone = `The server ${server} is gone from Hetzner.`;
  if (addresses.length === 0) return [gone];
  const they = addresses.join(" and ");
  return [`${gone} Next ${they} go back there: others will get them, and another pulumi up gets new ones.`];
}

/** None where that cannot be said: the server is gone all the same. */
async function listAddresses(api: Api, stackId: string | undefined): Promise<readonly string[]> {
  const all = await api.list<PrimaryIp>("primary_ips", "/primary_ips").catch(() => []);
  const own = all.filter(({ labels }) => labels[stackIdLabel] === stackId).map(({ ip }) => ip);
  return [...own.filter((ip) => !ip.includes(":")), ...own.filter((ip) => ip.includes(":"))];
}

async function listServers(api: Api, name: string): Promise<Server[]> {
  try {
    return await api.list<Server>("servers", "/servers");
  } catch (error) {
    throw new Problem(
      `Could not ask Hetzner whether a server named ${name} is left:
${(error as Error).message}
Without an answer, look in Hetzner's console.`,
      { cause: error },
    );
  }
}
