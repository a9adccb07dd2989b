/** What stands in examples/, and the example stack at the top. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { parseSettings } from "../../../components/settings/parseSettings.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import { sections } from "../../../components/settings/sections.ts";
import { encryptedIn } from "../settings/encrypted.ts";
import { schemaViolations } from "../settings/stackFiles.ts";
import { setPath } from "./setPath.ts";

const project = join(__dirname, "../../..");
const read = (path: string) => readFileSync(join(project, path), "utf8");
const examples = globSync("examples/*.yaml", { cwd: project }).map((path) => path.replaceAll("\\", "/"));

/** What a comment has the user set encrypted, by path; the token's is `hcloud:token`. */
function secretsNamedIn(text: string): string[] {
  const commands = text.matchAll(/pulumi config set --secret (?:--path )?'?([\w:.[\]-]+)'?/g);
  return [...commands].map(([, path = ""]) => path);
}

/** As the engine hands it over when these secrets were set. */
function handedOver(text: string, secrets: readonly string[]): RawSettings {
  const { config } = parse(text) as { config: Record<string, unknown> };
  const values = secrets.map((path) => (path.endsWith(".url") ? "https://ntfy.sh/generated" : "generated"));
  secrets.forEach((path, i) => {
    if (path !== "hcloud:token") setPath(config, path, values[i] ?? "");
  });
  const written = Object.keys(sections).map((key) => [key, config[`home-relay:${key}`]] as const);
  const raw = Object.fromEntries(written) as unknown as RawSettings;
  return {
    ...raw,
    unknownKeys: Object.keys(config).filter((key) => !sectionKeys.includes(key)),
    isEncrypted: encryptedIn(Object.fromEntries(written), values),
    hcloudToken: secrets.includes("hcloud:token") ? "a1B2".repeat(16) : undefined,
  };
}

const sectionKeys = Object.keys(sections).map((key) => `home-relay:${key}`);

test("there is one for each of these", () => {
  expect(examples.map((path) => path.replace(/^examples\/(.*)\.yaml$/, "$1")).sort()).toEqual([
    "devices",
    "dyndns",
    "hetzner",
    "lan-machines",
    "own-vps",
    "two-homes",
  ]);
});

describe.each([...examples, "Pulumi.dev.yaml"])("%s", (path) => {
  const text = read(path);
  const secrets = secretsNamedIn(text);

  test("is sound, when the secrets are set that its comments name", () => {
    const raw = handedOver(text, secrets);
    expect(() => parseSettings(raw, "home-relay")).not.toThrow();
    expect(schemaViolations(raw)).toEqual([]);
  });

  test("needs each of these", () => {
    for (const secret of secrets) {
      const others = secrets.filter((one) => one !== secret);
      expect(() => parseSettings(handedOver(text, others), "home-relay")).toThrow(secret);
    }
  });

  test("has editors check its copy at the top, and says of each host key that it is none", () => {
    expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=docs/stack-file.schema.json");
    const before = text.split(/hostKey: "/).slice(0, -1);
    expect(before).not.toEqual([]);
    for (const part of before) expect(part.split("\n").slice(-6).join("\n")).toMatch(/placeholder/i);
  });
});

test.each(examples)("%s is copied, made and named by its own commands", (path) => {
  const text = read(path);
  expect(text).toContain(`cp ${path} Pulumi.home.yaml`);
  expect(text).toContain("npx pulumi stack init home");
  expect(read("docs/setup.md")).toContain(`](../${path})`);
});
