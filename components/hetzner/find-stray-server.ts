/**
 * Runs on the operator's machine, in `pulumi destroy` after the relay's server is gone and before its addresses are: no
 * server of that name may be left. Hetzner finishes a server also when the `pulumi up` that asked for it was ended at
 * once; such a server is in no state and is billed. Document:
 * strayServerDocument.ts; secrets: hetznerAccess.ts.
 */
import { Problem, readDocument, readSecrets, runProgram } from "../host/program.ts";
import { Api } from "./api.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import { parseStrayServerDocument } from "./strayServerDocument.ts";

interface Server {
  readonly id: number;
}

await runProgram(async () => {
  const { server } = readDocument(parseStrayServerDocument);
  const access = await readSecrets(parseHetznerAccess);
  const [left] = await listServers(new Api(access), server);
  if (left)
    throw new Problem(`Hetzner still has a server ${server} (number ${left.id}), which this stack knows nothing of and which is billed.
A pulumi that was ended while Hetzner made it left it there. Delete it in Hetzner's console, then run the same command again.`);
});

async function listServers(api: Api, name: string): Promise<Server[]> {
  try {
    return await api.list<Server>("servers", "/servers", { name });
  } catch (error) {
    throw new Problem(
      `Could not ask Hetzner whether a server named ${name} is left:
${(error as Error).message}
Without an answer, look in Hetzner's console.`,
      { cause: error },
    );
  }
}
