import * as pulumi from "@pulumi/pulumi";
import { Dns } from "./components/dns/Dns.ts";
import { Firewall } from "./components/firewall/Firewall.ts";
import { ProviderFirewall } from "./components/firewall/ProviderFirewall.ts";
import { publishForwards } from "./components/firewall/published.ts";
import { Home } from "./components/home/Home.ts";
import { Uninstall } from "./components/host/Uninstall.ts";
import { Keys } from "./components/keys/Keys.ts";
import { renderForward } from "./components/network/forward.ts";
import { addressesOf } from "./components/network/addressPlan.ts";
import { Reachability } from "./components/reachability/Reachability.ts";
import { RelayServer } from "./components/relay/RelayServer.ts";
import { Sshd } from "./components/relay/Sshd.ts";
import { readSettings } from "./components/settings/StackSettings.ts";
import { Tunnel } from "./components/tunnel/Tunnel.ts";

const { relay: vps, tunnel, dns, ...settings } = readSettings();
const label = `${pulumi.getProject()}-${pulumi.getStack()}`;

// Made first and so removed last: a home that cannot be reached must not keep billed things alive.
const homes = settings.homes.map((home) => {
  const uninstall = new Uninstall(home.name, { access: home.ssh, script: "home/uninstall-home.sh" });
  return { ...home, uninstall: uninstall.command };
});
const after = homes.map(({ uninstall }) => uninstall);

const keys = new Keys("keys", { peers: homes.map(({ name }) => name), generation: tunnel.keyGeneration });

const sshPeers = addressesOf(vps.sshPeers, homes);
const openings = { ...vps, ...tunnel, sshPeers, forwards: publishForwards(homes) };
const createWall = (before: readonly pulumi.Resource[]) =>
  new ProviderFirewall("provider-firewall", { label, openings, after: before });
const relay = new RelayServer("relay", { ...openings, label, keys, createWall, after });
const firewall = new Firewall("relay-firewall", relay.host, openings);
new Sshd("relay-sshd", relay.host, { ...vps, after: firewall.confirmed });
const { listening } = new Tunnel("relay-tunnel", relay.host, {
  ...tunnel,
  keys,
  peers: homes,
  after: firewall.confirmed,
});
const { ipv4Address, ipv6Address, serverId } = relay;

for (const home of homes) {
  const { host, ready } = new Home(home.name, {
    ...home,
    tunnel,
    keys: keys.peer(home.name),
    relay: { publicKey: keys.relay.publicKey, ipv4Address, serverId, listening },
  });
  new Reachability(home.name, host, {
    publicAddress: ipv4Address,
    serverId,
    forwards: home.forwards,
    after: [...ready, relay.wall],
  });
}

if (dns) new Dns("dns", { ...dns, ipv4Address, ipv6Address, after });

export { ipv4Address, ipv6Address };
export const names = dns?.names.map((name) => (name === "@" ? dns.zone : `${name}.${dns.zone}`)) ?? [];
export const forwards = Object.fromEntries(
  homes.map((home) => [home.name, home.forwards.map(renderForward)]),
);
