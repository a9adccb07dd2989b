import * as pulumi from "@pulumi/pulumi";
import { Device } from "./components/device/Device.ts";
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
import { addressesOf } from "./components/network/addressPlan.ts";
import { renderForward } from "./components/network/forward.ts";
import { OrderCheck } from "./components/order/OrderCheck.ts";
import { Reachability } from "./components/reachability/Reachability.ts";
import { ExistingRelay } from "./components/relay/ExistingRelay.ts";
import { RelayServer } from "./components/relay/RelayServer.ts";
import { Sshd } from "./components/relay/Sshd.ts";
import { readSettings } from "./components/settings/StackSettings.ts";
import { Tunnel } from "./components/tunnel/Tunnel.ts";

const { relay: vps, tunnel, dns, homes, devices: members, hetzner } = readSettings();
const [project, stack] = [pulumi.getProject(), pulumi.getStack()];
const label = `${project}-${stack}`;
const [zone, service] = dns?.provider === "hetzner" ? [dns] : [undefined, dns];
const rented = vps.provider === "hetzner" ? vps : undefined;

const peers = [...homes, ...members];
const keys = new Keys("keys", { peers: peers.map(({ name }) => name), generation: tunnel.keyGeneration });
const owner = { id: keys.stackId, stack: `${project}/${stack}` };

// Made before all else on a host and so removed last: one that cannot be reached must not keep billed things alive.
const installed = homes
  .filter((home) => home.install !== "manual")
  .map((home) => {
    const { access } = home;
    const { command } = new Uninstall(home.name, { access, owner, script: "home/uninstall-home.sh" });
    return { ...home, owner, uninstall: command };
  });
const cleanRelay = { owner, script: "relay/uninstall-relay.sh" };
const cleaned = vps.provider === "ssh" ? [new Uninstall("the relay", { ...cleanRelay, access: vps })] : [];
const order = new OrderCheck("order", { label, relay: rented, dns: zone, hetzner });
const ordered = { dependsOn: [...order.passed] };
const after = [
  ...installed.map(({ uninstall }) => uninstall),
  ...cleaned.map(({ command }) => command),
  ...order.passed,
];

const openings = {
  ...vps,
  ...tunnel,
  sshPeers: addressesOf(vps.sshPeers, peers),
  shared: vps.provider === "ssh",
  between: { ...tunnel, devices: members },
  forwards: publishForwards(homes),
};
const createWall = (before: readonly pulumi.Resource[]) =>
  new ProviderFirewall("provider-firewall", { label, openings, after: before }, ordered);
const relay =
  vps.provider === "ssh"
    ? new ExistingRelay("relay", { ...vps, access: vps, owner, after })
    : new RelayServer(
        "relay",
        { ...vps, ...openings, label, keys, owner, hetzner, createWall, after },
        ordered,
      );
const firewall = new Firewall("relay-firewall", relay.host, openings);
if (rented) new Sshd("relay-sshd", relay.host, { ...rented, after: firewall.confirmed });
const { listening } = new Tunnel("relay-tunnel", relay.host, {
  ...tunnel,
  keys,
  homes,
  devices: members,
  after: firewall.confirmed,
});
const { ipv4Address, ipv6Address, serverId } = relay;
const called = { publicKey: keys.relay.publicKey, ipv4Address };

for (const home of installed) {
  const { host, ready } = new Home(home.name, {
    ...home,
    devices: members,
    tunnel,
    keys: keys.peer(home.name),
    relay: { ...called, serverId, listening },
  });
  new Reachability(home.name, host, {
    publicAddress: ipv4Address,
    serverId,
    tunnel,
    forwards: home.forwards,
    after: [...ready, relay.open],
  });
}

new DynDns("relay-dyndns", relay.host, { service, ipv4Address, ipv6Address });
if (zone) {
  const { primaryIps } = relay;
  new Dns("dns", { ...zone, label, ipv4Address, ipv6Address, primaryIps, after }, ordered);
}

export { ipv4Address, ipv6Address };
export const names = dns ? fullNames(dns) : [];
export const forwards = Object.fromEntries(
  homes.map((home) => [home.name, home.forwards.map(renderForward)]),
);
export const tunnelAddresses = Object.fromEntries(
  peers.map(({ name, tunnelAddress }) => [name, tunnelAddress]),
);
export const manual = Object.fromEntries(
  homes
    .filter((home) => home.install === "manual")
    .map((home) => {
      const args = { ...home, owner, devices: members, tunnel, keys: keys.peer(home.name), relay: called };
      return [home.name, new ManualHome(home.name, args).handOver];
    }),
);
export const devices = Object.fromEntries(
  members.map((device) => {
    const args = { device, devices: members, tunnel, keys: keys.peer(device.name), relay: called };
    return [device.name, new Device(device.name, args).config];
  }),
);
