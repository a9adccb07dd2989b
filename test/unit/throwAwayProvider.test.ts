/** All that another provider of relays has to bring: its settings, its folder, and its line in two tables. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { HomeRelay, relayProviders } from "../../components/HomeRelay.ts";
import { Host } from "../../components/host/Host.ts";
import { joinInstallations } from "../../components/network/installation.ts";
import type { Prefix } from "../../components/network/prefix.ts";
import type { SshAdmission } from "../../components/network/sshAdmission.ts";
import { ownRelayInstallation } from "../../components/relay/installation.ts";
import type { Relay, RentedRelayPlan } from "../../components/relay/Relay.ts";
import { adminCidrs } from "../../components/settings/adminCidrs.ts";
import { record, required, withDefault } from "../../components/settings/fields.ts";
import { distinct, oneOf, text, wholeNumber } from "../../components/settings/readers.ts";
import { relaySections } from "../../components/settings/relay.ts";
import type { RelaySection } from "../../components/settings/relaySection.ts";
import { SettingsError } from "../../components/settings/settingsError.ts";
import { asWanted, everybody, homeRelayArgs, hostKey } from "./componentArguments.ts";
import { named, register, tree, valueOf, waitsFor } from "./mockEngine.ts";
import type { Registered } from "./mockEngine.ts";

interface ThrowawaySettings {
  readonly provider: "throwaway";
  readonly region: string;
  readonly sshPort: number;
  readonly adminCidrs: readonly Prefix[];
  readonly sshVia: "public" | "tunnel";
  readonly sshPeers: readonly string[];
}

const word = { shape: "word", rule: "must be a word", mend: "write it like north" };

const throwawaySection: RelaySection<ThrowawaySettings> = {
  ...record<ThrowawaySettings>(
    {
      provider: required(oneOf(["throwaway"]), { means: "A local command.", example: "throwaway" }),
      region: withDefault(text({ ...word, pattern: /^[a-z]+$/ }), {
        default: "north",
        means: "Where it stands.",
        example: "south",
      }),
      sshPort: withDefault(wholeNumber(1, 65535, "TCP port"), {
        default: 22,
        means: "Where sshd listens.",
        example: 2222,
      }),
      adminCidrs,
      sshVia: withDefault(oneOf(["public", "tunnel"]), {
        default: "public",
        means: "How SSH reaches it.",
        example: "tunnel",
      }),
      sshPeers: withDefault(
        distinct(text({ ...word, pattern: /./ }), "list of names", (name) => name),
        { default: [], means: "Who may come in through the tunnel.", example: ["nas"] },
      ),
    },
    "provider: throwaway",
  ),
  compare: ({ sshPort, sshVia, sshPeers }, place) => ({
    sshPort,
    moveSsh: `move SSH away with ${place.at("sshPort").path}`,
    sshThroughTunnel: { sshVia, sshPeers },
    machine: undefined,
  }),
};

/** Its "server" is a local command. */
class ThrowawayRelay extends pulumi.ComponentResource implements Relay {
  readonly ipv4Address = pulumi.output("198.51.100.9");
  readonly ipv6Address = undefined;
  readonly machineId: pulumi.Output<string>;
  readonly host: Host;
  readonly ssh: SshAdmission;
  readonly isShared = false;
  readonly open: readonly pulumi.Resource[];
  readonly sshd = { script: "apply-sshd.sh", arguments: [], document: "Port 22\n" };
  readonly outlives = undefined;

