import * as pulumi from "@pulumi/pulumi";
import { parseSettings, sections } from "./parseSettings.ts";
import type { Settings } from "./settings.ts";
import { SettingsError } from "./settingsError.ts";

/** The settings, and how this stack reaches Hetzner. */
export interface StackSettings extends Settings {
  readonly hetzner: { readonly endpoint: string; readonly token: pulumi.Output<string> };
}

/** The provider's own default. */
const hetznerEndpoint = "https://api.hetzner.cloud/v1";

/**
 * The stack's settings, checked. Throws a `pulumi.RunError`, which the engine prints whole and without a stack trace,
 * when anything is wrong with them. This is the only place that reads the engine's configuration and the environment.
 */
export function readSettings(): StackSettings {
  const { name } = new pulumi.Config();
  const encrypted = encryptedSections(name);
  // The provider reads the same, in this order.
  const hcloud = new pulumi.Config("hcloud");
  const token = hcloud.get("token") ?? process.env["HCLOUD_TOKEN"];
  const endpoint = hcloud.get("endpoint") ?? process.env["HCLOUD_ENDPOINT"] ?? hetznerEndpoint;
  try {
    const settings = parseSettings({
      relay: readSection(name, "relay", encrypted),
      homes: readSection(name, "homes", encrypted),
      tunnel: readSection(name, "tunnel", encrypted),
      dns: readSection(name, "dns", encrypted),
      unknownKeys: unknownKeys(name),
      encrypted,
      hcloudToken: token,
    });
    return { ...settings, hetzner: { endpoint, token: pulumi.secret(token ?? "") } };
  } catch (error) {
    if (error instanceof SettingsError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/**
 * A section as plain data. `Config.getObject` is not for one in which a single key is encrypted, and
 * `Config.getSecretObject` would hide the whole of it.
 */
function readSection(namespace: string, section: string, encrypted: readonly string[]): unknown {
  const text = pulumi.runtime.allConfig()[`${namespace}:${section}`];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return encrypted.includes(section) ? "(encrypted)" : text;
  }
}

/**
 * Sections in which something is encrypted in the stack file. The SDK decrypts all and tells nobody; the language
 * host hands it this list of keys.
 */
function encryptedSections(namespace: string): string[] {
  const keys: unknown = JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] || "[]");
  return sections.filter((section) => Array.isArray(keys) && keys.includes(`${namespace}:${section}`));
}

/** The engine accepts any key in the project's namespace and says nothing, so a mistyped one shows up only here. */
function unknownKeys(namespace: string): string[] {
  const known = new Set<string>(sections.map((section) => `${namespace}:${section}`));
  return Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(`${namespace}:`) && !known.has(key))
    .map((key) => key.slice(namespace.length + 1))
    .sort();
}
