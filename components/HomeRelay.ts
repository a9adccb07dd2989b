import * as pulumi from "@pulumi/pulumi";
import { renderCard } from "./card/card.ts";
import type { CardHome } from "./card/homeLines.ts";
import { Device } from "./device/Device.ts";
import { lookForAWhile, publicDns } from "./dns/publicDns.ts";
import { judgeDelegation, judgeName } from "./dns/seen.ts";
import type { PublicDns, Said } from "./dns/seen.ts";
import { DynDns } from "./dyndns/DynDns.ts";
import { dynDnsInstallation } from "./dyndns/installation.ts";
import { Firewall } from "./firewall/Firewall.ts";
import { firewallInstallation, relayFirewallInstallation } from "./firewall/installation.ts";
import type { HetznerAccess } from "./hetzner/hetznerAccess.ts";
import { HetznerRelay } from "./hetzner/HetznerRelay.ts";
import { HetznerZone } from "./hetzner/HetznerZone.ts";
import type { DnsOrder, RelayOrder } from "./hetzner/order.ts";
import { OrderCheck } from "./hetzner/OrderCheck.ts";
import { Receipt } from "./hetzner/Receipt.ts";
import { Home } from "./home/Home.ts";
import { homeInstallation } from "./home/installation.ts";
import type { HandOver } from "./home/handOver.ts";
import { describeInside } from "./home/insideTheHouse.ts";
import { ManualHome } from "./home/ManualHome.ts";
import { FormerMachine } from "./host/FormerMachine.ts";
import { hostInstallation } from "./host/installation.ts";
import { Uninstall } from "./host/Uninstall.ts";
import type { CleaningArgs } from "./host/Uninstall.ts";
import { Keys } from "./keys/Keys.ts";
import { addressesOf, relayAddress } from "./network/addressPlan.ts";
import type { TunnelAddress } from "./network/addressPlan.ts";
import { byName } from "./network/byName.ts";
import type { CalledRelay } from "./network/calledRelay.ts";
import { fullNames } from "./network/domainNames.ts";
import { renderForward } from "./network/forward.ts";
import type { HomePlan } from "./network/homePlan.ts";
import { joinInstallations } from "./network/installation.ts";
import type { Owner } from "./network/owner.ts";
import type { Proof, Reachability } from "./network/proven.ts";
import { publishForwards } from "./network/publishedForward.ts";
import { placeOnTheWay, warnOfWay } from "./network/sshThroughRelay.ts";
import { notifyInstallation } from "./notify/installation.ts";
import { Notify } from "./notify/Notify.ts";
import { reachabilityInstallation } from "./reachability/installation.ts";
import { proofStep } from "./reachability/proofStep.ts";
import { readProof, readReachability } from "./reachability/results.ts";
import { ExistingRelay } from "./relay/ExistingRelay.ts";
import type { Relay, RentedRelayPlan } from "./relay/Relay.ts";
import type {
  DeviceSettings,
  ExistingRelaySettings,
  HetznerDnsSettings,
  HetznerRelaySettings,
  HomeSettings,
  InstalledHome,
  RelaySettings,
  Settings,
} from "./settings/settings.ts";
import { metricsInstallation, relayStatusInstallation, statusInstallation } from "./status/installation.ts";
import { renderMetricNames } from "./status/metrics.ts";
import { relayTunnelInstallation, tunnelInstallation } from "./tunnel/installation.ts";
import { Tunnel } from "./tunnel/Tunnel.ts";

export interface HomeRelayArgs extends Settings {
  /** For people, on hosts that belong to it. @example home-relay/dev */
  readonly stack: string;
  /** Names things at a provider; no other relay of the same project there has it. @example home-relay-dev */
  readonly label: string;
  /** How Hetzner is reached, where it is. */
  readonly hetzner: HetznerAccess<pulumi.Input<string>>;
  /** What the world is told of names. @default as this machine sees it */
  readonly publicDns?: PublicDns;
}

/** How the relay of a stack is made that names this provider. */
export interface RelayProvider<S> {
  /** Makes it from its own part of the settings. */
  readonly create: (
    name: string,
    settings: S,
    plan: RentedRelayPlan,
    access: ProviderAccess,
    opts: pulumi.ComponentResourceOptions,
  ) => Relay;
  /** Asks the provider whether it can do what it will be told, before it or a home is told anything. @default nobody */
  readonly checkOrder?: (
    name: string,
    settings: S,
    access: ProviderAccess,
    opts: pulumi.CustomResourceOptions,
  ) => pulumi.Resource;
}