  constructor(
    name: string,
    settings: ThrowawaySettings,
    plan: RentedRelayPlan,
    opts: pulumi.ResourceOptions,
  ) {
    super("homerelay:throwaway:ThrowawayRelay", name, { region: settings.region }, opts);
    const server = new command.local.Command(
      `${name}-machine`,
      { create: `rent ${plan.label}` },
      { parent: this, dependsOn: [...plan.after] },
    );
    this.machineId = server.stdout;
    this.ssh = { port: settings.sshPort, via: "public", adminCidrs: settings.adminCidrs, peers: [] };
    this.open = [server];
    this.host = new Host(
      name,
      {
        title: "the relay",
        nameOnHost: "Relay",
        owner: plan.owner,
        access: {
          host: this.ipv4Address,
          port: settings.sshPort,
          privateKey: plan.keys.admin.privateKey,
          hostKey: plan.keys.host,
          firstHostKey: plan.keys.firstHost.publicKey,
          machine: server.stdout,
          bootSeconds: 300,
          silenceMend: "",
          otherMachineMend: "",
        },
        installation: joinInstallations([plan.installation, ownRelayInstallation]),
        triggers: [server.stdout],
      },
      { parent: this, dependsOn: [server] },
    );
    this.registerOutputs({});
  }
}

const homes = [
  { name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] },
  { name: "garage", install: "manual", forwards: ["81:8080"] },
];
const devices = ["phone"];
const dns = { provider: "duckdns", names: ["myhome"], token: "s3cret" };

/** Both tables, with a line more. */
const tables: readonly [table: object, entry: unknown][] = [
  [relaySections, throwawaySection],
  [
    relayProviders,
    {
      create: (
        name: string,
        settings: ThrowawaySettings,
        plan: RentedRelayPlan,
        _access: unknown,
        opts: pulumi.ComponentResourceOptions,
      ) => new ThrowawayRelay(name, settings, plan, opts),
      checkOrder: (
        name: string,
        { region }: ThrowawaySettings,
        _access: unknown,
        opts: pulumi.CustomResourceOptions,
      ) => new command.local.Command(name, { create: `ask for ${region}` }, opts),
    },
  ],
];
beforeAll(() => {
  for (const [table, entry] of tables) Object.assign(table, { throwaway: entry });
});
afterAll(() => {
  for (const [table] of tables) Reflect.deleteProperty(table, "throwaway");
});

let made: HomeRelay | undefined;

function program(): Promise<Registered[]> {
  const args = homeRelayArgs({ relay: { provider: "throwaway" }, homes, devices, dns }, ["s3cret"]);
  const publicDns = { ...asWanted, addresses: () => Promise.resolve(["198.51.100.9"]) };
  return register(() => {
    made = new HomeRelay("home", { ...args, publicDns });
  });
}

test("its section is read with its own keys and defaults", () => {
  const { relay } = homeRelayArgs({ relay: { provider: "throwaway", region: "south" }, homes });
  expect(relay).toEqual({
    provider: "throwaway",
    region: "south",
    sshPort: 22,
    adminCidrs: everybody,
    sshVia: "public",
    sshPeers: [],
  });
});

test.each([
  [
    "a mistyped name of a provider",
    { provider: "throwawy" },
    'provider: must be one of hetzner, ssh, throwaway; found "throwawy"\n  write throwaway',
  ],
  [
    "a key of its own that is wrong",
    { provider: "throwaway", region: "South!" },
    'region: must be a word; found "South!"\n  write it like north',
  ],
  [
    "its key with another provider",
    { provider: "hetzner", region: "south" },
    "region: belongs to provider throwaway; the provider here is hetzner\n  remove it, or write provider: throwaway",
  ],
  [
    "a key of another provider",
    { provider: "throwaway", serverType: "cx23" },
    "serverType: belongs to provider hetzner; the provider here is throwaway\n  remove it, or write provider: hetzner",
  ],
  [
    "a peer for SSH that is not there",
    { provider: "throwaway", sshPeers: ["nass"] },
    'sshPeers[0]: names no peer of this stack; found "nass"\n  did you mean nas?',
  ],
  [
    "SSH through the tunnel for nobody",
    { provider: "throwaway", sshVia: "tunnel" },
    "sshVia: is tunnel, and no peer may open an SSH connection through it: neither you nor this program could reach the relay\n" +
      "  name the peer that runs this program under sshPeers, like sshPeers: [nas], or remove sshVia",
  ],
])("refuses %s as of any provider", (_, relay, problem) => {
  expect(() => homeRelayArgs({ relay, homes })).toThrow(new SettingsError([`home-relay:relay.${problem}`]));
});

