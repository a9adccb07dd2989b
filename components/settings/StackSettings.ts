import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { parseSettings, sections } from "./parseSettings.ts";
import type { DynDnsService } from "../network/dynDnsService.ts";
import type {
  ExistingRelaySettings,
  HetznerDnsSettings,
  HetznerRelaySettings,
  InstalledHome,
  ManualHome,
  Settings,
} from "./settings.ts";
import { SettingsError } from "./settingsError.ts";

/** The settings, and how this stack reaches Hetzner; a token that is in the environment stays there, out of the state. */
export interface StackSettings extends Settings {
  /** `home-relay/dev`, for people. */
  readonly stack: string;
  /** `home-relay-dev`, for the names of things at Hetzner. */
  readonly label: string;
  /** The relay, where it is to be made. */
  readonly rented: HetznerRelaySettings | undefined;
  /** The relay, where it was there before; none or one. */
  readonly owned: readonly ExistingRelaySettings[];
  /** Names in a zone at Hetzner, or with a DynDNS service. */
  readonly zone: HetznerDnsSettings | undefined;
  readonly service: DynDnsService | undefined;
  /** The homes that this program sets up, and those that their owners do. */
  readonly installed: readonly InstalledHome[];
  readonly byHand: readonly ManualHome[];
  readonly hetzner: { readonly endpoint: string; readonly token: pulumi.Output<string> };
}

/** The provider's own default. */
const hetznerEndpoint = "https://api.hetzner.cloud/v1";

/**
 * The stack's settings, checked. Throws a `pulumi.RunError`, which the engine prints whole and without a stack trace,
 * when anything is wrong with them. This is the only place that reads the engine's configuration and the environment.
 */
export function readSettings(): StackSettings {
  const namespace = new pulumi.Config().name;
  const config = pulumi.runtime.allConfig();
  const section = (key: string) =>
    parseSection(config[`${namespace}:${key}`], isSecretKey(`${namespace}:${key}`));
  // The provider reads the same, in this order.
  const hcloud = new pulumi.Config("hcloud");
  const token = hcloud.get("token");
  const endpoint = hcloud.get("endpoint") ?? process.env["HCLOUD_ENDPOINT"] ?? hetznerEndpoint;
  try {
    const settings = parseSettings({
      relay: section("relay"),
      homes: section("homes"),
      devices: section("devices"),
      tunnel: section("tunnel"),
      dns: section("dns"),
      unknownKeys: unknownKeys(namespace, config),
      isEncrypted: (key, text) => isSecretKey(`${namespace}:${key}`) && !standsInStackFile(text),
      hcloudToken: token ?? process.env["HCLOUD_TOKEN"],
    });
    return { ...settings, ...sort(settings), hetzner: { endpoint, token: pulumi.secret(token ?? "") } };
  } catch (error) {
    if (error instanceof SettingsError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** Each kind of relay, names and homes by itself: what exists is decided here, and not where it is made. */
function sort({ relay, dns, homes }: Settings): Omit<StackSettings, keyof Settings | "hetzner"> {
  const [project, stack] = [pulumi.getProject(), pulumi.getStack()];
  return {
    stack: `${project}/${stack}`,
    label: `${project}-${stack}`,
    rented: relay.provider === "hetzner" ? relay : undefined,
    owned: relay.provider === "ssh" ? [relay] : [],
    zone: dns?.provider === "hetzner" ? dns : undefined,
    service: dns?.provider === "hetzner" ? undefined : dns,
    installed: homes.filter((home) => home.install !== "manual"),
    byHand: homes.filter((home) => home.install === "manual"),
  };
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
function standsInStackFile(text: string): boolean {
  // The engine runs the program in the project's folder.
  const file = `Pulumi.${pulumi.getStack()}.yaml`;
  if (!existsSync(file)) return false;
  const written = text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`(?:password|token|url):[ \\t]*(["']?)${written}\\1[ \\t]*([,}#\\r]|$)`, "m").test(
    readFileSync(file, "utf8"),
  );
}

/** The engine accepts any key in the project's namespace and says nothing, so a mistyped one shows up only here. */
function unknownKeys(namespace: string, config: Readonly<Record<string, string>>): string[] {
  const known = new Set<string>(sections.map((section) => `${namespace}:${section}`));
  return Object.keys(config)
    .filter((key) => key.startsWith(`${namespace}:`) && !known.has(key))
    .map((key) => key.slice(namespace.length + 1))
    .sort();
}
