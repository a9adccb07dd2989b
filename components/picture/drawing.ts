import type { PicturedDevice, PicturedForward, PicturedHome, StackParts } from "./stackParts.ts";

/** Pixels. Columns are fixed, so that a text that a viewer's font makes wider stays within its own. */
const size = { width: 1000, margin: 24, row: 24, title: 58, gap: 22, most: 12 } as const;
const column = {
  strangers: { x: size.margin, width: 200 },
  relay: { x: 300, width: 220 },
  wall: { x: 612, width: 64 },
  homes: { x: 700, width: 276 },
} as const;

/** Colours of both modes: ink, lines, boxes, what a stranger takes, what only devices take. */
const style = `
  svg { --ink: #1f2430; --soft: #5b6474; --line: #c3c9d4; --box: #ffffff; --back: #f5f6f9; --way: #0b6bcb; --own: #7a3fb5; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e7eaf0; --soft: #a3acbb; --line: #454d5c; --box: #20252f; --back: #14171d; --way: #6cb2ff; --own: #c79bff; }
  }
  text { font: 14px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
  .title { font-weight: 600; font-size: 16px; }
  .soft { fill: var(--soft); font-size: 12px; }
  .box { fill: var(--box); stroke: var(--line); }
  .wall { fill: none; stroke: var(--line); stroke-dasharray: 4 4; }
  .way { stroke: var(--way); fill: none; stroke-width: 1.6; }
  .tunnel { stroke: var(--way); fill: none; stroke-width: 5; opacity: 0.25; }
  .own { stroke: var(--own); fill: none; stroke-width: 1.6; stroke-dasharray: 6 3; }
  .own-text { fill: var(--own); }`;

/** A row of a home: one forward, or that there are more. */
interface Row {
  readonly y: number;
  readonly forward: PicturedForward | undefined;
  readonly left: number;
}

interface PlacedHome {
  readonly home: PicturedHome;
  readonly y: number;
  readonly height: number;
  readonly rows: readonly Row[];
}

/** A stack as SVG: strangers, relay, what stands between, homes, devices; it follows the viewer's light or dark mode. */
export function drawPicture(parts: StackParts): string {
  const homes = placeHomes(parts.homes);
  const ends = homes.map(({ y, height }) => y + height);
  const bottom = Math.max(...ends, size.margin + askedFor(parts).height, size.margin + 100);
  const devices = parts.devices.map((device, i) => ({ device, y: bottom + size.gap + i * 54 }));
  const height = (devices.at(-1)?.y ?? bottom - 54) + 54 + size.margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" role="img" aria-label="${escape(describe(parts))}">`,
    `<style>${style}\n</style>`,
    `<rect width="${size.width}" height="${height}" fill="var(--back)"/>`,
    ...drawWall(bottom),
    ...drawStrangers(parts),
    ...drawRelay(parts, homes, bottom),
    ...homes.flatMap(drawHome),
    ...devices.flatMap(({ device, y }) => drawDevice(device, y)),
    "</svg>",
    "",
  ].join("\n");
}

/** The picture in one sentence, for who cannot see it. */
export function describe({ relay, names, homes, devices }: StackParts): string {
  const at = names.length > 0 ? ` at ${names.join(", ")}` : "";
  const told = homes.map(({ name, forwards }) => {
    const ports = forwards.map(({ published, target }) => `${published} to ${target}`).join(", ");
    return `${name} (${ports || "no forward"})`;
  });
  const own = devices.map(({ name, allow }) => `${name} (${allow.join(", ") || "nothing yet"})`);
  return [
    `Anybody${at} reaches the relay (${relay.machine}), which forwards through WireGuard to ${told.join(" and to ")}.`,
    ...(own.length > 0 ? [`Devices in the tunnel: ${own.join(", ")}.`] : []),
  ].join(" ");
}

function placeHomes(homes: readonly PicturedHome[]): PlacedHome[] {
  let y = size.margin;
  return homes.map((home) => {
    const shown = home.forwards.slice(0, size.most);
    const left = home.forwards.length - shown.length;
    const lines = [...shown, ...(left > 0 ? [undefined] : [])];
    const top = y;
    const rows = lines.map((forward, i) => ({ y: top + size.title + (i + 0.5) * size.row, forward, left }));
    const height = size.title + Math.max(1, lines.length) * size.row + 10;
    y += height + size.gap;
    return { home, y: top, height, rows };
  });
}

function drawWall(bottom: number): string[] {
  const { x, width } = column.wall;
  const middle = x + width / 2;
  return [
    `<rect class="wall" x="${x}" y="${size.margin}" width="${width}" height="${bottom - size.margin}" rx="8"/>`,
    ...["CGNAT,", "router"].map(
      (word, i) =>
        `<text class="soft" x="${middle}" y="${size.margin + 20 + i * 16}" text-anchor="middle">${word}</text>`,
    ),
  ];
}

