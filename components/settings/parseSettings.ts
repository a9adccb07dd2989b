import { peerAddress } from "../network/addressPlan.ts";
import type { Forward } from "../network/forward.ts";
import type { NotifyService } from "../network/notifyService.ts";
import type { SshAccess } from "../network/sshAccess.ts";
import type { TunnelPlan } from "../network/tunnelPlan.ts";
import { refuseDeviceConflicts } from "./deviceConflicts.ts";
import { resolveDevices } from "./devices.ts";
import type { WrittenDevice } from "./devices.ts";
import { refuseEndpointConflicts } from "./endpointConflicts.ts";
import { refuseForwardConflicts, refuseTargetsInTunnel } from "./forwardConflicts.ts";
import type { WrittenHome } from "./homes.ts";
import { refuseHomesInTunnel, refuseMachineConflicts } from "./machineConflicts.ts";
import { refuseNameConflicts, refuseUnknownRelayPeers } from "./nameConflicts.ts";
import { complete, isRead, Place, refused } from "./place.ts";
import type { Draft, Read } from "./place.ts";
import { refuseUnknown } from "./readers.ts";
import { sections } from "./sections.ts";
import type { DnsSettings, HomeSettings, RelaySettings, Settings } from "./settings.ts";
import { SettingsError } from "./settingsError.ts";
import type { Keys } from "./stackFile.ts";
import { checkToken } from "./token.ts";
import { collectWritten } from "./written.ts";
import type { Written } from "./written.ts";

/** The settings as they come out of the stack file: plain data of any shape. */
export interface RawSettings {
  readonly relay: unknown;
  readonly homes: unknown;
  readonly devices?: unknown;
  readonly tunnel: unknown;
  readonly dns: unknown;
  readonly notify?: unknown;
  /** Keys of the project's own namespace that are none of the sections. */
  readonly unknownKeys?: readonly string[];
  /** Whether what is found in a section, at these keys, stands encrypted in the stack file. @default none does */
  readonly isEncrypted?: (section: string, keys: Keys) => boolean;
  /** The plain token; only its form is looked at. */
  readonly hcloudToken: string | undefined;
}

/**
 * Checks everything that the user wrote; deeply frozen. Throws one `SettingsError` with every problem there is.
 * `namespace` is the project's name, which stands before each section: `home-relay`.
 */
export function parseSettings(raw: RawSettings, namespace: string): Settings {
  const problems: string[] = [];
  const at = (section: string) =>
    new Place(`${namespace}:${section}`, problems, (keys) => raw.isEncrypted?.(section, keys) ?? false);
  for (const key of raw.unknownKeys ?? []) refuseUnknownSection(key, at);
  const all = {
    relay: raw.relay,
    homes: raw.homes,
    devices: raw.devices,
    tunnel: raw.tunnel,
    dns: raw.dns,
    notify: raw.notify,
  };
  const relay = sections.relay.read(raw.relay, at("relay"), all);
  const homes = sections.homes.read(raw.homes, at("homes"), all);
  const devices = sections.devices.read(raw.devices, at("devices"), all);
  const tunnel = sections.tunnel.read(raw.tunnel, at("tunnel"), all);
  const dns = sections.dns.read(raw.dns, at("dns"), all);
  const notify = sections.notify.read(raw.notify, at("notify"), all);
  if (isAtHetzner(relay) || isAtHetzner(dns))
    checkToken(raw.hcloudToken, new Place("hcloud:token", problems));
  const written = collectWritten({ relay, homes, devices, tunnel }, at);
  refuseConflicts(written);
  refuseEndpointConflicts(relay, at("relay"), written);
  const settings = assemble(relay, homes, devices, tunnel, dns, notify, problems);
  if (problems.length > 0 || !isRead(settings)) throw new SettingsError(problems);
  return deepFreeze(settings);
}

/** What is right on its own and wrong together. */
function refuseConflicts(written: Written): void {
  refuseForwardConflicts(written);
  refuseNameConflicts(written);
  refuseMachineConflicts(written);
  refuseHomesInTunnel(written);
  refuseTargetsInTunnel(written);
  refuseUnknownRelayPeers(written);
  refuseDeviceConflicts(written);
}

function isAtHetzner(section: Read<{ readonly provider: Read<string> }> | undefined): boolean {
  return section !== undefined && isRead(section) && section.provider === "hetzner";
}

function refuseUnknownSection(key: string, at: (section: string) => Place): void {
  const [section = ""] = key.split(/[.[]/);
  // What `pulumi config set relay.sshPort 2222` leaves behind without --path.
  if (section !== key && Object.hasOwn(sections, section))
    at(key).refuse(
      "is not a setting",
      `set it with --path: pulumi config set --path ${key} VALUE, and: pulumi config rm ${key}`,
    );
  else refuseUnknown(at(key), key, Object.keys(sections));
}

function assemble(
  relayDraft: Read<Draft<RelaySettings>>,
  homeDrafts: Read<readonly Read<Draft<WrittenHome>>[]>,
  deviceDrafts: Read<readonly Read<Draft<WrittenDevice>>[]>,
  tunnelDraft: Read<Draft<TunnelPlan>>,
  dnsDraft: Read<Draft<DnsSettings>> | undefined,
  notify: Read<readonly NotifyService[]>,
  problems: readonly string[],
): Read<Settings> {
  const relay = complete<RelaySettings>(relayDraft);
  const tunnel = complete<TunnelPlan>(tunnelDraft);
  const dns = dnsDraft === undefined ? undefined : complete<DnsSettings>(dnsDraft);
  if (!isRead(relay) || !isRead(tunnel) || !isRead(dns) || !isRead(notify) || !isRead(homeDrafts))
    return refused;
  const homes = homeDrafts.map((draft) => assembleHome(draft, tunnel)).filter(isRead);
  // What devices may reach is looked up by name, which only settings without a problem allow.
  if (problems.length > 0 || !isRead(deviceDrafts)) return refused;
  const devices = resolveDevices(deviceDrafts, homes, tunnel);
  return homes.length === homeDrafts.length ? { relay, tunnel, homes, devices, dns, notify } : refused;
}

function assembleHome(draft: Read<Draft<WrittenHome>>, { prefix4, prefix6 }: TunnelPlan): Read<HomeSettings> {
  const home = complete<WrittenHome>(draft);
  if (!isRead(home)) return refused;
  const { name, install, ipv6, endpoint } = home;
  const access = home.ssh === undefined ? "here" : complete<SshAccess>(home.ssh);
  const forwards: Forward[] = home.forwards.filter(isRead);
  if (!isRead(access) || forwards.length < home.forwards.length) return refused;
  const common = { name, ipv6, endpoint, forwards, tunnelAddress: peerAddress(prefix4, prefix6, name) };
  return install === "manual" ? { ...common, install } : { ...common, install, access };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
