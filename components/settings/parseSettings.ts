import { peerAddress } from "../network/addressPlan.ts";
import type { Forward } from "../network/forward.ts";
import { refuseConflicts } from "./conflicts.ts";
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
  readonly tunnel: unknown;
  readonly dns: unknown;
  /** Keys of the project's own namespace that are none of the sections. */
  readonly unknownKeys?: readonly string[];
  /** The plain token; only its form is looked at. */
  readonly hcloudToken: string | undefined;
}

/** The sections of the stack file, each a key of the project's own namespace. */
export const sections = ["relay", "homes", "tunnel", "dns"] as const;

/** Checks everything that the user wrote; deeply frozen. Throws one `SettingsError` with every problem there is. */
export function parseSettings(raw: RawSettings): Settings {
  const problems: string[] = [];
  const at = (section: string) => new Place(`home-relay:${section}`, problems);
  for (const key of raw.unknownKeys ?? []) refuseUnknownSection(key, at);
  const relay = readRelay(raw.relay ?? {}, at("relay"));
  const homes = readHomes(raw.homes, at("homes"));
  const tunnel = readTunnel(raw.tunnel ?? {}, at("tunnel"));
  const dns = readDns(raw.dns, at("dns"));
  checkToken(raw.hcloudToken, new Place("hcloud:token", problems));
  if (isRead(homes)) refuseConflicts(homes, at("homes"), relay, tunnel);
  refuseSshPeers(relay, homes, at("relay"));
  const settings = assemble(relay, homes, tunnel, dns);
  if (problems.length > 0 || !isRead(settings)) throw new SettingsError(problems);
  return deepFreeze(settings);
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
  tunnelDraft: Read<Draft<TunnelSettings>>,
  dnsDraft: Read<Draft<DnsSettings>> | undefined,
): Read<Settings> {
  const relay = complete<RelaySettings>(relayDraft);
  const tunnel = complete<TunnelSettings>(tunnelDraft);
  const dns = dnsDraft === undefined ? undefined : complete<DnsSettings>(dnsDraft);
  if (!isRead(relay) || !isRead(tunnel) || !isRead(dns) || !isRead(homeDrafts)) return refused;
  const homes = homeDrafts.map((draft) => assembleHome(draft, tunnel)).filter(isRead);
  return homes.length === homeDrafts.length ? { relay, tunnel, homes, dns } : refused;
}

function assembleHome(
  draft: Read<Draft<WrittenHome>>,
  { prefix4, prefix6 }: TunnelSettings,
): Read<HomeSettings> {
  const home = complete<WrittenHome>(draft);
  if (!isRead(home)) return refused;
  const ssh = complete<SshSettings>(home.ssh);
  const forwards: Forward[] = home.forwards.filter(isRead);
  if (!isRead(ssh) || forwards.length < home.forwards.length) return refused;
  return { ...home, ssh, forwards, tunnelAddress: peerAddress(prefix4, prefix6, home.name) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
