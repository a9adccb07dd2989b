import { parsePortRange } from "../../../components/network/port.ts";
import { portsOf } from "./publishedForwards.ts";

/** The elements of a map or set in a rendered ruleset, one a line; none where no rule asks for it. */
export function elements(ruleset: string, name: string): string[] {
  const body = new RegExp(`\\t(?:map|set) ${name} \\{\\n([^}]*?elements = \\{\\n([^}]*)\\})?`).exec(ruleset);
  if (!body && new RegExp(`@${name}\\b`).test(ruleset))
    throw new Error(`a rule asks for ${name}, and the ruleset has no map or set of that name`);
  return (body?.[2] ?? "").split(",").flatMap((element) => element.trim() || []);
}

/** A rendered ruleset without the lines that are there for people alone. */
export function withoutComments(ruleset: string): string {
  return ruleset.replace(/^\t*#.*\n/gm, "");
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
