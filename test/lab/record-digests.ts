/**
 * Records what the real engine prints of each change of previewedChanges.ts, for the unit tests that read it. Run by hand,
 * as root, after a change of what the program makes: node test/lab/record-digests.ts [NAME…]
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Operator } from "./operator.ts";
import { previewedChanges, settingsBefore } from "./previewedChanges.ts";
import { Progress } from "./progress.ts";
import { raiseWorld } from "./raiseWorld.ts";
import { down } from "./world.ts";

const folder = join(import.meta.dirname, "../unit/review/digests");

const names = process.argv.slice(2);
const wanted = ["first", ...Object.keys(previewedChanges)].filter(
  (name) => names.length === 0 || names.includes(name),
);
const progress = new Progress();
try {
  await mkdir(folder, { recursive: true });
  await progress.phase("A lab of its own", down);
  await raiseWorld({ images: ["debian-12"], machines: [{ name: "attic" }] }, progress);
  const operator = await Operator.withStack("dev", () => undefined);
  const before = await settingsBefore();
  await operator.configure(before);
  if (wanted.includes("first")) await record(operator, "first");
  await progress.phase("pulumi up", (detail) => operator.up([], { onLine: detail }));
  for (const [name, { settings }] of Object.entries(previewedChanges).filter(([name]) =>
    wanted.includes(name),
  ))
    await progress.phase(name, async () => {
      await operator.configure(await settings(before));
      await record(operator, name);
    });
} finally {
  await down();
}

interface PrintedState {
  readonly type: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

interface PrintedStep {
  readonly op: string;
  readonly urn: string;
  readonly replaceReasons?: unknown;
  readonly oldState?: PrintedState;
  readonly newState?: PrintedState;
}

async function record(operator: Operator, name: string): Promise<void> {
  const { code, stdout, stderr } = await operator.pulumi(["preview", "--json", "--non-interactive"]);
  if (code !== 0) throw new Error(`pulumi preview of ${name}: exit ${code}\n${stdout}${stderr}`);
  const { steps } = JSON.parse(stdout) as { steps: readonly PrintedStep[] };
  await writeFile(
    join(folder, `${name}.json`),
    `${JSON.stringify({ steps: steps.map(shorten) }, null, 1)}\n`,
  );
}

/** What nobody reads is left out, above all texts that stay as they are: with them a digest has half a megabyte. */
function shorten({ op, urn, replaceReasons, oldState, newState }: PrintedStep): unknown {
  const short = (state: PrintedState | undefined, other: PrintedState | undefined) =>
    state && {
      type: state.type,
      inputs: Object.fromEntries(
        Object.entries(state.inputs ?? {}).filter(([key, value]) => {
          const text = JSON.stringify(value);
          return text.length < 300 || (other !== undefined && text !== JSON.stringify(other.inputs?.[key]));
        }),
      ),
    };
  return {
    op,
    urn,
    replaceReasons,
    oldState: short(oldState, newState),
    newState: short(newState, oldState),
  };
}
