import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";
import type { HetznerAccess } from "../hetzner/hetznerAccess.ts";
import { hetznerEndpoint } from "../network/hetznerEndpoint.ts";
import { parseSettings } from "./parseSettings.ts";
import { sections } from "./sections.ts";
import type { Settings } from "./settings.ts";
import { SettingsError } from "./settingsError.ts";
import { standsInPlainText } from "./stackFile.ts";
import type { Keys } from "./stackFile.ts";
import { deriveStackLabel } from "./stackLabel.ts";

/** The settings, what this stack is called, and how it reaches Hetzner; a token that is in the environment stays there, out of the state. */
export interface StackSettings extends Settings {
  /** `home-relay/dev`, for people. */
  readonly stack: string;
  /** `home-relay-dev`, for the names of things at Hetzner. */
  readonly label: string;
  /** How Hetzner is reached, where it is. */
  readonly hetzner: HetznerAccess<pulumi.Output<string>>;
}

/**
 * The stack's settings, checked. Throws a `pulumi.RunError`, which the engine prints whole and without a stack trace,
 * when anything is wrong with them. This is the only place that reads the engine's configuration and the environment.
 */
export function readSettings(): StackSettings {
  const namespace = new pulumi.Config().name;
  const config = pulumi.runtime.allConfig();
  const section = (key: string) =>
    parseSection(config[`${namespace}:${key}`], isSecretKey(`${namespace}:${key}`));
  // The provider reads the same, in this order, and an empty text is none to it.
  const hcloud = new pulumi.Config("hcloud");
  const token = hcloud.get("token");
  const endpoint = hcloud.get("endpoint") || process.env["HCLOUD_ENDPOINT"] || hetznerEndpoint;
  try {
    const settings = parseSettings(
      {
        relay: section("relay"),
        homes: section("homes"),
        devices: section("devices"),
        tunnel: section("tunnel"),
        dns: section("dns"),
        notify: section("notify"),
        unknownKeys: unknownKeys(namespace, config),
        isEncrypted: (key, keys) =>
          isSecretKey(`${namespace}:${key}`) && !isPlainInFile(namespace, key, keys),
        hcloudToken: token ?? process.env["HCLOUD_TOKEN"],
      },
      namespace,
    );
    const [project, stack] = [pulumi.getProject(), pulumi.getStack()];
    return {
      ...settings,
      stack: `${project}/${stack}`,
      label: deriveStackLabel(project, stack),
      hetzner: { endpoint, token: pulumi.secret(token ?? "") },
    };
  } catch (error) {
    if (error instanceof SettingsError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** As `Config.getObject` reads it, but without its warning for every section that has an encrypted value inside. */
function parseSection(text: string | undefined, encrypted: boolean): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return encrypted ? "(encrypted)" : text;
  }
}

/** Whether the engine decrypted something to get a section. The SDK asks the same of itself, but keeps it internal. */
function isSecretKey(key: string): boolean {
  const runtime = pulumi.runtime as unknown as { readonly isConfigSecret: (key: string) => boolean };
  return runtime.isConfigSecret(key);
}

/** The engine marks whole sections; a secret in clear beside an encrypted one is found in the file alone. */
function isPlainInFile(namespace: string, section: string, keys: Keys): boolean {
  // The engine runs the program in the project's folder.
  const file = `Pulumi.${pulumi.getStack()}.yaml`;
  if (!existsSync(file)) return false;
  // Only who has encrypted something waits for this.
  const { parseDocument } = createRequire(import.meta.url)("yaml") as typeof import("yaml");
  const written: unknown = parseDocument(readFileSync(file, "utf8"), { merge: true }).toJS();
  const { config } = (written ?? {}) as { readonly config?: unknown };
  return standsInPlainText(config, [`${namespace}:${section}`, section], keys);
}

/** The engine accepts any key in the project's namespace and says nothing, so a mistyped one shows up only here. */
function unknownKeys(namespace: string, config: Readonly<Record<string, string>>): string[] {
  const known = new Set(Object.keys(sections).map((section) => `${namespace}:${section}`));
  return Object.keys(config)
    .filter((key) => key.startsWith(`${namespace}:`) && !known.has(key))
    .map((key) => key.slice(namespace.length + 1))
    .sort();
}
