/** What people and editors read of the settings is written from the same tables by which the settings are read. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { Place } from "../../../components/settings/place.ts";
import { isRequired } from "../../../components/settings/fields.ts";
import type { Field, FieldTable } from "../../../components/settings/readers.ts";
import { sections } from "../../../components/settings/sections.ts";
import { stackFile } from "../../contract/stackFile.ts";
import { withDescriptions } from "../../reference/projectFile.ts";
import { renderReference } from "../../reference/reference.ts";
import { renderSettingsPage } from "../../reference/settingsPage.ts";
import { hostKey, nas, parse, problemsOf, schemaViolations, vps } from "./stackFiles.ts";

const project = join(__dirname, "../../..");
const fileOf = (path: string) => readFileSync(join(project, path), "utf8");
const projectFile = fileOf("Pulumi.yaml");

describe("the reference is up to date; if not: npm run reference", () => {
  test.each(Object.entries(renderReference(projectFile)))("%s", (path, text) => {
    expect(fileOf(path)).toBe(text);
  });
});

test("an edited description makes each of the written texts another one", () => {
  const tunnel = { ...sections.tunnel, means: "Edited." };
  expect(withDescriptions(projectFile, { ...sections, tunnel })).not.toBe(projectFile);
  expect(renderSettingsPage({ ...sections, tunnel }, "home-relay")).toContain("\nEdited. Value: mapping");
});

test("Pulumi.yaml keeps whatever is none of the descriptions", () => {
  const without = (text: string) => text.replaceAll(/^ {6}.*\n/gm, "");
  expect(without(withDescriptions(projectFile, sections))).toBe(without(projectFile));
  const { config } = parseYaml(projectFile) as { config: Record<string, object> };
  expect(Object.keys(config)).toEqual(Object.keys(sections));
});

/** Every key of every table there is, with its path and the keys that must stand beside it. */
function allFields(path: string, field: Field<unknown>): (readonly [string, Field<unknown>, FieldTable])[] {
  return field.tables.flatMap((table) =>
    Object.entries(table.fields).flatMap(([key, inside]) => {
      const own = `${path}${table.when === undefined ? "" : ` (${table.when})`}.${key}`;
      return [[own, inside, table] as const, ...allFields(own, inside)];
    }),
  );
}

const everyField = Object.entries(sections).flatMap(([key, section]) => allFields(key, section));

const secretUrl = "https://ntfy.sh/generated";

/** As the engine hands it over: with a whole host key, and decrypted. */
function handedOver(example: unknown): unknown {
  return JSON.parse(
    JSON.stringify(example)
      .replaceAll("ssh-ed25519 AAAA...", hostKey)
      .replaceAll('"url":{"secure":"AAABAD..."}', `"url":"${secretUrl}"`)
      .replaceAll('{"secure":"AAABAD..."}', '"generated"'),
  ) as unknown;
}

function siblingsIn({ fields }: FieldTable): Record<string, unknown> {
  const required = Object.entries(fields).filter(([, field]) => isRequired(field));
  return Object.fromEntries(required.map(([key, field]) => [key, handedOver(field.example)]));
}

test.each(everyField)("%s reads its own example and its own default", (path, field, table) => {
  const problems: string[] = [];
  const place = new Place(path, problems, () => handedOver(field.example) === "generated");
  const example = path === "notify.url" ? secretUrl : handedOver(field.example);
  // A token is read beside a URL with a place for it.
  const siblings = { ...siblingsIn(table), ...(path.endsWith("url).token") ? { url: "{token}" } : {}) };
  field.read(example, place, siblings);
  if (!isRequired(field)) field.read(undefined, place, {});
  expect(problems).toEqual([]);
});

test.each(everyField)("%s is described", (_, field) => {
  expect(field.means).toMatch(/^[A-Z].*\.$/);
  expect(field.shape).not.toBe("");
});

test.each(Object.entries(sections))("the example of %s is sound", (key, { example }) => {
  const isEncrypted = (_: string, keys: readonly (string | number)[]) => keys.at(-1) === "url";
  expect(() => parse({ [key]: handedOver(example), isEncrypted })).not.toThrow();
});

describe("the schema for editors", () => {
  const violationsOf = (change: object) =>
    schemaViolations({ ...{ relay: {}, homes: [nas], tunnel: {}, dns: {}, hcloudToken: "" }, ...change });

  test("accepts whatever the parser accepts", () => {
    let accepted = 0;
    fc.assert(
      fc.property(stackFile(), (raw) => {
        // `problemsOf` looks at the schema where there are none.
        if (problemsOf(raw).length === 0) accepted++;
      }),
    );
    expect(accepted).toBeGreaterThan(0);
  });

  test.each<[string, object, string]>([
    ["a mistyped key", { tunnel: { mtuu: 1400 } }, "$.config.home-relay:tunnel.mtuu is not known"],
    ["a number out of range", { tunnel: { mtu: 1500 } }, "$.config.home-relay:tunnel.mtu is over 1420"],
    ["a home without a name", { homes: [{ ...nas, name: undefined }] }, "homes[0].name is missing"],
    ["no home at all", { homes: undefined }, "$.config.home-relay:homes is missing"],
    ["a key of another provider", { relay: { ...vps, serverType: "cx23" } }, "relay.serverType is not known"],
    [
      "a password in plain text",
      { homes: [{ ...nas, ssh: { ...nas.ssh, password: "generated" } }] },
      "ssh.password is no object",
    ],
    ["a capital in a name", { homes: [{ ...nas, name: "NAS" }] }, "homes[0].name does not match"],
  ])("tells %s", (_, change, said) => {
    expect(violationsOf(change).join("\n")).toContain(said);
  });

  test("leaves the keys of others alone, and knows each section of the project", () => {
    const { properties } = JSON.parse(fileOf("docs/stack-file.schema.json")) as {
      properties: { config: { properties: object; patternProperties: object } };
    };
    expect(Object.keys(properties.config.properties)).toEqual([
      "hcloud:token",
      ...Object.keys(sections).map((section) => `home-relay:${section}`),
    ]);
    expect(Object.keys(properties.config.patternProperties)).toEqual(["^(?!home-relay:)"]);
  });

  test("is the one that the example stack names", () => {
    expect(fileOf("Pulumi.dev.yaml").split("\n")[0]).toBe(
      "# yaml-language-server: $schema=docs/stack-file.schema.json",
    );
  });
});