test("no forward takes the port of its sshd", () => {
  expect(() => homeRelayArgs({ relay: { provider: "throwaway", sshPort: 80 }, homes })).toThrow(
    new SettingsError([
      'home-relay:homes[0].forwards[0]: publishes 80/tcp, where the relay\'s own SSH listens; found "80:8080/tcp"\n' +
        "  publish another port, or move SSH away with home-relay:relay.sshPort",
    ]),
  );
});

test("its addresses are not Hetzner's, who so is not asked to lead them back", () => {
  const at = (provider: string) =>
    homeRelayArgs({ relay: { provider }, homes, dns: { zone: "example.org" } }).dns;
  expect(at("hetzner")).toMatchObject({ reverse: "example.org" });
  expect(at("throwaway")).toMatchObject({ reverse: undefined });
});

test("it makes a whole stack, and nothing of another provider's", async () => {
  const registered = await program();
  expect(registered.filter(({ type }) => /hcloud|hetzner|ExistingRelay/.test(type))).toEqual([]);
  expect(registered.filter(({ inputs }) => /hetzner|hcloud/i.test(JSON.stringify(inputs["create"])))).toEqual(
    [],
  );
  const relay = "homerelay:throwaway:ThrowawayRelay home-relay";
  expect(tree(registered)).toEqual(
    expect.arrayContaining([
      `${relay} < homerelay:index:HomeRelay home`,
      `command:local:Command home-relay-machine < ${relay}`,
      `command:remote:Command home-relay-prepare < ${relay}`,
      "command:remote:Command home-relay-sshd < homerelay:index:HomeRelay home",
      "command:remote:Command home-relay-firewall-confirm < homerelay:firewall:Firewall home-relay-firewall",
      "command:remote:Command home-relay-tunnel-interface < homerelay:tunnel:Tunnel home-relay-tunnel",
      "command:local:Command home-nas-proof < homerelay:home:Home home-nas",
      "homerelay:home:ManualHome home-garage < homerelay:index:HomeRelay home",
      "command:remote:Command home-relay-dyndns-updates < homerelay:dyndns:DynDns home-relay-dyndns",
      "homerelay:device:Device home-phone < homerelay:index:HomeRelay home",
    ]),
  );
});

test("it is asked whether the order can be had before it, or a home, is told anything", async () => {
  const registered = await program();
  expect(named(registered, "home-relay-order-check").inputs["create"]).toBe("ask for north");
  expect(named(registered, "home-relay-order-check").dependsOn).toEqual([]);
  const check = named(registered, "home-relay-order-check");
  for (const name of ["home-relay-machine", "home-nas-reach", "home-nas-prepare"])
    expect(waitsFor(registered, named(registered, name))).toContain(check);
});

test("both ends of the tunnel, the names and the proof go by its address, its machine and what it says is open", async () => {
  const registered = await program();
  const stdin = (name: string) => String(named(registered, name).inputs["stdin"]);
  expect(stdin("home-nas-tunnel")).toContain("Endpoint = 198.51.100.9:51820\n");
  expect(stdin("home-nas-proof")).toContain("198.51.100.9");
  expect(stdin("home-relay-dyndns-updates")).toContain("ip=198.51.100.9");
  expect(stdin("home-relay-firewall-rules")).toMatch(/tcp \. 80 : 10\.77\.\d+\.\d+ \. 8080/);
  expect(named(registered, "home-nas-tunnel").dependsOn).toContain("home-relay-machine");
  for (const step of ["home-nas-tunnel", "home-nas-proof", "home-relay-prepare"])
    expect(named(registered, step).inputs["triggers"]).toContain("said by home-relay-machine");
  expect(named(registered, "home-relay-machine").dependsOn).toEqual([
    "home-nas-uninstall",
    "home-relay-order-check",
  ]);
  expect(made && (await valueOf(made.ipv4Address))).toBe("198.51.100.9");
  expect(made?.ipv6Address).toBeUndefined();
});
