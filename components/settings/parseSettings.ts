import { peerAddress } from "../network/addressPlan.ts";
import type { Forward } from "../network/forward.ts";
import { refuseConflicts } from "./conflicts.ts";
import { refuseDeviceConflicts } from "./deviceConflicts.ts";
import { readDevices, resolveDevices } from "./devices.ts";
import type { WrittenDevice } from "./devices.ts";
import { readDns } from "./dns.ts";
import { readHomes } from "./homes.ts";
import type { WrittenHome } from "./homes.ts";
import { complete, isRead, Place, refused } from "./place.ts";
import type { Draft, Read } from "./place.ts";
import { refuseUnknown } from "./readers.ts";
import { readRelay } from "./relay.ts";
import type {
  DnsSettings,
  HomeSettings,
  RelaySettings,
  Settings,
  SshSettings,
  TunnelSettings,
} from "./settings.ts";
import { SettingsError } from "./settingsError.ts";
import { refuseSshPeers } from "./sshPeers.ts";
import { checkToken } from "./token.ts";
import { readTunnel } from "./tunnel.ts";

/** The settings as they come out of the stack file: plain data of any shape. */
export interface RawSettings {
  readonly relay: unknown;
  readonly homes: unknown;
  readonly devices?: unknown;
  readonly tunnel: unknown;
  readonly dns: unknown;
  /** Keys of the project's own namespace that are none of the sections. */
  readonly unknownKeys?: readonly string[];
  /** Whether a text that is found in a section stands encrypted in the stack file. @default none does */
  readonly isEncrypted?: (section: string, text: string) => boolean;
  /** The plain token; only its form is looked at. */
  readonly hcloudToken: string | undefined;
}

/** The sections of the stack file, each a key of the project's own namespace. */
export const sections = ["relay", "homes", "devices", "tunnel", "dns"] as const;

/** Checks everything that the user wrote; deeply frozen. Throws one `SettingsError` with every problem there is. */
export function parseSettings(raw: RawSettings): Settings {
  const problems: string[] = [];
  const at = (section: string) =>
    new Place(`home-relay:${section}`, problems, (text) => raw.isEncrypted?.(section, text) ?? false);
  for (const key of raw.unknownKeys ?? []) refuseUnknownSection(key, at);
  const relay = readRelay(raw.relay ?? {}, at("relay"));
  const homes = readHomes(raw.homes, at("homes"));
  const devices = readDevices(raw.devices, at("devices"));
  const tunnel = readTunnel(raw.tunnel ?? {}, at("tunnel"));
  const dns = readDns(raw.dns, at("dns"), {
    // A relay that was refused is a problem of its own already.
    relayAtHetzner: !isRead(relay) || isAtHetzner(relay),
  });
  if (isAtHetzner(relay) || isAtHetzner(dns))
    checkToken(raw.hcloudToken, new Place("hcloud:token", problems));
  if (isRead(homes)) refuseConflicts(homes, at("homes"), relay, tunnel);
  refuseSshPeers(relay, homes, devices, at("relay"));
  if (isRead(homes) && isRead(devices))
    refuseDeviceConflicts(devices, at("devices"), homes, at("homes"), tunnel);
  const settings = assemble(relay, homes, devices, tunnel, dns, problems);
  if (problems.length > 0 || !isRead(settings)) throw new SettingsError(problems);
  return deepFreeze(settings);
}

function isAtHetzner(section: Read<{ readonly provider: Read<string> }> | undefined): boolean {
  return section !== undefined && isRead(section) && section.provider === "hetzner";
}

function refuseUnknownSection(key: string, at: (section: string) => Place): void {
  const [section = ""] = key.split(/[.[]/);
  // What `pulumi config set relay.sshPort 2222` leaves behind without --path.
  if (section !== key && sections.some((known) => known === section))
    at(key).refuse(
      "is not a setting",
      `set it with --path: pulumi config set --path ${key} VALUE, and: pulumi config rm ${key}`,
    );
  else refuseUnknown(at(key), key, sections);
}

function assemble(
  relayDraft: Read<Draft<RelaySettings>>,
  homeDrafts: Read<readonly Read<Draft<WrittenHome>>[]>,
  deviceDrafts: Read<readonly Read<Draft<WrittenDevice>>[]>,
  tunnelDraft: Read<Draft<TunnelSettings>>,
  dnsDraft: Read<Draft<DnsSettings>> | undefined,
  problems: readonly string[],
): Read<Settings> {
  const relay = complete<RelaySettings>(relayDraft);
  const tunnel = complete<TunnelSettings>(tunnelDraft);
  const dns = dnsDraft === undefined ? undefined : complete<DnsSettings>(dnsDraft);
  if (!isRead(relay) || !isRead(tunnel) || !isRead(dns) || !isRead(homeDrafts)) return refused;
  const homes = homeDrafts.map((draft) => assembleHome(draft, tunnel)).filter(isRead);
  // What devices may reach is looked up by name, which only settings without a problem allow.
  if (problems.length > 0 || !isRead(deviceDrafts)) return refused;
  const devices = resolveDevices(deviceDrafts, homes, tunnel);
  return homes.length === homeDrafts.length ? { relay, tunnel, homes, devices, dns } : refused;
}

function assembleHome(
  draft: Read<Draft<WrittenHome>>,
  { prefix4, prefix6 }: TunnelSettings,
): Read<HomeSettings> {
  const home = complete<WrittenHome>(draft);
  if (!isRead(home)) return refused;
  const { name, install } = home;
  const access = home.ssh === undefined ? "here" : complete<SshSettings>(home.ssh);
  const forwards: Forward[] = home.forwards.filter(isRead);
  if (!isRead(access) || forwards.length < home.forwards.length) return refused;
  const common = { name, forwards, tunnelAddress: peerAddress(prefix4, prefix6, name) };
  return install === "manual" ? { ...common, install } : { ...common, install, access };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
