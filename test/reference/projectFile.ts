import type { Field, FieldTable } from "../../components/settings/readers.ts";
import { describeAbsence } from "./settingsPage.ts";

/** As wide as the lines of a description get, with their indentation. */
const width = 120;
const indentation = " ".repeat(6);

/** Pulumi.yaml with the description of each section under `config:` written anew; all else stays as it is. */
export function withDescriptions(
  projectFile: string,
  sections: Readonly<Record<string, Field<unknown>>>,
): string {
  return Object.entries(sections).reduce((text, [key, section]) => {
    // The section's key, other lines of it, and the folded text: what is indented deeper, up to the next key.
    const block = new RegExp(
      `^(  ${key}:\\n(?:    (?!description:).*\\n)*    description: >-\\n)(?:${indentation}.*\\n)+`,
      "m",
    );
    if (!block.test(text)) throw new Error(`Pulumi.yaml has no description of ${key} under config:`);
    return text.replace(block, (_, head: string) => `${head}${describe(section).map(fold).join("")}`);
  }, projectFile);
}

/** A line or more for each of: what the section means, and each of its keys. */
function describe(section: Field<unknown>): string[] {
  return [section.means, ...section.tables.flatMap(describeTable), "What each means: docs/settings.md."];
}

function describeTable({ when, fields }: FieldTable): string[] {
  const keys = describeKeys("", fields);
  return [
    when === undefined ? "Keys:" : `Keys with ${when}:`,
    ...keys.map((key, i) => `${key}${i + 1 < keys.length ? "," : "."}`),
  ];
}

function describeKeys(path: string, fields: FieldTable["fields"]): string[] {
  return Object.entries(fields).flatMap(([key, field]) => [
    `${path}${key} (${field.shape}; ${describeAbsence(field)})`,
    ...field.tables.flatMap((table) => describeKeys(`${path}${key}.`, table.fields)),
  ]);
}

/** Words in lines; YAML joins them again with a space. */
function fold(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indentation.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one) => `${indentation}${one}\n`).join("");
}
