/**
 * Runs on the operator's machine, in `pulumi destroy` after the relay's server is gone and before its addresses are: no
 * server of this stack may be left, and none of its name. Hetzner finishes a server also when the `pulumi up` that asked
 * for it was ended at once; such a server is in no state and is billed. Document and secrets: strayServerDocument.ts.
 */
import { Problem, readDocument, readSecrets, runProgram } from "../host/program.ts";
import { Api } from "./api.ts";
import type { Named } from "./makers.ts";
import { stackIdLabel } from "./ownerLabel.ts";
import { parseStrayServerAsker, parseStrayServerDocument } from "./strayServerDocument.ts";

interface Server extends Named {
  readonly id: number;
}

await runProgram(async () => {
  const { server } = readDocument(parseStrayServerDocument);
  const asker = await readSecrets(parseStrayServerAsker);
  const servers = await listServers(new Api(asker), server);
  // One that says whose it is may be another stack's of the same name.
  const left = servers.find(({ name, labels: { [stackIdLabel]: id } }) =>
    id === undefined ? name === server : id === asker.stackId,
  );
  if (left)
    throw new Problem(`Hetzner still has a server ${left.name} (number ${left.id}), which this stack knows nothing of and which is billed.
A pulumi that was ended while Hetzner made it left it there. Delete it in Hetzner's console, then run the same command again.`);
});

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
