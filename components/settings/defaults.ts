import { parsePrefix } from "../network/prefix.ts";
import type {
  DeviceSettings,
  HetznerDnsSettings,
  HetznerRelaySettings,
  HomeSettings,
  JumpSettings,
  SshSettings,
  TunnelSettings,
} from "./settings.ts";

/** What holds where the user writes nothing: every default there is. */
export const defaults = {
  relay: {
    provider: "hetzner",
    location: "nbg1",
    serverType: "cx23",
    image: "debian-13",
    sshPort: 22,
    adminCidrs: [parsePrefix("0.0.0.0/0"), parsePrefix("::/0")],
    sshVia: "public",
    sshPeers: [],
  } satisfies HetznerRelaySettings,
  tunnel: {
    listenPort: 51820,
    mtu: 1420,
    keepaliveSeconds: 25,
    prefix4: parsePrefix("10.77.0.0/16"),
    prefix6: parsePrefix("fd77::/64"),
    keyGeneration: 1,
  } satisfies TunnelSettings,
  home: { install: "ssh" } satisfies Pick<HomeSettings, "install">,
  ssh: {
    port: 22,
    user: "root",
    identityFile: undefined,
    password: undefined,
    jump: undefined,
  } satisfies Omit<SshSettings, "host" | "hostKey">,
  jump: { port: 22, user: "root", hostKey: undefined, identityFile: undefined } satisfies Omit<
    JumpSettings,
    "host"
  >,
  device: { allow: [], dns: [] } satisfies Pick<DeviceSettings, "allow" | "dns">,
  dns: { provider: "hetzner", createZone: false, names: ["@"], ttlSeconds: 60 } satisfies Omit<
    HetznerDnsSettings,
    "zone" | "reverse"
  >,
};
