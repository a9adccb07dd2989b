export interface Line {
  readonly label: string;
  /** One of the classes below. */
  readonly design: "ours" | "nft" | "iptables";
  readonly points: readonly { readonly forwards: number; readonly ratio: number }[];
}

const plot = { left: 56, right: 470, top: 44, bottom: 264, width: 660, height: 312 };
const highest = 1.2;
const labelHeight = 16;

/** New connections per second over the number of forwards, as the text of an SVG file. */
export function renderPlot(lines: readonly Line[], promised: number): string {
  const counts = lines[0]?.points.map(({ forwards }) => forwards) ?? [];
  const [fewest, most] = [Math.log10(Math.min(...counts)), Math.log10(Math.max(...counts))];
  const x = (forwards: number) =>
    round(plot.left + ((Math.log10(forwards) - fewest) / (most - fewest)) * (plot.right - plot.left));
  const y = (ratio: number) => round(plot.bottom - (ratio / highest) * (plot.bottom - plot.top));
  const ends = lines.map(({ points }) => y(points.at(-1)?.ratio ?? 0));
  const labelAt = apart(ends, labelHeight, plot.bottom);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${plot.width} ${plot.height}" role="img" aria-labelledby="title">
  <title id="title">New connections per second over the number of forwards, relative to ours with ${counts[0] ?? 0}</title>
  <style>
    text { font: 13px system-ui, sans-serif; fill: #4b5563; }
    .head { font-weight: 600; fill: #111827; }
    .grid { stroke: #9ca3af; stroke-opacity: 0.35; }
    .promise { stroke: #6b7280; stroke-dasharray: 5 4; }
    .line { fill: none; stroke-width: 2.5; }
    .ours { stroke: #2563eb; } .nft { stroke: #d97706; } .iptables { stroke: #9333ea; }
    .dot { stroke: none; } .dot.ours { fill: #2563eb; } .dot.nft { fill: #d97706; } .dot.iptables { fill: #9333ea; }
    @media (prefers-color-scheme: dark) {
      text { fill: #b6bec9; } .head { fill: #f3f4f6; }
      .ours { stroke: #60a5fa; } .nft { stroke: #fbbf24; } .iptables { stroke: #c084fc; }
      .dot.ours { fill: #60a5fa; } .dot.nft { fill: #fbbf24; } .dot.iptables { fill: #c084fc; }
    }
  </style>
  <text class="head" x="${plot.left}" y="20">New connections per second, relative to ours with ${counts[0] ?? 0} forwards</text>
${[0, 0.25, 0.5, 0.75, 1]
  .map(
    (at) =>
      `  <path class="grid" d="M${plot.left} ${y(at)}H${plot.right}"/><text x="${plot.left - 8}" y="${y(at) + 4}" text-anchor="end">${at}</text>`,
  )
  .join("\n")}
${counts
  .map(
    (count) =>
      `  <text x="${x(count)}" y="${plot.bottom + 20}" text-anchor="middle">${count.toLocaleString("en-US")}</text>`,
  )
  .join("\n")}
  <text x="${(plot.left + plot.right) / 2}" y="${plot.bottom + 40}" text-anchor="middle">forwards</text>
  <path class="promise" d="M${plot.left} ${y(promised)}H${plot.right}"/><text x="${plot.left + 60}" y="${y(promised) + 16}">promised: at least ${promised}</text>
${lines
  .map(({ label, design, points }, i) => {
    const path = points.map(({ forwards, ratio }) => `${x(forwards)} ${y(ratio)}`).join("L");
    const dots = points
      .map(
        ({ forwards, ratio }) => `<circle class="dot ${design}" cx="${x(forwards)}" cy="${y(ratio)}" r="4"/>`,
      )
      .join("");
    const last = (points.at(-1)?.ratio ?? 0).toFixed(2);
    return `  <path class="line ${design}" d="M${path}"/>${dots}\n  <text x="${plot.right + 12}" y="${(labelAt[i] ?? 0) + 4}">${label}: ${last}</text>`;
  })
  .join("\n")}
</svg>
`;
}

/** The same heights, moved up where one would lie on the next one below it, and never under `lowest`. */
export function apart(heights: readonly number[], distance: number, lowest: number): number[] {
  const moved = [...heights];
  let limit = lowest;
  for (const [i] of [...heights.entries()].sort(([, a], [, b]) => b - a)) {
    moved[i] = Math.min(moved[i] ?? 0, limit);
    limit = moved[i] - distance;
  }
  return moved;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