/** How providers are reached, by the name of each. */
export interface ProviderAccess {
  readonly hetzner: HetznerAccess<pulumi.Input<string>>;
}

type RelayProviders = {
  [Provider in RelaySettings["provider"]]: RelayProvider<Extract<RelaySettings, { provider: Provider }>>;
};

/**
 * Who can be the relay or rent one out: one line a provider. Hetzner is asked for a server and for a zone at once, by
 * the stack itself.
 */
export const relayProviders: RelayProviders = {
  hetzner: { create: createHetznerRelay },
  ssh: { create: createExistingRelay },
};

function createHetznerRelay(
  name: string,
  settings: HetznerRelaySettings,
  plan: RentedRelayPlan,
  access: ProviderAccess,
  opts: pulumi.ComponentResourceOptions,
): Relay {
  const { location, serverType, image, sshPort, adminCidrs, sshVia, sshPeers } = settings;
  return new HetznerRelay(
    name,
    { plan, location, serverType, image, sshPort, adminCidrs, sshVia, sshPeers, api: access.hetzner },
    opts,
  );
}

function createExistingRelay(
  name: string,
  settings: ExistingRelaySettings,
  plan: RentedRelayPlan,
  _access: ProviderAccess,
  opts: pulumi.ComponentResourceOptions,
): Relay {
  const { ipv4, ipv6, adminCidrs } = settings;
  const { listenPort } = plan.tunnel;
  return new ExistingRelay(name, { plan, access: settings, ipv4, ipv6, listenPort, adminCidrs }, opts);
}

/** A public address for servers at home: the relay, the tunnel, its firewall, the homes, the names, and the proof. */
export class HomeRelay extends pulumi.ComponentResource {
  /** The relay's public addresses; without an IPv6 address the forwards answer over IPv4 alone. */
  readonly ipv4Address: pulumi.Output<string>;
  readonly ipv6Address: pulumi.Output<string> | undefined;
  /** Full names that point at the relay. */
  readonly names: readonly string[];
  /** Who answers for the zone that this stack makes: what its registrar has to be told. */
  readonly nameservers: pulumi.Output<string[]>;
  /** By home: what is forwarded to it, like `80:8080/tcp`. */
  readonly forwards: Readonly<Record<string, readonly string[]>>;
  /** By home and device: its addresses in the tunnel. */
  readonly tunnelAddresses: Readonly<Record<string, TunnelAddress>>;
  /** By home, where there are names: what a resolver in its LAN may answer, or why the names stay with the relay there. */
  readonly inside: Readonly<Record<string, string | undefined>>;
  /** By home that this program sets up: what the proof found of each forward, over each family. */
  readonly reachability: Readonly<Record<string, pulumi.Output<Reachability>>>;
  /** By home that its owner sets up: what to do, and, secret, the script and a plain WireGuard configuration for it. */
  readonly manual: Readonly<Record<string, HandOver<pulumi.Output<string>>>>;
  /** By device: what WireGuard's app imports; secret. */
  readonly devices: Readonly<Record<string, pulumi.Output<string>>>;

  readonly #name: string;
  readonly #args: HomeRelayArgs;
  readonly #keys: Keys;
  readonly #owner: StackOwner;
  /** By home that this program sets up. */
  readonly #uninstalls: ReadonlyMap<InstalledHome, Uninstall>;
  /**
   * Nothing is made, changed or deleted at a provider or at a home before these have passed, and they are deleted only
   * after that.
   */
  readonly #orderChecks: readonly pulumi.Resource[];

