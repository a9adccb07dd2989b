import { parsePortRange } from "../../../components/network/port.ts";
import { portsOf } from "./publishedForwards.ts";

/** The elements of a map or set in a rendered ruleset, one a line. */
export function elements(ruleset: string, name: string): string[] {
  const body = new RegExp(`\\t(?:map|set) ${name} \\{\\n([^}]*?elements = \\{\\n([^}]*)\\})?`).exec(ruleset);
  if (!body) throw new Error(`the ruleset has no map or set ${name}`);
  return (body[2] ?? "").split(",").flatMap((element) => element.trim() || []);
}

/** `tcp . 80-81` as `tcp 80` and `tcp 81`; ascending, since it is compared with what should be there. */
export function protocolPorts(all: readonly string[]): string[] {
  return all
    .flatMap((element) => {
      const [protocol = "", range = ""] = element.split(" . ");
      return portsOf(parsePortRange(range)).map((port) => `${protocol} ${port}`);
    })
    .sort();
}
