import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { designs } from "./designs.ts";
import { renderDetourReport } from "./detourReport.ts";
import type { DetourFindings } from "./detourReport.ts";
import { renderFaultReport } from "./faults/report.ts";
import type { FaultFindings } from "./faults/report.ts";
import { renderPlot } from "./plot.ts";
import { promised, renderReport } from "./report.ts";
import type { Findings } from "./report.ts";
import { renderRivalReport } from "./rivalReport.ts";
import type { RivalFindings } from "./rivalReport.ts";
import { ratios } from "./statistics.ts";

const project = join(import.meta.dirname, "../..");
const page = "docs/benchmarks.md";
const picture = "docs/bench-dataplane.svg";

/** Puts the run into the page and draws its picture; returns what was written. */
export async function writeDocs(findings: Findings): Promise<string[]> {
  await writeReport("rulesets", renderReport(findings));
  await writeFile(join(project, picture), renderPicture(findings));
  return [page, picture];
}

/** The same for the rivals, which have no picture. */
export async function writeRivalDocs(findings: RivalFindings): Promise<string[]> {
  await writeReport("rivals", renderRivalReport(findings));
  return [page];
}

/** The same for the family's detour. */
export async function writeDetourDocs(findings: DetourFindings): Promise<string[]> {
  await writeReport("detour", renderDetourReport(findings));
  return [page];
}

/** The same for the faults. */
export async function writeFaultDocs(findings: FaultFindings): Promise<string[]> {
  await writeReport("faults", renderFaultReport(findings));
  return [page];
}

async function writeReport(part: Part, report: string): Promise<void> {
  const text = await readFile(join(project, page), "utf8");
  await writeFile(join(project, page), withReport(text, part, report));
}

type Part = "rulesets" | "rivals" | "detour" | "faults";

/** What stands before the block that a run replaces. */
const marks: Readonly<Record<Part, string>> = {
  rulesets: "<!-- npm run bench:dataplane writes this block -->",
  rivals: "<!-- npm run bench:dataplane writes this block, too: the rivals -->",
  detour: "<!-- npm run bench:dataplane writes this block, too: the detour -->",
  faults: "<!-- npm run bench:faults writes this block -->",
};

/** The page with the block after the part's mark replaced. */
export function withReport(text: string, part: Part, report: string): string {
  const mark = marks[part];
  const block = new RegExp(`^${mark}\\n\\n\`\`\`text\\n[^]*?^\`\`\`$`, "m");
  if (!block.test(text)) throw new Error(`${page} has no place for the report: "${mark}"`);
  return text.replace(block, () => `${mark}\n\n\`\`\`text\n${report}\`\`\``);
}

export function renderPicture({ counts, newPerSecond }: Findings): string {
  return renderPlot(
    designs.map(({ name, label }) => ({
      label,
      design: name,
      points: counts.map((forwards) => ({
        forwards,
        ratio: ratios(newPerSecond, `${name} ${forwards}`, `ours ${Math.min(...counts)}`).median,
      })),
    })),
    promised,
  );
}
