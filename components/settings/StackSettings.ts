import * as pulumi from "@pulumi/pulumi";
import { parseSettings, sections } from "./parseSettings.ts";
import type { Settings } from "./settings.ts";
import { SettingsError } from "./settingsError.ts";

/**
 * The stack's settings, checked. Throws a `pulumi.RunError`, which the engine prints whole and without a stack trace,
 * when anything is wrong with them. This is the only place that reads the engine's configuration and the environment.
 */
export function readSettings(): Settings {
  const config = new pulumi.Config();
  try {
    return parseSettings({
      relay: config.getObject("relay"),
      homes: config.getObject("homes"),
      devices: config.getObject("devices"),
      tunnel: config.getObject("tunnel"),
      dns: config.getObject("dns"),
      unknownKeys: unknownKeys(config.name),
      // The provider reads the same two, in this order.
      hcloudToken: new pulumi.Config("hcloud").get("token") ?? process.env["HCLOUD_TOKEN"],
    });
  } catch (error) {
    if (error instanceof SettingsError) throw new pulumi.RunError(error.message);
    throw error;
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
