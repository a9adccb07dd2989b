import * as pulumi from "@pulumi/pulumi";
import { parseSettings, sections } from "./parseSettings.ts";
import type { Settings } from "./settings.ts";
import { SettingsError } from "./settingsError.ts";

/**
 * The stack's settings, checked. Throws a `pulumi.RunError`, which the engine prints whole and without a stack trace,
 * when anything is wrong with them. This is the only place that reads the engine's configuration and the environment.
 */
export function readSettings(): Settings {
  const { name } = new pulumi.Config();
  const isEncrypted = (section: string) => pulumi.runtime.isConfigSecret(`${name}:${section}`);
  try {
    return parseSettings({
      relay: readSection(name, "relay"),
      homes: readSection(name, "homes"),
      tunnel: readSection(name, "tunnel"),
      dns: readSection(name, "dns"),
      unknownKeys: unknownKeys(name),
      encrypted: sections.filter(isEncrypted),
      // The provider reads the same two, in this order.
      hcloudToken: new pulumi.Config("hcloud").get("token") ?? process.env["HCLOUD_TOKEN"],
    });
  } catch (error) {
    if (error instanceof SettingsError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/**
 * A section as plain data. `Config.getObject` would warn about one in which a single key is encrypted, and
 * `Config.getSecretObject` would hide the whole of it.
 */
function readSection(namespace: string, section: string): unknown {
  const key = `${namespace}:${section}`;
  const text = pulumi.runtime.allConfig()[key];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return pulumi.runtime.isConfigSecret(key) ? "[secret]" : text;
  }
}

/** The engine accepts any key in the project's namespace and says nothing, so a mistyped one shows up only here. */
function unknownKeys(namespace: string): string[] {
  const known = new Set<string>(sections.map((section) => `${namespace}:${section}`));
  return Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(`${namespace}:`) && !known.has(key))
    .map((key) => key.slice(namespace.length + 1))
    .sort();
}