  constructor(name: string, args: HomeRelayArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("homerelay:index:HomeRelay", name, describe(args), opts);
    this.#name = name;
    this.#args = args;

    this.#keys = this.#createKeys();
    this.#owner = { id: this.#keys.stackId, stack: args.stack };
    this.#uninstalls = this.#createUninstalls();
    this.#orderChecks = this.#createOrderChecks();
    const relay = this.#createRelay();
    const firewall = this.#createFirewall(relay);
    const sshd = this.#createSshd(relay, firewall);
    const tunnel = this.#createTunnel(relay, firewall);
    const homes = this.#createHomes(relay, tunnel);
    this.#createFormerRelay(relay, homes);
    const names = this.#createNames(relay);
    const notified = this.#createNotify(relay, tunnel);
    this.#removeLeftovers(relay, [sshd, tunnel.listening, ...names.told, ...notified]);
    this.manual = this.#createManualHomes(relay);
    this.devices = this.#createDevices(relay);
    this.#warnOfWaysThrough(relay);

    this.ipv4Address = relay.ipv4Address;
    this.ipv6Address = relay.ipv6Address;
    this.names = args.dns === undefined ? [] : fullNames(args.dns);
    this.nameservers = names.nameservers ?? pulumi.output([]);
    this.forwards = byName(args.homes, (home) => home.forwards.map(renderForward));
    this.inside = byName(args.homes, (home) => describeInside(home, this.names, args.homes.length > 1));
    this.reachability = byName(homes, ({ proofSaid }) => pulumi.output(proofSaid).apply(readReachability));
    this.tunnelAddresses = byName([...args.homes, ...args.devices], (peer) => peer.tunnelAddress);
    this.registerOutputs({
      ipv4Address: this.ipv4Address,
      ipv6Address: this.ipv6Address,
      // Nothing; the engine waits for it.
      said: this.#sayLastWords(relay, homes, names.seen),
    });
  }

