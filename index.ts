import * as pulumi from "@pulumi/pulumi";
import { Dns } from "./components/dns/Dns.ts";
import { Firewall } from "./components/firewall/Firewall.ts";
import { ProviderFirewall } from "./components/firewall/ProviderFirewall.ts";
import { Home } from "./components/home/Home.ts";
import { Uninstall } from "./components/host/Uninstall.ts";
import { Keys } from "./components/keys/Keys.ts";
import { relayAddress } from "./components/network/addressPlan.ts";
import { renderForward } from "./components/network/forward.ts";
import { Reachability } from "./components/reachability/Reachability.ts";
import { RelayServer } from "./components/relay/RelayServer.ts";
import { readSettings } from "./components/settings/StackSettings.ts";
import { Tunnel } from "./components/tunnel/Tunnel.ts";

const settings = readSettings();
const { tunnel, dns } = settings;
const label = `${pulumi.getProject()}-${pulumi.getStack()}`;
const relayTunnelAddress = relayAddress(tunnel.prefix4, tunnel.prefix6);

const keys = new Keys("keys", {
  peers: settings.homes.map((home) => home.name),
  generation: tunnel.keyGeneration,
});

const homes = settings.homes.map((home, i) => {
  const access = {
    by: "operator",
    ...home.ssh,
    hostKeySetting: `home-relay:homes[${i}].ssh.hostKey`,
  } as const;
  const uninstall = new Uninstall(home.name, { title: home.name, access, script: "home/uninstall-home.sh" });
  return { ...home, access, uninstall: uninstall.command };
});
// Billed things go first: a home that cannot be reached must not keep them alive.
const after = homes.map((home) => home.uninstall);

const openings = {
  sshPort: settings.relay.sshPort,
  adminCidrs: settings.relay.adminCidrs,
  listenPort: tunnel.listenPort,
  forwards: homes.flatMap(({ forwards, tunnelAddress }) =>
    forwards.map((forward) => ({ forward, address: tunnelAddress })),
  ),
};
const wall = new ProviderFirewall("provider-firewall", { label, openings, after });

const relay = new RelayServer("relay", {
  ...settings.relay,
  label,
  adminSshKey: keys.adminSshKey,
  firstHostKey: keys.firstHostSshKey,
  hostKey: keys.hostSshKey,
  firewallId: wall.firewallId,
  after,
});
const firewall = new Firewall("relay-firewall", relay.host, openings);
const relayTunnel = new Tunnel("relay-tunnel", relay.host, {
  ...tunnel,
  relay: relayTunnelAddress,
  privateKey: keys.relay.privateKey,
  peers: homes.map(({ name, tunnelAddress: address }) => ({ name, address, ...keys.peer(name) })),
  after: firewall.confirmed,
});

for (const home of homes) {
  const { ready, host } = new Home(home.name, {
    ...tunnel,
    ...keys.peer(home.name),
    title: home.name,
    access: home.access,
    address: home.tunnelAddress,
    forwards: home.forwards,
    relay: {
      tunnelAddress: relayTunnelAddress,
      publicKey: keys.relay.publicKey,
      publicAddress: relay.ipv4Address,
      listenPort: tunnel.listenPort,
    },
    relayListening: relayTunnel.listening,
    uninstall: home.uninstall,
  });
  new Reachability(home.name, host, {
    publicAddress: relay.ipv4Address,
    forwards: home.forwards,
    after: [...ready, wall],
  });
}

if (dns) {
  const { ipv4Address, ipv6Address } = relay;
  new Dns("dns", { ...dns, ipv4Address, ipv6Address, after });
}

export const ipv4Address = relay.ipv4Address;
export const ipv6Address = relay.ipv6Address;
export const names = dns?.names.map((name) => (name === "@" ? dns.zone : `${name}.${dns.zone}`)) ?? [];
export const forwards = Object.fromEntries(
  homes.map((home) => [home.name, home.forwards.map(renderForward)]),
);
