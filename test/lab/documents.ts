/** The blocks of a document in which commands and screens stand. */

/** The fenced blocks of a text, each as its lines; where a heading is named, those of its section. */
export function blocksOf(text: string, heading?: string): string[][] {
  const section = heading === undefined ? text : sectionOf(text, heading);
  return [...section.matchAll(/^```(?:sh)?\n([^]*?)^```$/gm)].map(([, block = ""]) =>
    block.split("\n").filter((line) => line !== ""),
  );
}

/** A command as it is typed: what a shell would take for a comment is left out. */
export function withoutComment(line: string): string {
  return line.replace(/ +#.*$/, "").trimEnd();
}

export function sectionOf(text: string, heading: string): string {
  const [, rest] = `\n${text}`.split(`\n${heading}\n`);
  if (rest === undefined) throw new Error(`no section "${heading}"`);
  return rest.split(/^#{1,2} /m)[0] ?? "";
}