  #createKeys(): Keys {
    const { relay, homes, devices, tunnel } = this.#args;
    return new Keys(
      `${this.#name}-keys`,
      {
        peers: [...homes, ...devices].map((peer) => peer.name),
        generation: tunnel.keyGeneration,
        sshGeneration: sshGenerationOf(relay),
      },
      { parent: this },
    );
  }

  /** Everything at a provider depends on these, so they go last: a home that is off keeps nothing alive that is billed. */
  #createUninstalls(): Map<InstalledHome, Uninstall> {
    const installed = this.#args.homes.filter((home) => home.install !== "manual");
    return new Map(
      installed.map((home) => [
        home,
        new Uninstall(`${this.#name}-${home.name}-uninstall`, this.#cleaningOf(home), { parent: this }),
      ]),
    );
  }

  #createOrderChecks(): readonly pulumi.Resource[] {
    const { relay, label, dns, hetzner } = this.#args;
    const order = {
      project: pulumi.getProject(),
      label,
      relay: relay.provider === "hetzner" ? serverOrder(relay) : undefined,
      dns: dns?.provider === "hetzner" ? zoneOrder(dns) : undefined,
    };
    const name = `${this.#name}-order-check`;
    const { endpoint, token } = hetzner;
    const { id: stackId, stack } = this.#owner;
    const asker = { endpoint, token, stackId, adminKey: this.#keys.firstAdminSshKey.publicKey, stack };
    const own = this.#relayProvider().checkOrder?.(
      `${this.#name}-relay-order-check`,
      relay,
      { hetzner },
      { parent: this },
    );
    const checks = own === undefined ? [] : [own];
    if (order.relay === undefined && order.dns === undefined) return checks;
    const check = new OrderCheck(name, { order, asker }, { parent: this });
    return [...checks, check, this.#createReceipt(check)];
  }

  /**
   * Deleted before the homes are cleaned, so that one that is off does not keep it from saying what is gone. Behind the
   * check: a token with which nothing can be ordered does not become its own.
   */
  #createReceipt(check: pulumi.Resource): pulumi.Resource {
    const { dns, hetzner } = this.#args;
    const { endpoint, token } = hetzner;
    const { zone, createZone } = dns?.provider === "hetzner" ? dns : {};
    const document = { zone, createdZone: createZone };
    const asker = { endpoint, token, stackId: this.#owner.id };
    return new Receipt(
      `${this.#name}-receipt`,
      { document, asker },
      { parent: this, dependsOn: [...this.#uninstalls.values(), check] },
    );
  }

  #createRelay(): Relay {
    const { relay, label, tunnel, homes, devices, dns, notify, hetzner } = this.#args;
    const keys = this.#keys;
    const hasService = dns !== undefined && dns.provider !== "hetzner";
    const plan: RentedRelayPlan = {
      owner: this.#owner,
      installation: joinInstallations([
        ...installationsOfRelay,
        ...(hasService ? [dynDnsInstallation] : []),
        ...(this.#metricsPeers().length === 0 ? [] : [metricsInstallation(tunnel)]),
        ...(notify.length > 0 ? [notifyInstallation] : []),
      ]),
      after: [...this.#uninstalls.values(), ...this.#orderChecks],
      leaves: this.#listLeft(),
      label,
      keys: {
        admin: keys.adminSshKey,
        firstHost: keys.firstHostSshKey,
        host: keys.hostSshKey,
        generation: sshGenerationOf(relay),
        first: { admin: keys.firstAdminSshKey, hostPublicKey: keys.firstGenerationHostKey },
        noteSecret: keys.sshNoteSecret,
      },
      tunnel,
      peers: [...homes, ...devices],
      forwards: publishForwards(homes),
      reverseName: dns?.provider === "hetzner" ? dns.reverse : undefined,
    };
    // The component waits as well as its children: else the state would have the settings of an order that was refused.
    const opts = { parent: this, dependsOn: [...this.#orderChecks] };
    return this.#relayProvider().create(`${this.#name}-relay`, relay, plan, { hetzner }, opts);
  }

  /** What `pulumi destroy` cannot take back. */
  #listLeft(): readonly string[] {
    const { dns, homes } = this.#args;
    const byService = dns === undefined || dns.provider === "hetzner" ? [] : dns.names;
    const byHand = homes.filter(({ install }) => install === "manual");
    return [
      ...byService.map(
        (name) => `Left: ${name} goes on leading to the relay's address. Delete it on its service's site.`,
      ),
      ...byHand.map(
        ({ name }) => `Left: ${name}, which was set up by hand. There: sudo bash ${name}.sh remove`,
      ),
    ];
  }

  #createFirewall(relay: Relay): Firewall {
    const { tunnel, homes, devices } = this.#args;
    const { host, ssh, isShared } = relay;
    const forwards = publishForwards(homes);
    const readers = this.#metricsPeers();
    const metrics =
      readers.length === 0 ? undefined : { peers: readers, names: renderMetricNames(homes, devices) };
    return new Firewall(
      `${this.#name}-relay-firewall`,
      { host, ssh, isShared, tunnel, forwards, devices, metrics },
      { parent: this },
    );
  }

  #createSshd(relay: Relay, firewall: Firewall): pulumi.Resource {
    return relay.host.step(`${this.#name}-relay-sshd`, relay.sshd, {
      parent: this,
      dependsOn: firewall.confirmed,
    });
  }

  #createTunnel(relay: Relay, firewall: Firewall): Tunnel {
    const { tunnel, homes, devices } = this.#args;
    return new Tunnel(
      `${this.#name}-relay-tunnel`,
      {
        host: relay.host,
        plan: tunnel,
        homes,
        devices,
        reached: [...this.#uninstalls.keys()].map(({ name }) => name),
        keys: this.#keys,
        after: firewall.confirmed,
      },
      { parent: this },
    );
  }

  #createHomes(relay: Relay, tunnel: Tunnel): readonly Home[] {
    return [...this.#uninstalls].map(
      ([home, uninstall]) =>
        new Home(
          `${this.#name}-${home.name}`,
          {
            plan: this.#planOf(home),
            cleaning: this.#cleaningOf(home),
            noteSecret: this.#keys.firstAdminSshKey.privateKey,
            installation: installationAtHome,
            keys: this.#keys.peer(home.name),
            relay: this.#calledRelay(relay, home),
            relayMachineId: relay.machineId,
            relayReady: [tunnel.listening, ...relay.open],
            proof: proofStep,
            uninstall,
          },
          // A home is left as it is when an order cannot be had.
          { parent: this, dependsOn: [...this.#orderChecks] },
        ),
    );
  }

  /** Cleans the machine that was the relay before, once every home has gone over to this one. */
  #createFormerRelay({ outlives }: Relay, homes: readonly Home[]): void {
    if (outlives === undefined) return;
    const former = { ...outlives.cleaning, noteSecret: this.#keys.firstAdminSshKey.privateKey };
    new FormerMachine(`${this.#name}-relay-former-machine`, former, {
      parent: this,
      dependsOn: homes.map((home) => home.proven),
    });
  }

  #createNames(relay: Relay): Names {
    const { host, ipv4Address, outlives } = relay;
    const { dns, label } = this.#args;
    const ipv6Address = this.#ipv6ForNames(relay);
    if (dns === undefined) return noNames;
    const section = `${pulumi.getProject()}:dns`;
    const { publicDns: world = publicDns } = this.#args;
    if (dns.provider === "hetzner") {
      const { zone, createZone, names, ttlSeconds } = dns;
      const uninstalls = [
        ...this.#uninstalls.values(),
        ...(outlives === undefined ? [] : [outlives.uninstall]),
      ];
      const after = [...uninstalls, ...this.#orderChecks];
      const { nameservers } = new HetznerZone(
        `${this.#name}-zone`,
        {
          label,
          stackId: this.#owner.id,
          zone,
          createZone,
          names,
          ttlSeconds,
          ipv4Address,
          ipv6Address,
          after,
        },
        { parent: this, dependsOn: [...this.#orderChecks] },
      );
      const seen =
        nameservers === undefined
          ? []
          : [() => nameservers.apply((assigned) => judgeDelegation(section, zone, assigned, world))];
      return { ...noNames, nameservers, seen };
    }
    const { told } = new DynDns(
      `${this.#name}-relay-dyndns`,
      { host, service: dns, section, ipv4Address, ipv6Address },
      { parent: this },
    );
    const tellAgain = "pulumi up --replace '**-dyndns-updates'";
    const seen = dns.names.map(
      (name) => () =>
        pulumi
          .all([ipv4Address, ipv6Address, told.urn])
          .apply(([ipv4, ipv6]) =>
            lookForAWhile(() => judgeName(section, { name, ipv4, ipv6, tellAgain }, world)),
          ),
    );
    return { ...noNames, told: [told], seen };
  }

  /** By every `up`, also by one that changes nothing, since names are in others' hands; by no preview. */
  #sayLastWords(
    relay: Relay,
    homes: readonly Home[],
    seen: Names["seen"],
  ): pulumi.Output<undefined> | undefined {
    if (pulumi.runtime.isDryRun()) return undefined;
    const ipv6Address = this.#ipv6ForNames(relay);
    const facts = pulumi.all([
      pulumi.all([relay.ipv4Address, ...(ipv6Address === undefined ? [] : [ipv6Address])]),
      pulumi.all(homes.map(({ proofSaid }) => proofSaid)),
      pulumi.all(seen.map((look) => look())),
    ]);
    return facts.apply(async ([addresses, proofs, looked]) => {
      const said = looked.filter((one) => one !== undefined);
      for (const { as, text } of said) await pulumi.log[as](text, this);
      const proven = new Map(homes.map(({ name }, i) => [name, readProof(proofs[i] ?? "")] as const));
      await pulumi.log.info(this.#card(addresses, proven, said), this);
      return undefined;
    });
  }

  /** What was done on the relay for it. */
  #createNotify({ host }: Relay, tunnel: Tunnel): readonly pulumi.Resource[] {
    const { notify: services, homes, stack, relay } = this.#args;
    if (services.length === 0) return [];
    const section = `${pulumi.getProject()}:notify`;
    const { told } = new Notify(
      `${this.#name}-relay-notify`,
      {
        host,
        services,
        homes,
        stack,
        section,
        includedTrafficGb: relay.includedTrafficGb,
        after: tunnel.listening,
      },
      { parent: this },
    );
    return [told];
  }

  /**
   * With an address of IPv6 that leads to no home, who has IPv6 alone would not even be given one that his network makes
   * out of that of IPv4.
   */
  #ipv6ForNames({ ipv6Address }: Relay): pulumi.Output<string> | undefined {
    return this.#args.homes.some(({ ipv6 }) => ipv6) ? ipv6Address : undefined;
  }

  #card(addresses: readonly string[], proven: ReadonlyMap<string, Proof>, said: readonly Said[]): string {
    const { homes, devices, stack } = this.#args;
    const byHand = homes.flatMap(({ name }) => this.manual[name]?.next ?? []);
    return renderCard({
      homes: homes.map(({ name, forwards }): CardHome => {
        const proof = proven.get(name) ?? "by its owner";
        return { name, forwards, proof };
      }),
      names: this.names,
      addresses,
      devices: devices.map(({ name }) => name),
      toDo: [...said.flatMap(({ toDo }) => toDo ?? []), ...byHand],
      stackFile: `Pulumi.${stack.split("/").at(-1) ?? stack}.yaml`,
      now: Date.now() / 1000,
    });
  }

  /** When all else is done on the relay: until then what an older version put there may be in use. */
  #removeLeftovers(relay: Relay, after: readonly pulumi.Resource[]): void {
    relay.host.removeLeftovers(`${this.#name}-relay-leftovers`, { parent: this, dependsOn: [...after] });
  }

  #createManualHomes(relay: Relay): Record<string, HandOver<pulumi.Output<string>>> {
    const byHand = this.#args.homes.filter((home) => home.install === "manual");
    return byName(byHand, (home) => {
      const { handOver } = new ManualHome(
        `${this.#name}-${home.name}`,
        {
          plan: this.#planOf(home),
          owner: this.#owner,
          installation: installationAtHome,
          keys: this.#keys.peer(home.name),
          relay: this.#calledRelay(relay, home),
          proof: proofStep,
        },
        { parent: this },
      );
      return handOver;
    });
  }

  #createDevices(relay: Relay): Record<string, pulumi.Output<string>> {
    const { devices, tunnel } = this.#args;
    return byName(devices, (device) => {
      const { config } = new Device(
        `${this.#name}-${device.name}`,
        {
          device,
          devices,
          tunnel,
          keys: this.#keys.peer(device.name),
          relay: this.#calledRelay(relay, device),
        },
        { parent: this },
      );
      return config;
    });
  }

  /** A home that is reached through its own forward is lost with the tunnel. What leads there may be known only later. */
  #warnOfWaysThrough({ ipv4Address, ipv6Address }: Relay): void {
    const { relay, homes, devices, dns, tunnel } = this.#args;
    const called = [
      ...(relay.provider === "ssh" ? [relay.host] : []),
      ...(dns === undefined ? [] : fullNames(dns)),
    ];
    const peers = [...homes, ...devices].map((peer) => peer.tunnelAddress);
    const inTunnel = [...peers, relayAddress(tunnel.prefix4, tunnel.prefix6)].flatMap(({ ipv4, ipv6 }) => [
      ipv4,
      ipv6,
    ]);
    pulumi.all([ipv4Address, ipv6Address ?? ""]).apply((addresses) => {
      for (const home of homes) {
        if (home.install === "manual" || home.access === "here") continue;
        const place = placeOnTheWay(home.access, { relay: [...called, ...addresses], tunnel: inTunnel });
        if (place !== undefined) void pulumi.log.warn(warnOfWay(home.name, place), this);
      }
    });
  }

  /** Who may read the relay's metrics. A provider may have no such setting. */
  #metricsPeers(): TunnelAddress[] {
    const { relay, homes, devices } = this.#args;
    return "metricsPeers" in relay ? addressesOf(relay.metricsPeers, [...homes, ...devices]) : [];
  }

  /** Each provider is handed the settings that name it. */
  #relayProvider(): RelayProvider<RelaySettings> {
    return relayProviders[this.#args.relay.provider] as RelayProvider<RelaySettings>;
  }

  #planOf({ name, tunnelAddress, ipv6, forwards }: HomeSettings): HomePlan {
    const { devices, tunnel } = this.#args;
    return { name, tunnelAddress, ipv6, forwards, devices, tunnel };
  }

  #cleaningOf({ name, access }: InstalledHome): CleaningArgs {
    return { title: name, nameOnHost: name, access, owner: this.#owner, script: "home/uninstall-home.sh" };
  }

  #calledRelay(
    { ipv4Address, ipv6Address }: Relay,
    { endpoint }: HomeSettings | DeviceSettings,
  ): CalledRelay<pulumi.Output<string>> {
    const calledAt = endpoint === "ipv6" ? ipv6Address : ipv4Address;
    return { publicKey: this.#keys.relay.publicKey, ipv4Address, ipv6Address, calledAt };
  }
}

