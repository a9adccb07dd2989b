import type * as pulumi from "@pulumi/pulumi";
import { Device } from "./components/device/Device.ts";
import { Dns } from "./components/hetzner/HetznerZone.ts";
import { DynDns } from "./components/dyndns/DynDns.ts";
import { fullNames } from "./components/network/domainNames.ts";
import { Firewall } from "./components/firewall/Firewall.ts";
import { ProviderFirewall } from "./components/hetzner/ProviderFirewall.ts";
import { publishForwards } from "./components/network/publishedForward.ts";
import { Home } from "./components/home/Home.ts";
import { ManualHome } from "./components/home/ManualHome.ts";
import { FormerMachine } from "./components/host/FormerMachine.ts";
import { Uninstall } from "./components/host/Uninstall.ts";
import { Keys } from "./components/keys/Keys.ts";
import { addressesOf } from "./components/network/addressPlan.ts";
import { byName } from "./components/network/byName.ts";
import { renderForward } from "./components/network/forward.ts";
import { OrderCheck } from "./components/hetzner/OrderCheck.ts";
import { Reachability } from "./components/reachability/Reachability.ts";
import { ExistingRelay } from "./components/relay/ExistingRelay.ts";
import { RelayServer } from "./components/hetzner/HetznerRelay.ts";
import { Sshd } from "./components/relay/Sshd.ts";
import { readSettings } from "./components/settings/StackSettings.ts";
import { Tunnel } from "./components/tunnel/Tunnel.ts";

const { relay: vps, rented, tunnel, zone, service, homes, devices: members, ...settings } = readSettings();
const { label, hetzner } = settings;
const peers = [...homes, ...members];
const keys = new Keys("keys", { peers: peers.map(({ name }) => name), generation: tunnel.keyGeneration });
const owner = { id: keys.stackId, stack: settings.stack };

// Made before all else on a host and so removed last: one that cannot be reached must not keep billed things alive.
const installed = settings.installed.map((entry) => {
  const home = { ...entry, owner, script: "home/uninstall-home.sh" };
  return { ...home, uninstall: new Uninstall(home.name, home).command };
});
const owned = settings.owned.map((access) => ({ access, owner, script: "relay/uninstall-relay.sh" }));
const vacated = owned.map((machine) => new Uninstall("the relay", machine).command);
const order = new OrderCheck("order", { label, relay: rented, dns: zone, hetzner });
const ordered = { dependsOn: [...order.passed] };
const after = [...installed.map(({ uninstall }) => uninstall), ...vacated, ...order.passed];

const sshPeers = addressesOf(vps.sshPeers, peers);
const [between, shared] = [{ ...tunnel, devices: members }, vps.provider === "ssh"];
const openings = { ...vps, ...tunnel, sshPeers, between, shared, forwards: publishForwards(homes) };
const createWall = (before: readonly pulumi.Resource[]) =>
  new ProviderFirewall("provider-firewall", { label, openings, after: before }, ordered);
const terms = { ...openings, label, keys, owner, hetzner, createWall, after };
const relay =
  vps.provider === "ssh"
    ? new ExistingRelay("relay", { ...vps, access: vps, owner, after })
    : new RelayServer("relay", { ...vps, ...terms }, ordered);
const firewall = new Firewall("relay-firewall", relay.host, openings);
if (rented) new Sshd("relay-sshd", relay.host, { ...rented, after: firewall.confirmed });
const ends = { keys, homes, devices: members, after: firewall.confirmed };
const { listening } = new Tunnel("relay-tunnel", relay.host, { ...tunnel, ...ends });
const { ipv4Address, ipv6Address, primaryIps, serverId } = relay;

const called = { publicKey: keys.relay.publicKey, ipv4Address };
const endOf = (name: string) => ({ devices: members, tunnel, keys: keys.peer(name), relay: called });
const served = { publicAddress: ipv4Address, serverId, tunnel };
const proofs = installed.map((home) => {
  const end = { ...endOf(home.name), relay: { ...called, serverId, listening } };
  const { host, ready } = new Home(home.name, { ...home, ...end }, ordered);
  const { cleaned } = new FormerMachine(home.name, { ...home, after: ready });
  return new Reachability(home.name, host, { ...home, ...served, after: [...ready, ...cleaned, relay.open] });
});
for (const machine of owned) new FormerMachine("the relay", { ...machine, after: proofs });
new DynDns("relay-dyndns", relay.host, { service, ipv4Address, ipv6Address });
if (zone) new Dns("dns", { ...zone, label, ipv4Address, ipv6Address, primaryIps, after }, ordered);

export { ipv4Address, ipv6Address };
export const names = fullNames(zone ?? service);
export const forwards = byName(homes, (home) => home.forwards.map(renderForward));
export const tunnelAddresses = byName(peers, ({ tunnelAddress }) => tunnelAddress);
export const manual = byName(settings.byHand, (home) => {
  return new ManualHome(home.name, { ...home, ...endOf(home.name), owner }).handOver;
});
export const devices = byName(members, (device) => {
  return new Device(device.name, { ...endOf(device.name), device }).config;
});
