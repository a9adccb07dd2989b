import { homeLines } from "./homeLines.ts";
import type { CardHome } from "./homeLines.ts";
import { isOpen, isUnknown, rowsOf } from "./rows.ts";

/** What `pulumi up` has to say when it has done all. None of it is secret. */
export interface CardFacts {
  readonly homes: readonly CardHome[];
  /** Full names that point at the relay. */
  readonly names: readonly string[];
  /** The relay's, those of its names. */
  readonly addresses: readonly string[];
  readonly devices: readonly string[];
  /** What is left for a person to do, one line each, besides what devices need. */
  readonly toDo: readonly string[];
  /** The file with the settings. */
  readonly stackFile: string;
  /** Seconds since 1970. */
  readonly now: number;
}

/** Lines for the forwards of all homes together. Each has some in any case. */
const mostRows = 16;
const leastRows = 3;
/** Names, and devices. */
const mostListed = 6;

/** The last words of `pulumi up`. Its first line says the most, for the engine shows it alone while others work. */
export function renderCard(facts: CardFacts): string {
  const { homes, names, addresses, devices, toDo, stackFile, now } = facts;
  const name = names.find((one) => !one.startsWith("*"));
  const at = { host: name ?? addresses[0] ?? "", isName: name !== undefined };
  const most = Math.max(leastRows, Math.floor(mostRows / Math.max(1, homes.length)));
  const waiting = [...toDo, ...deviceLines(devices)];
  return [
    summary(homes),
    ...homes.flatMap((home) => ["", ...homeLines(home, at, now, most)]),
    "",
    ...(names.length === 0
      ? [`The relay is at ${addresses.join(" and ")}.`]
      : [`Names set to ${addresses.join(" and ")}: ${list(names)}`]),
    ...(waiting.length === 0 ? [] : ["Still to do:", ...waiting.map((line) => `  - ${line}`)]),
    `Next: npm run status says how it is. Edit ${stackFile}, look with npm run preview, then npx pulumi up; npx pulumi destroy takes all away.`,
  ].join("\n");
}

function summary(homes: readonly CardHome[]): string {
  const tried = homes.flatMap(({ forwards, proof }) =>
    proof === "by its owner" ? [] : forwards.map((forward) => rowsOf(forward, proof)),
  );
  const all = tried.length;
  const open = tried.filter((rows) => rows.every(isOpen)).length;
  const untried = tried.filter((rows) => rows.every(isUnknown)).length;
  if (all === 0) return "The relay is up.";
  if (all === 1)
    return `The forward ${open === 1 ? "is open" : untried === 1 ? "could not be tried" : "is not open"}.`;
  if (open === all) return `All ${all} forwards are open.`;
  return `${open} of ${all} forwards ${open === 1 ? "is" : "are"} open${untried === 0 ? "" : `, ${untried} could not be tried`}.`;
}

function deviceLines(devices: readonly string[]): readonly string[] {
  const [first] = devices;
  if (first === undefined) return [];
  return [
    `${list(devices)}: scan the code in WireGuard's app, if that is not done: npm run device -- ${first}`,
  ];
}

function list(all: readonly string[]): string {
  const shown = all.slice(0, mostListed).join(", ");
  return all.length <= mostListed ? shown : `${shown} and ${all.length - mostListed} more`;
}
