import { parse } from "yaml";
import { drawPicture } from "../../components/picture/drawing.ts";
import { sections } from "../../components/settings/sections.ts";
import { pictured } from "./examplePicture.ts";
import { withDescriptions } from "./projectFile.ts";
import { renderSettingsPage } from "./settingsPage.ts";
import { stackFileSchema } from "./stackFileSchema.ts";

/** The files that are written from the tables of the settings, and the picture that README.md shows, by their path. */
export function renderReference(projectFile: string): Readonly<Record<string, string>> {
  const { name } = parse(projectFile) as { name: string };
  const schema = { $schema: "http://json-schema.org/draft-07/schema#", ...stackFileSchema(sections, name) };
  return {
    "Pulumi.yaml": withDescriptions(projectFile, sections),
    "docs/settings.md": renderSettingsPage(sections, name),
    "docs/stack-file.schema.json": `${JSON.stringify(schema, null, 2)}\n`,
    "docs/picture.svg": drawPicture(pictured),
  };
}
