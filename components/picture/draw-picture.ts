/**
 * `npm run -s picture [-- --stack NAME] > stack.svg`: draws the stack as the last `pulumi up` left it, as an SVG that
 * follows the viewer's light or dark mode. It holds no secret; addresses and names are in it.
 *
 * Called by a program of ours, with a document, it draws the resources that stand on stdin instead, a JSON array.
 */
import { text } from "node:stream/consumers";
import { Problem, runProgram } from "../host/program.ts";
import { askPulumi } from "../host/stackOutputs.ts";
import { parseStackState } from "../host/stackState.ts";
import { documentVariable } from "../network/programDocument.ts";
import { drawPicture } from "./drawing.ts";
import { readParts } from "./stackParts.ts";
import type { PicturedResource } from "./stackParts.ts";

await runProgram(async () => {
  const parts = readParts(await readResources());
  if (parts === undefined) throw new Problem("There is nothing to draw yet. First: pulumi up");
  process.stdout.write(drawPicture(parts));
});

async function readResources(): Promise<readonly PicturedResource[]> {
  if (process.env[documentVariable] !== undefined)
    return JSON.parse(await text(process.stdin)) as readonly PicturedResource[];
  // Without what is secret: that takes no passphrase.
  return parseStackState(askPulumi(["stack", "export", ...process.argv.slice(2)])).resources;
}
