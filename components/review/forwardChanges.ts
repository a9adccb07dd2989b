import { parseRendered } from "../network/forward.ts";
import type { Protocol } from "../network/port.ts";
import { renderPortRange } from "../network/port.ts";
import type { Sentence } from "./sentence.ts";

/** What is forwarded to one home, as its component says it (`renderForward`): `443:8081/tcp, from 198.51.100.0/24`. */
export interface HomeForwards {
  readonly home: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The step that says it. */
  readonly on: string;
}

/** One published port (or range) of one protocol, and all that is said of it. */
interface Opening {
  /** @example 443 */
  readonly published: string;
  readonly protocol: Protocol;
  /** @example nas:8081 */
  readonly leadsTo: string;
  /** @example 198.51.100.0/24; empty: everybody. */
  readonly from: string;
  /** What else was chosen. @example masquerade */
  readonly rest: string;
  readonly on: string;
}

/** What becomes open, what closed, and what leads elsewhere; ports that change alike in both protocols are one. */
export function describeForwards(homes: readonly HomeForwards[]): Sentence[] {
  const before = openings(homes, "before");
  const after = openings(homes, "after");
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  const changes = keys.flatMap((key) => describeOpening(before.get(key), after.get(key)));
  return joinProtocols(changes);
}

function openings(homes: readonly HomeForwards[], when: "before" | "after"): Map<string, Opening> {
  const all = homes.flatMap((home) => home[when].flatMap((text) => readOpening(text, home)));
  return new Map(all.map((opening) => [`${opening.published}/${opening.protocol}`, opening]));
}

function readOpening(text: string, { home, on }: HomeForwards): Opening[] {
  const { published, target, protocols, to, from, rest } = parseRendered(text);
  const machine = to === undefined ? home : `${to} behind ${home}`;
  return protocols.map((protocol) => ({
    published: renderPortRange(published),
    protocol,
    leadsTo: `${machine}:${renderPortRange(target)}`,
    from,
    rest,
    on,
  }));
}

/** A sentence about a port of one protocol, told around the port. */
interface PortSentence extends Omit<Sentence, "text"> {
  readonly published: string;
  readonly protocol: Protocol;
  readonly say: (port: string) => string;
}

function describeOpening(before: Opening | undefined, after: Opening | undefined): PortSentence[] {
  const { published, protocol } = (after ?? before) as Opening;
  const sentence = (kind: Sentence["kind"], say: PortSentence["say"]): PortSentence => ({
    kind,
    on: [before, after].flatMap((opening) => (opening === undefined ? [] : [opening.on])),
    published,
    protocol,
    say,
  });
  if (before === undefined) {
    const { leadsTo, from, rest } = after as Opening;
    const besides = rest === "" ? "" : ` (${rest})`;
    return [sentence("opens", (port) => `${port} to ${whom(from)} -> ${leadsTo}${besides}`)];
  }
  if (after === undefined) return [sentence("closes", (port) => `${port}, which led to ${before.leadsTo}`)];
  return [
    ...(before.leadsTo === after.leadsTo
      ? []
      : [sentence("turns", (port) => `${port} to ${after.leadsTo}; it led to ${before.leadsTo}`)]),
    ...(before.from === after.from
      ? []
      : [
          sentence(
            narrows(before.from, after.from) ? "narrows" : "opens",
            (port) => `${port} to ${whom(after.from)}; it was open to ${whom(before.from)}`,
          ),
        ]),
    ...(before.rest === after.rest
      ? []
      : [
          sentence(
            "changes",
            (port) => `${port}: ${after.rest || "no option"}; before, ${before.rest || "none"}`,
          ),
        ]),
  ];
}

/** Prefixes, a space between two; empty: everybody. */
export function whom(from: string): string {
  return from === "" ? "the internet" : `${from.split(" ").join(", ")} alone`;
}

/** Whether nobody gets in who was not let in before, as far as the lists alone tell. */
export function narrows(before: string, after: string): boolean {
  if (after === "") return false;
  return before === "" || after.split(" ").every((prefix) => before.split(" ").includes(prefix));
}

function joinProtocols(changes: readonly PortSentence[]): Sentence[] {
  const grouped = Map.groupBy(changes, ({ kind, published, say }) => [kind, published, say("")].join("\n"));
  return [...grouped.values()].map((group) => {
    const [{ kind, published, say } = group[0] as PortSentence] = group;
    const protocols = [...new Set(group.map(({ protocol }) => protocol))].sort().join("+");
    return {
      kind,
      text: say(`${published}/${protocols}`),
      on: [...new Set(group.flatMap(({ on }) => on))],
    };
  });
}
