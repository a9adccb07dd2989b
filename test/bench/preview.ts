/**
 * `npm run bench:preview`: what a preview costs that finds nothing to change, in the lab, with the real engine, beside
 * the smallest program that uses the same three providers: one resource of each. Rounds alternate, so that a noisy
 * machine is as noisy for both.
 */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { cloudApiUrl } from "../lab/addresses.ts";
import { checkout, home, Operator, zone } from "../lab/operator.ts";
import { Progress } from "../lab/progress.ts";
import { cloudToken, down, up } from "../lab/world.ts";
import { spreadOf } from "./statistics.ts";

const rounds = 9;

/** In TypeScript as well, run by the same Node in the same way. */
const smallest = `import * as command from "@pulumi/command";
import * as hcloud from "@pulumi/hcloud";
import * as random from "@pulumi/random";

const password: random.RandomPassword = new random.RandomPassword("password", { length: 64 });
new command.local.Command("command", { create: "true", stdin: password.result });
new hcloud.PrimaryIp("address", { type: "ipv4", location: "nbg1", autoDelete: false });
`;

const progress = new Progress();
try {
  await progress.phase("A lab of its own", down);
  await up(progress);
  const operator = await Operator.withStack("bench", () => undefined);
  await operator.configure({
    homes: [await home()],
    dns: { zone, createZone: true, names: ["@", "www"] },
  });
  await progress.phase("pulumi up", (detail) => operator.up([], { onLine: detail }));
  const folder = join(dirname(checkout), "smallest");
  await progress.phase("pulumi up of the smallest program", () => makeSmallest(operator, folder));
  const ours: number[] = [];
  const theirs: number[] = [];
  await progress.phase(`${rounds + 1} previews of each`, async (detail) => {
    for (let round = 0; round <= rounds; round++) {
      detail(`round ${round} of ${rounds}`);
      const seconds = [await preview(operator, folder), await preview(operator, checkout)] as const;
      // The first round fills caches.
      if (round === 0) continue;
      theirs.push(seconds[0]);
      ours.push(seconds[1]);
    }
  });
  console.log(`\n${table(ours, theirs)}`);
} finally {
  await down();
}

async function makeSmallest(operator: Operator, folder: string): Promise<void> {
  await mkdir(folder);
  for (const entry of ["package.json", "node_modules"])
    await symlink(join(import.meta.dirname, "../..", entry), join(folder, entry));
  await writeFile(join(folder, "index.ts"), smallest);
  const project = {
    name: "smallest",
    main: "index.ts",
    runtime: { name: "nodejs", options: { typescript: false } },
  };
  await writeFile(join(folder, "Pulumi.yaml"), stringify(project));
  await writeFile(
    join(folder, "Pulumi.bench.yaml"),
    stringify({ config: { "hcloud:endpoint": cloudApiUrl } }),
  );
  await pulumi(operator, folder, "stack init", "");
  await pulumi(operator, folder, "config set --secret hcloud:token --stack", await cloudToken());
  await pulumi(operator, folder, "up --yes --skip-preview --non-interactive --stack", "");
}

async function preview(operator: Operator, folder: string): Promise<number> {
  const started = performance.now();
  await pulumi(operator, folder, "preview --expect-no-changes --non-interactive --stack", "");
  return (performance.now() - started) / 1000;
}

async function pulumi(operator: Operator, folder: string, words: string, input: string): Promise<void> {
  const line = `cd '${folder}' && exec pulumi ${words} bench`;
  const { code, stdout, stderr } = await operator.command(["sh", "-c", line], { input });
  if (code !== 0) throw new Error(`pulumi ${words}: exit ${code}\n${stdout}${stderr}`);
}

function table(ours: readonly number[], theirs: readonly number[]): string {
  const ratios = ours.map((seconds, i) => seconds / (theirs[i] ?? Number.NaN));
  const row = (what: string, values: readonly number[], digits: number) => {
    const { low, median, high } = spreadOf(values);
    return `  ${what.padEnd(44)} ${median.toFixed(digits)}  (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
  };
  return [
    "A preview that finds nothing to change, seconds: median (the middle half)",
    row("this program, one home, three forwards", ours, 2),
    row("one resource of each of the three providers", theirs, 2),
    row("ratio", ratios, 2),
  ].join("\n");
}
