import * as pulumi from "@pulumi/pulumi";
import { Dns } from "./components/dns/Dns.ts";
import { DynDns } from "./components/dns/DynDns.ts";
import { fullNames } from "./components/dns/fullNames.ts";
import { Firewall } from "./components/firewall/Firewall.ts";
import { ProviderFirewall } from "./components/firewall/ProviderFirewall.ts";
import { publishForwards } from "./components/firewall/published.ts";
import { Home } from "./components/home/Home.ts";
import { ManualHome } from "./components/home/ManualHome.ts";
import { Uninstall } from "./components/host/Uninstall.ts";
import { Keys } from "./components/keys/Keys.ts";
import { renderForward } from "./components/network/forward.ts";
import { OrderCheck } from "./components/order/OrderCheck.ts";
import { Reachability } from "./components/reachability/Reachability.ts";
import { RelayServer } from "./components/relay/RelayServer.ts";
import { readSettings } from "./components/settings/StackSettings.ts";
import { Tunnel } from "./components/tunnel/Tunnel.ts";

const { relay: vps, tunnel, dns, homes, hetzner } = readSettings();
const [zone, service] = dns?.provider === "hetzner" ? [dns] : [undefined, dns];
const label = `${pulumi.getProject()}-${pulumi.getStack()}`;

// Made first and so removed last: a home that cannot be reached must not keep billed things alive.
const installed = homes
  .filter((home) => home.install !== "manual")
  .map((home) => {
    const { command } = new Uninstall(home.name, { access: home.access, script: "home/uninstall-home.sh" });
    return { ...home, uninstall: command };
  });
const order = new OrderCheck("order", { label, relay: vps, dns: zone, hetzner });
const after = [...installed.map(({ uninstall }) => uninstall), ...order.passed];

const keys = new Keys("keys", { peers: homes.map(({ name }) => name), generation: tunnel.keyGeneration });

const openings = { ...vps, ...tunnel, forwards: publishForwards(homes) };
const ordered = { dependsOn: [...order.passed] };
const wall = new ProviderFirewall("provider-firewall", { label, openings, after }, ordered);
const relay = new RelayServer("relay", { ...vps, label, keys, firewallId: wall.firewallId, after }, ordered);
const firewall = new Firewall("relay-firewall", relay.host, openings);
const { listening } = new Tunnel("relay-tunnel", relay.host, {
  ...tunnel,
  keys,
  peers: homes,
  after: firewall.confirmed,
});
const { ipv4Address, ipv6Address, serverId } = relay;

for (const home of installed) {
  const { host, ready } = new Home(home.name, {
    ...home,
    tunnel,
    keys: keys.peer(home.name),
    relay: { publicKey: keys.relay.publicKey, ipv4Address, serverId, listening },
  });
  new Reachability(home.name, host, {
    publicAddress: ipv4Address,
    serverId,
    tunnel,
    forwards: home.forwards,
    after: [...ready, wall],
  });
}

const byHand = homes
  .filter((home) => home.install === "manual")
  .map((home) => {
    const { publicKey } = keys.relay;
    const { handOver } = new ManualHome(home.name, {
      ...home,
      tunnel,
      keys: keys.peer(home.name),
      relay: { publicKey, ipv4Address },
    });
    return [home.name, handOver] as const;
  });

new DynDns("relay-dyndns", relay.host, { service, ipv4Address, ipv6Address });
if (zone)
  new Dns("dns", { ...zone, label, ipv4Address, ipv6Address, primaryIps: relay.primaryIps, after }, ordered);

export { ipv4Address, ipv6Address };
export const names = dns ? fullNames(dns) : [];
export const forwards = Object.fromEntries(
  homes.map((home) => [home.name, home.forwards.map(renderForward)]),
);
export const manual = Object.fromEntries(byHand);
