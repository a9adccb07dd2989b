import { stringify } from "yaml";
import { isRequired, renderYaml } from "../../components/settings/fields.ts";
import type { Field, FieldTable } from "../../components/settings/readers.ts";

type Sections = Readonly<Record<string, Field<unknown>>>;

/** docs/settings.md: every key of the stack file, with what it means, what it takes and an example. */
export function renderSettingsPage(sections: Sections, namespace: string): string {
  const written = new Map<FieldTable, string>();
  return [
    "# Settings",
    "<!-- npm run reference writes this page from the tables in components/settings. Edit those. -->",
    `The stack file is \`Pulumi.dev.yaml\`, or that of another stack's name. These are the keys under its \`config:\`. ` +
      `A problem in any of them is reported before anything is contacted, all problems at once.`,
    `A key in a list is written here with \`[]\`; for a command it takes a number: ` +
      `\`pulumi config set --secret --path '${namespace}:homes[0].ssh.password'\`.`,
    `\`hcloud:token\` is Hetzner's API token: 64 letters and digits, with read and write access. It is required where ` +
      `the relay or the names are at Hetzner. Set it with \`pulumi config set --secret hcloud:token\`, or leave it in ` +
      `the environment as \`HCLOUD_TOKEN\`.`,
    ...Object.entries(sections).flatMap(([key, section]) => [
      `## \`${namespace}:${key}\``,
      `${section.means} ${describe(section)}`,
      `\`\`\`yaml\n${stringify({ [`${namespace}:${key}`]: section.example }, { lineWidth: 0 })}\`\`\``,
      ...renderTables(pathInside(`${namespace}:${key}`, section), section, 3, written),
    ]),
  ]
    .join("\n\n")
    .concat("\n");
}

/** The keys inside a field, and below them the keys inside those. A table that was written before is pointed to. */
function renderTables(
  path: string,
  { tables }: Field<unknown>,
  level: number,
  written: Map<FieldTable, string>,
): string[] {
  return tables.flatMap((table) => {
    const heading = table.when === undefined ? undefined : `\`${path}\` with \`${table.when}\``;
    const own = heading === undefined ? [] : [`${"#".repeat(level)} ${heading}`];
    written.set(table, path);
    const inside = Object.entries(table.fields).flatMap(([key, field]) =>
      renderInside(`${path}.${key}`, field, level + own.length, written),
    );
    return [...own, renderList(table), ...inside];
  });
}

function renderInside(
  path: string,
  field: Field<unknown>,
  level: number,
  written: Map<FieldTable, string>,
): string[] {
  const [table] = field.tables;
  if (table === undefined) return [];
  const before = written.get(table);
  const own = pathInside(path, field);
  const heading = `${"#".repeat(level)} \`${own}\``;
  if (before !== undefined) return [heading, `The same keys as in [\`${before}\`](#${anchor(before)}).`];
  return [heading, ...renderTables(own, field, level + 1, written)];
}

function pathInside(path: string, field: Field<unknown>): string {
  return field.schema.type === "array" ? `${path}[]` : path;
}

function renderList({ fields }: FieldTable): string {
  return Object.entries(fields)
    .map(
      ([key, field]) =>
        `- **\`${key}\`**: ${field.means}\\\n` +
        `  ${describe(field)} Example: \`${key}: ${renderYaml(field.example)}\``,
    )
    .join("\n");
}

/** `Value: TCP port, 1 to 65535; default: 22.` */
function describe(field: Field<unknown>): string {
  return `Value: ${field.shape}; ${describeAbsence(field)}.`;
}

/** What holds where the key is not written: `default: 22`. */
export function describeAbsence(field: Field<unknown>): string {
  if (isRequired(field)) return "required";
  return `default: ${field.otherwise ?? renderDefault(field.default)}`;
}

function renderDefault(value: unknown): string {
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return isEmpty ? "none" : renderYaml(value);
}

/** What GitHub makes of a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 _-]/g, "")
    .replaceAll(" ", "-");
}
