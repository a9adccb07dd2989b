import { parse } from "yaml";
import { sections } from "../../components/settings/sections.ts";
import { withDescriptions } from "./projectFile.ts";
import { renderSettingsPage } from "./settingsPage.ts";
import { stackFileSchema } from "./stackFileSchema.ts";

/** The files that are written from the tables of the settings, by their path in the project. */
export function renderReference(projectFile: string): Readonly<Record<string, string>> {
  const { name } = parse(projectFile) as { name: string };
  const schema = { $schema: "http://json-schema.org/draft-07/schema#", ...stackFileSchema(sections, name) };
  return {
    "Pulumi.yaml": withDescriptions(projectFile, sections),
    "docs/settings.md": renderSettingsPage(sections, name),
    "docs/stack-file.schema.json": `${JSON.stringify(schema, null, 2)}\n`,
  };
}
