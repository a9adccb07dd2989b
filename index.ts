import * as pulumi from "@pulumi/pulumi";
import { Dns } from "./components/dns/Dns.ts";
import { Firewall } from "./components/firewall/Firewall.ts";
import { ProviderFirewall } from "./components/firewall/ProviderFirewall.ts";
import { publishForwards } from "./components/firewall/published.ts";
import { Home } from "./components/home/Home.ts";
import { Uninstall } from "./components/host/Uninstall.ts";
import { Keys } from "./components/keys/Keys.ts";
import { renderForward } from "./components/network/forward.ts";
import { Reachability } from "./components/reachability/Reachability.ts";
import { ExistingRelay } from "./components/relay/ExistingRelay.ts";
import { RelayServer } from "./components/relay/RelayServer.ts";
import type { ExistingRelaySettings, HetznerRelaySettings } from "./components/settings/settings.ts";
import { readSettings } from "./components/settings/StackSettings.ts";
import { Tunnel } from "./components/tunnel/Tunnel.ts";

const { relay: vps, tunnel, dns, ...settings } = readSettings();
const [project, stack] = [pulumi.getProject(), pulumi.getStack()];
const label = `${project}-${stack}`;

const peers = settings.homes.map(({ name }) => name);
const keys = new Keys("keys", { peers, generation: tunnel.keyGeneration });
const owner = { id: keys.stackId, stack: `${project}/${stack}` };

// Made before all else on a host and so removed last: one that cannot be reached must not keep billed things alive.
const homes = settings.homes.map((home) => {
  const uninstall = new Uninstall(home.name, { access: home.ssh, owner, script: "home/uninstall-home.sh" });
  return { ...home, owner, uninstall: uninstall.command };
});
const cleanRelay = { owner, script: "relay/uninstall-relay.sh" };
const machine = vps.provider === "ssh" && new Uninstall("the relay", { ...cleanRelay, access: vps });
const after = [...homes.map(({ uninstall }) => uninstall), ...(machine ? [machine.command] : [])];

const openings = { ...vps, ...tunnel, shared: vps.provider === "ssh", forwards: publishForwards(homes) };
const { relay, ready } = vps.provider === "ssh" ? takeMachine(vps) : rentServer(vps);
const firewall = new Firewall("relay-firewall", relay.host, openings);
const { listening } = new Tunnel("relay-tunnel", relay.host, {
  ...tunnel,
  keys,
  peers: homes,
  after: firewall.confirmed,
});
const { ipv4Address, ipv6Address, serverId } = relay;

for (const home of homes) {
  const { host, ready: joined } = new Home(home.name, {
    ...home,
    tunnel,
    keys: keys.peer(home.name),
    relay: { publicKey: keys.relay.publicKey, ipv4Address, serverId, listening },
  });
  new Reachability(home.name, host, {
    publicAddress: ipv4Address,
    serverId,
    forwards: home.forwards,
    after: [...joined, ready],
  });
}

if (dns) new Dns("dns", { ...dns, ipv4Address, ipv6Address, after });

function rentServer(server: HetznerRelaySettings) {
  const wall = new ProviderFirewall("provider-firewall", { label, openings, after });
  const { firewallId } = wall;
  const relay = new RelayServer("relay", { ...server, label, keys, owner, firewallId, after });
  return { relay, ready: wall };
}

function takeMachine(access: ExistingRelaySettings) {
  const relay = new ExistingRelay("relay", { ...access, access, owner, after });
  return { relay, ready: relay.hardened };
}

export { ipv4Address, ipv6Address };
export const names = dns?.names.map((name) => (name === "@" ? dns.zone : `${name}.${dns.zone}`)) ?? [];
export const forwards = Object.fromEntries(
  homes.map((home) => [home.name, home.forwards.map(renderForward)]),
);