interface Names {
  /** What was done on the relay for them. */
  readonly told: readonly pulumi.Resource[];
  readonly nameservers: pulumi.Output<string[]> | undefined;
  /** What the world sees of them, asked for when they are there. */
  readonly seen: readonly (() => pulumi.Output<Said | undefined>)[];
}

const noNames: Names = { told: [], nameservers: undefined, seen: [] };

type StackOwner = Owner<pulumi.Output<string>>;

export const installationsOfRelay = [
  hostInstallation,
  firewallInstallation,
  relayFirewallInstallation,
  tunnelInstallation,
  relayTunnelInstallation,
  statusInstallation,
  relayStatusInstallation,
];

export const installationAtHome = joinInstallations([
  hostInstallation,
  firewallInstallation,
  tunnelInstallation,
  homeInstallation,
  reachabilityInstallation,
  statusInstallation,
]);

function serverOrder({ location, serverType, image }: HetznerRelaySettings): RelayOrder {
  return { location, serverType, image };
}

/** A relay that was there before keeps its owner's keys: the first ones open nothing there. */
function sshGenerationOf(relay: RelaySettings): number {
  return relay.provider === "hetzner" ? relay.sshKeyGeneration : 1;
}

function zoneOrder({ zone, createZone, names }: HetznerDnsSettings): DnsOrder {
  return { zone, createZone, names };
}

/** What a preview shows of the stack as a whole. */
function describe({ relay, homes, devices }: HomeRelayArgs): pulumi.Inputs {
  return {
    relay: relay.provider,
    homes: homes.map((home) => home.name),
    devices: devices.map((device) => device.name),
  };
}
