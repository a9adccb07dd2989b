/** Stack files to begin with, and what becomes of a changed one. */
import { describe, expect, test } from "@jest/globals";
import { sshKey } from "../../../components/keys/deriveKeys.ts";
import { parseSettings } from "../../../components/settings/parseSettings.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import { sections } from "../../../components/settings/sections.ts";
import type { Settings } from "../../../components/settings/settings.ts";
import { SettingsError } from "../../../components/settings/settingsError.ts";
import type { Keys } from "../../../components/settings/stackFile.ts";
import { stackFileSchema } from "../../reference/stackFileSchema.ts";
import { violations } from "./jsonSchema.ts";

export const { publicKey: hostKey } = sshKey(Buffer.alloc(32, 7), "");
export const { publicKey: otherHostKey } = sshKey(Buffer.alloc(32, 8), "");
export const ssh = { host: "192.168.1.10", hostKey };
export const nas = { name: "nas", ssh, forwards: ["80:8080"] };
/** Another machine. */
export const media = { ...nas, name: "media", ssh: { ...ssh, host: "192.168.1.11" } };
/** A relay that was there before. */
export const vps = { provider: "ssh", host: "203.0.113.5", hostKey };

const sound: RawSettings = {
  relay: {},
  homes: [nas],
  tunnel: {},
  dns: {},
  hcloudToken: "a1B2".repeat(16),
};

/** The settings of the sound stack file with a change. */
export function parse(change: Partial<RawSettings> = {}): Settings {
  const raw = { ...sound, ...change };
  const settings = parseSettings(raw, "home-relay");
  expect(schemaViolations(raw)).toEqual([]);
  return settings;
}

const schema = stackFileSchema(sections, "home-relay");

/** What an editor would say of the stack file. */
export function schemaViolations(raw: RawSettings): string[] {
  const written = Object.keys(sections).map((section): [string, unknown] => [
    `home-relay:${section}`,
    withSecrets(raw[section as keyof typeof sections], (keys) => raw.isEncrypted?.(section, keys) ?? false),
  ]);
  return violations(schema, { config: Object.fromEntries(written) });
}

/** The value as it stands in the file, where what the engine has decrypted is `{ secure: … }`. */
function withSecrets(value: unknown, isEncrypted: (keys: Keys) => boolean, keys: Keys = []): unknown {
  if (typeof value === "string" && /^(password|token|url)$/.test(String(keys.at(-1))) && isEncrypted(keys))
    return { secure: "v1:AAAA:BBBB" };
  if (Array.isArray(value)) return value.map((item, i) => withSecrets(item, isEncrypted, [...keys, i]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, withSecrets(part, isEncrypted, [...keys, name])]),
  );
}

/**
 * What is wrong with the sound stack file after a change. A project of another name is told the same in its own, and
 * the editor has nothing to say of a file that is sound.
 */
export function problemsOf(change: Partial<RawSettings>): readonly string[] {
  const raw = { ...sound, ...change };
  const problems = problemsIn(raw, "home-relay");
  if (problems.length === 0) expect(schemaViolations(raw)).toEqual([]);
  expect(problemsIn(raw, "other")).toEqual(
    problems.map((problem) => problem.replaceAll("home-relay:", "other:")),
  );
  return problems;
}

function problemsIn(raw: RawSettings, namespace: string): readonly string[] {
  try {
    parseSettings(raw, namespace);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

/** The home `nas` with other forwards. */
export const forwarding = (...forwards: unknown[]) => ({ homes: [{ ...nas, forwards }] });
/** The home `nas`, reached another way. */
export const sshOf = (change: object) => ({ homes: [{ ...nas, ssh: { ...ssh, ...change } }] });

/** Name of the mistake, the change that makes it, the whole text of the only problem. */
export type Refusal = [string, Partial<RawSettings>, string];

export function refuses(what: string, cases: readonly Refusal[]): void {
  describe(`refuses ${what}`, () => {
    test.each(cases)("%s", (_, change, problem) => {
      expect(problemsOf(change)).toEqual([problem]);
    });
  });
}
