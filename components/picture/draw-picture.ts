/**
 * `npm run -s picture [-- --stack NAME] > stack.svg`: draws the stack as the last `pulumi up` left it, as an SVG that
 * follows the viewer's light or dark mode. It holds no secret; addresses and names are in it.
 */
import { Problem, runProgram } from "../host/program.ts";
import { askPulumi } from "../host/stackOutputs.ts";
import { parseStackState } from "../host/stackState.ts";
import { drawPicture } from "./drawing.ts";
import { readParts } from "./stackParts.ts";

await runProgram(() => Promise.resolve().then(main));

function main(): void {
  // Without what is secret: that takes no passphrase.
  const { resources } = parseStackState(askPulumi(["stack", "export", ...process.argv.slice(2)]));
  const parts = readParts(resources);
  if (parts === undefined) throw new Problem("There is nothing to draw yet. First: pulumi up");
  process.stdout.write(drawPicture(parts));
}