/** What strangers ask for: names, and the addresses that these lead to. */
function askedFor({ names, relay }: StackParts): {
  readonly names: readonly string[];
  readonly height: number;
} {
  const shown = names.slice(0, 4);
  const lines = names.length > shown.length ? [...shown, `and ${names.length - shown.length} more`] : shown;
  return { names: lines, height: 64 + lines.length * 20 + relay.addresses.length * 16 };
}

function drawStrangers(parts: StackParts): string[] {
  const { x, width } = column.strangers;
  const { names, height } = askedFor(parts);
  const y = size.margin;
  const addresses = y + 68 + names.length * 20;
  return [
    box(x, y, width, height),
    label("title", x + 14, y + 28, "anybody"),
    label("soft", x + 14, y + 46, "asks for"),
    ...names.map((name, i) => label("", x + 14, y + 68 + i * 20, short(name, 24))),
    ...parts.relay.addresses.map((address, i) =>
      label("soft", x + 14, addresses + i * 16, short(address, 32)),
    ),
  ];
}

function drawRelay({ relay }: StackParts, homes: readonly PlacedHome[], bottom: number): string[] {
  const { x, width } = column.relay;
  const { x: from, width: fromWidth } = column.strangers;
  const enters = size.margin + 30;
  const way = `M ${from + fromWidth} ${enters} H ${x}`;
  return [
    `<path class="way" d="${way}"/>`,
    arrow(x, enters, "way"),
    box(x, size.margin, width, bottom - size.margin),
    label("title", x + 14, size.margin + 28, "relay"),
    label("soft", x + 14, size.margin + 46, short(relay.machine, 32)),
    ...homes.slice(0, 1).flatMap(({ rows }) => rows.slice(0, 1).map(drawTunnelName)),
    ...homes.flatMap(({ rows }) => rows.flatMap(drawWay)),
  ];
}

function drawTunnelName({ y }: Row): string {
  return label("soft", column.relay.x + column.relay.width + 6, y - 8, "WireGuard");
}

function drawWay({ y, forward, left }: Row): string[] {
  const start = column.relay.x + column.relay.width;
  const { x: end } = column.homes;
  if (forward === undefined) return [label("soft", column.relay.x + 14, y + 5, `and ${left} more`)];
  const guarded = forward.from === "" ? "" : `, from ${forward.from} alone`;
  return [
    label("", column.relay.x + 14, y + 5, short(`${forward.published}${guarded}`, 28)),
    `<path class="tunnel" d="M ${start} ${y} H ${end}"/>`,
    `<path class="way" d="M ${start} ${y} H ${end}"/>`,
    arrow(end, y, "way"),
  ];
}

function drawHome({ home, y, height, rows }: PlacedHome): string[] {
  const { x, width } = column.homes;
  return [
    box(x, y, width, height),
    label("title", x + 18, y + 28, home.name),
    label("soft", x + 18, y + 46, `guard: nothing but this; ${home.address}`),
    ...rows.map((row) =>
      label(
        row.forward === undefined ? "soft" : "",
        x + 18,
        row.y + 5,
        row.forward === undefined ? `and ${row.left} more` : `port ${short(row.forward.target, 30)}`,
      ),
    ),
    ...(rows.length === 0 ? [label("soft", x + 18, y + size.title + 16, "nothing is forwarded here")] : []),
  ];
}

function drawDevice({ name, allow }: PicturedDevice, y: number): string[] {
  const { x, width } = column.strangers;
  const to = column.relay.x;
  const allowed = allow.join(", ") || "nothing yet";
  return [
    box(x, y, width, 42),
    label("title", x + 14, y + 27, short(name, 20)),
    `<path class="own" d="M ${x + width} ${y + 21} H ${to}"/>`,
    arrow(to, y + 21, "own"),
    label("own-text", to + 14, y + 26, `may reach ${short(allowed, 80)}`),
  ];
}

function box(x: number, y: number, width: number, height: number): string {
  return `<rect class="box" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`;
}

function label(kind: string, x: number, y: number, text: string): string {
  return `<text${kind === "" ? "" : ` class="${kind}"`} x="${x}" y="${y}">${escape(text)}</text>`;
}

/** The head of an arrow whose tip is at x. */
function arrow(x: number, y: number, kind: "way" | "own"): string {
  return `<path class="${kind}" d="M ${x - 8} ${y - 4} L ${x} ${y} L ${x - 8} ${y + 4}"/>`;
}

function short(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}
