/**
 * `npm run -s picture [-- --stack NAME] > stack.svg`: draws the stack as the last `pulumi up` left it, as an SVG that
 * follows the viewer's light or dark mode. It holds no secret; addresses and names are in it.
 */
import { spawnSync } from "node:child_process";
import { Problem, runProgram } from "../host/program.ts";
import { drawPicture } from "./drawing.ts";
import { readParts } from "./stackParts.ts";
import type { ExportedResource } from "./stackParts.ts";

await runProgram(() => Promise.resolve().then(main));

function main(): void {
  const { error, status, stdout } = spawnSync("pulumi", ["stack", "export", ...process.argv.slice(2)], {
    encoding: "utf8",
    maxBuffer: Infinity,
    stdio: ["inherit", "pipe", "inherit"],
  });
  if (error) throw new Problem(`pulumi cannot be run: ${error.message}\nIt comes with: npm ci`);
  if (status !== 0) throw new Problem("Without the stack there is no picture; pulumi has said why above.");
  const { deployment } = JSON.parse(stdout) as {
    deployment?: { readonly resources?: readonly ExportedResource[] };
  };
  const parts = readParts(deployment?.resources ?? []);
  if (parts === undefined) throw new Problem("There is nothing to draw yet. First: pulumi up");
  process.stdout.write(drawPicture(parts));
}
