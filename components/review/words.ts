import { fullNames } from "../network/domainNames.ts";
import type { Prices } from "../network/prices.ts";
import type { Digest, Inputs, Operation, Step } from "./digest.ts";
import { describeForwards, narrows, whom } from "./forwardChanges.ts";
import { monthlyCost } from "./monthlyCost.ts";
import { kinds } from "./sentence.ts";
import type { Sentence } from "./sentence.ts";

/** A change in a user's words. */
export interface Change {
  /** What a reviewer has to know first stands first. */
  readonly sentences: readonly Sentence[];
  /** Steps that do something, and of which no sentence tells why. */
  readonly unsaid: readonly Step[];
  /** All steps that do something. */
  readonly steps: readonly Step[];
}

/** Nothing is said that does not stand on a step. `prices`: where they are known, what it costs stands beside it. */
export function describeChange({ steps }: Digest, prices?: Prices): Change {
  const changed = steps.filter(({ operation }) => operation !== "same" && operation !== "read");
  const first = changed.some(({ type, operation }) => type === types.all && operation === "create");
  const sentences = [...tellers.flatMap((tell) => tell(changed)), ...tellOfCost(changed, prices)].toSorted(
    (a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind),
  );
  const said = new Set(sentences.flatMap(({ on }) => on));
  return {
    sentences,
    unsaid: changed.filter((step) => !said.has(step.id) && !follows(step, changed, first, said)),
    steps: changed,
  };
}

const types = {
  stack: "pulumi:pulumi:Stack",
  all: "homerelay:index:HomeRelay",
  keys: "homerelay:keys:Keys",
  home: "homerelay:home:Home",
  manualHome: "homerelay:home:ManualHome",
  device: "homerelay:device:Device",
  firewall: "homerelay:firewall:Firewall",
  tunnel: "homerelay:tunnel:Tunnel",
  hetznerRelay: "homerelay:hetzner:HetznerRelay",
  existingRelay: "homerelay:relay:ExistingRelay",
  zone: "homerelay:hetzner:HetznerZone",
  dynDns: "homerelay:dyndns:DynDns",
  notify: "homerelay:notify:Notify",
  server: "hcloud:index/server:Server",
  address: "hcloud:index/primaryIp:PrimaryIp",
  hetznerZone: "hcloud:index/zone:Zone",
} as const;

type Teller = (changed: readonly Step[]) => readonly Sentence[];

const tellers: readonly Teller[] = [
  tellOfServer,
  tellOfAddresses,
  tellOfForwards,
  tellOfHomes,
  tellOfDevices,
  tellOfTunnel,
  tellOfKeys,
  tellOfZone,
  tellOfRelay,
  tellOfNotify,
];

function ofType(changed: readonly Step[], ...wanted: readonly string[]): Step[] {
  return changed.filter(({ type }) => wanted.includes(type));
}

function tellOfServer(changed: readonly Step[]): Sentence[] {
  return ofType(changed, types.server).flatMap((step): Sentence[] => {
    const { before = {}, after = {} } = step;
    const on = [step.id];
    const what = (inputs: Inputs) =>
      `${text(inputs, "serverType")} in ${text(inputs, "location")} with ${text(inputs, "image")}`;
    switch (operationOf(step)) {
      case "create":
        return [{ kind: "costs", text: `a server, ${what(after)}, from the hour in which it is made`, on }];
      case "delete":
        return [
          { kind: "interrupts", text: "everything: the relay's server is deleted, and billed no more", on },
        ];
      case "replace":
        return [
          {
            kind: "interrupts",
            text: `all forwards, for about two minutes: the relay becomes a new server, ${what(after)} (${reasons(step)})`,
            on,
          },
        ];
      default:
        return before["serverType"] === after["serverType"]
          ? []
          : [
              {
                kind: "interrupts",
                text: `all forwards, for about a minute: the server is switched off to become a ${text(after, "serverType")}; it was a ${text(before, "serverType")}`,
                on,
              },
            ];
    }
  });
}

/** Whether a month of the relay costs something else after a change. */
function tellOfCost(changed: readonly Step[], prices: Prices | undefined): Sentence[] {
  if (prices === undefined) return [];
  return ofType(changed, types.server).flatMap(({ id, before, after }): Sentence[] => {
    const [was, will] = [before, after].map((inputs) => inputs && monthlyCost(prices, inputs));
    const money = (monthly: number) => monthly.toFixed(2);
    const what = "a month, with its IPv4 address and VAT";
    const say = (text: string): Sentence[] => [{ kind: "costs", text, on: [id] }];
    if (will !== undefined && before === undefined) return say(`${money(will)} ${prices.currency} ${what}`);
    if (was !== undefined && after === undefined) return say(`${money(was)} ${prices.currency} a month less`);
    return was === undefined || will === undefined || money(was) === money(will)
      ? []
      : say(`${money(will)} ${prices.currency} ${what}; it was ${money(was)}`);
  });
}

/** Whether what a month costs may be another one then. */
export function mayCostOtherwise({ steps }: Digest): boolean {
  return ofType(steps, types.server).some(({ operation }) => !["same", "read"].includes(operation));
}

function reasons({ replaceReasons, before = {}, after = {}, type }: Step): string {
  const keys = replaceReasons.length > 0 ? replaceReasons : differing(forcesNew[type] ?? [], before, after);
  return keys.map((key) => `${key} ${text(before, key)} -> ${text(after, key)}`).join(", ");
}

/** The inputs for which Hetzner makes it anew: for a digest that was told without a state, and cannot know. */
const forcesNew: Readonly<Record<string, readonly string[]>> = {
  [types.server]: ["location", "image"],
  [types.address]: ["location"],
};

function operationOf({ operation, type, before = {}, after = {} }: Step): Operation {
  return operation === "update" && differing(forcesNew[type] ?? [], before, after).length > 0
    ? "replace"
    : operation;
}

function differing(keys: readonly string[], before: Inputs, after: Inputs): string[] {
  return keys.filter((key) => text(before, key) !== text(after, key));
}

function tellOfAddresses(changed: readonly Step[]): Sentence[] {
  const lost = ofType(changed, types.address).filter((step) =>
    ["replace", "delete"].includes(operationOf(step)),
  );
  if (lost.length === 0) return [];
  const families = lost.map(({ before = {} }) => (text(before, "type") === "ipv6" ? "IPv6" : "IPv4")).sort();
  const replaced = lost.some((step) => operationOf(step) === "replace");
  return [
    {
      kind: "loses",
      text: `the relay's address (${families.join(" and ")}), for good${replaced ? ": it gets another one; names that this stack keeps follow, records made by hand do not" : ""}`,
      on: lost.map(({ id }) => id),
    },
  ];
}

function tellOfForwards(changed: readonly Step[]): Sentence[] {
  return describeForwards(
    ofType(changed, types.home, types.manualHome).map(({ id, name, before, after }) => ({
      home: bare(name),
      before: list(before, "forwards"),
      after: list(after, "forwards"),
      on: id,
    })),
  );
}

function tellOfHomes(changed: readonly Step[]): Sentence[] {
  return ofType(changed, types.home, types.manualHome).flatMap(
    ({ id, name, operation, before, after }): Sentence[] => {
      const home = bare(name);
      const on = [id];
      if (operation === "create") return [{ kind: "changes", text: `${home} is set up as a home`, on }];
      if (operation === "delete")
        return [{ kind: "changes", text: `${home} is a home no more: what was put there is removed`, on }];
      const [old, now] = [before, after].map((inputs) => JSON.stringify(inputs?.["tunnelAddress"]));
      const cutOff: Sentence[] = hasNewKeys(before, after)
        ? [{ kind: "interrupts", text: `${home}, until its owner runs its new script there`, on }]
        : [];
      if (old === now) return cutOff;
      return [
        ...cutOff,
        { kind: "interrupts", text: `what is open to ${home}: it has another address in the tunnel`, on },
      ];
    },
  );
}

/** Of what nobody reaches to give it new keys. */
function hasNewKeys(before: Inputs | undefined, after: Inputs | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  return text(before, "keyGeneration") !== text(after, "keyGeneration");
}

function tellOfDevices(changed: readonly Step[]): Sentence[] {
  return ofType(changed, types.device).flatMap((step): Sentence[] => {
    const { id, name, operation, before, after } = step;
    const device = bare(name);
    const on = [id];
    const [had, has] = [list(before, "allow"), list(after, "allow")];
    const gained = has.filter((one) => !had.includes(one));
    const lost = had.filter((one) => !has.includes(one));
    if (operation === "delete")
      return [{ kind: "closes", text: `the tunnel to ${device}, which is a device no more`, on }];
    const joins: Sentence[] =
      operation === "create"
        ? [
            {
              kind: "admits",
              text: `${device} to the tunnel; it may reach ${gained.join(", ") || "nothing yet"}`,
              on,
            },
          ]
        : gained.length > 0
          ? [{ kind: "admits", text: `${device} to ${gained.join(", ")}`, on }]
          : [];
    const leaves: Sentence[] =
      lost.length > 0 ? [{ kind: "closes", text: `${lost.join(", ")} to ${device}`, on }] : [];
    const cutOff: Sentence[] = hasNewKeys(before, after)
      ? [
          {
            kind: "interrupts",
            text: `${device}, until it has imported its new keys: npm run device -- ${device}`,
            on,
          },
        ]
      : [];
    const other = ["dns", "tunnelAddress"].filter(
      (key) => operation === "update" && JSON.stringify(before?.[key]) !== JSON.stringify(after?.[key]),
    );
    const importAnew: Sentence[] =
      other.length > 0
        ? [
            {
              kind: "changes",
              text: `${device}'s configuration, which it has to import anew: npm run device -- ${device}`,
              on,
            },
          ]
        : [];
    return [...cutOff, ...joins, ...leaves, ...importAnew];
  });
}

function tellOfTunnel(changed: readonly Step[]): Sentence[] {
  return ofType(changed, types.tunnel).flatMap(({ id, operation, before = {}, after = {} }): Sentence[] => {
    if (operation !== "update") return [];
    return ["listenPort", "mtu"].flatMap((key): Sentence[] => {
      const [old, now] = [text(before, key), text(after, key)];
      if (old === now) return [];
      const say = key === "mtu" ? `the tunnel's MTU to ${now}; it was ${old}` : listenPort(old, now);
      return [{ kind: key === "mtu" ? "changes" : "interrupts", text: say, on: [id] }];
    });
  });
}

function listenPort(old: string, now: string): string {
  return `the tunnel, for as long as the homes take to follow: WireGuard's port becomes ${now}; it was ${old}. Devices have to import their configuration anew`;
}

function tellOfKeys(changed: readonly Step[]): Sentence[] {
  const told = {
    generation: ["every key of the tunnel", "; homes that this program sets up go over without a break"],
    sshGeneration: ["the relay's SSH key and host key", ""],
  } as const;
  return ofType(changed, types.keys).flatMap(({ id, operation, before = {}, after = {} }): Sentence[] => {
    if (operation !== "update") return [];
    return Object.entries(told).flatMap(([key, [what, more]]): Sentence[] => {
      const [old, now] = [text(before, key), text(after, key)];
      // A stack of before has no number of its SSH keys.
      if (old === now || old === "") return [];
      return [{ kind: "changes", text: `${what} (generation ${old} -> ${now})${more}`, on: [id] }];
    });
  });
}

function tellOfZone(changed: readonly Step[]): Sentence[] {
  return [
    ...ofType(changed, types.zone, types.dynDns).flatMap(({ id, operation, before, after }): Sentence[] => {
      const zone = text(after ?? before ?? {}, "zone");
      const full = (inputs: Inputs | undefined) =>
        fullNames({ names: list(inputs, "names"), ...(zone === "" ? {} : { zone }) });
      const [had, has] = [full(before), full(after)];
      const told = has.filter((name) => !had.includes(name));
      const gone = had.filter((name) => !has.includes(name));
      return [
        ...(told.length > 0
          ? [{ kind: "changes", text: `${told.join(", ")} to point at the relay`, on: [id] } as const]
          : []),
        ...(gone.length > 0
          ? [
              {
                kind: "loses",
                text: `the names ${gone.join(", ")}: nothing keeps them any more`,
                on: [id],
              } as const,
            ]
          : []),
        ...(operation === "update" && text(before ?? {}, "ttlSeconds") !== text(after ?? {}, "ttlSeconds")
          ? [
              {
                kind: "changes",
                text: `how long resolvers keep the names to ${text(after ?? {}, "ttlSeconds")} s; it was ${text(before ?? {}, "ttlSeconds")} s`,
                on: [id],
              } as const,
            ]
          : []),
      ];
    }),
    ...ofType(changed, types.hetznerZone).flatMap(({ id, operation, before = {} }): Sentence[] =>
      operation === "delete"
        ? [{ kind: "loses", text: `the zone ${text(before, "name")}, with all records in it`, on: [id] }]
        : [],
    ),
  ];
}

/** What stands in the relay's settings and on no resource of its own. */
function tellOfRelay(changed: readonly Step[]): Sentence[] {
  return ofType(changed, types.hetznerRelay, types.existingRelay).flatMap(
    ({ id, operation, before = {}, after = {} }): Sentence[] => {
      if (operation !== "update") return [];
      const told = {
        sshPort: "the relay's SSH port",
        sshVia: "the way of SSH to the relay",
        host: "the relay",
      };
      const settings = Object.entries(told).flatMap(([key, what]): Sentence[] => {
        const [old, now] = [text(before, key), text(after, key)];
        return old === now ? [] : [{ kind: "changes", text: `${what} to ${now}; it was ${old}`, on: [id] }];
      });
      const [hadPeers, hasPeers] = [list(before, "sshPeers"), list(after, "sshPeers")];
      const gained = hasPeers.filter((peer) => !hadPeers.includes(peer));
      const lost = hadPeers.filter((peer) => !hasPeers.includes(peer));
      const peers: Sentence[] = [
        ...(gained.length > 0
          ? [
              {
                kind: "admits",
                text: `${gained.join(", ")} to the relay's SSH, through the tunnel`,
                on: [id],
              } as const,
            ]
          : []),
        ...(lost.length > 0
          ? [{ kind: "closes", text: `the relay's SSH to ${lost.join(", ")}`, on: [id] } as const]
          : []),
      ];
      const [had, has] = [admitted(before), admitted(after)];
      if (had === has) return [...peers, ...settings];
      const kind = narrows(had, has) ? "narrows" : "opens";
      return [
        ...peers,
        ...settings,
        { kind, text: `SSH to the relay to ${whom(has)}; it was open to ${whom(had)}`, on: [id] },
      ];
    },
  );
}

/** Where messages go is a secret, and nobody sees from outside whether it is the owner's own. */
function tellOfNotify(changed: readonly Step[]): Sentence[] {
  const secrets = changed.filter(({ id }) => /:notify:Notify\$.*-secrets$/.test(id));
  const whole = ofType(changed, types.notify);
  return [...whole, ...(whole.length === 0 ? secrets : [])].flatMap(
    ({ id, operation, after }): Sentence[] => {
      const on = [id, ...secrets.map((step) => step.id)];
      if (operation === "delete")
        return [{ kind: "changes", text: "who is told when a home is away: nobody", on }];
      const services = list(after, "services").join(", ");
      return [
        {
          kind: "changes",
          text: `who is told when a home is away${services === "" ? ": another address or token" : `: ${services}`}`,
          on,
        },
      ];
    },
  );
}

/** Who may open an SSH connection to the relay, as `whom` takes it. */
function admitted(inputs: Inputs): string {
  const cidrs = list(inputs, "adminCidrs");
  return everybody.every((prefix) => cidrs.includes(prefix)) ? "" : cidrs.join(" ");
}

const everybody = ["0.0.0.0/0", "::/0"] as const;

/**
 * Whether a step only carries out what a sentence says, and so needs none of its own: what belongs to a part that comes,
 * goes or is made anew, and of which a sentence tells; and what renders the forwards, peers and keys that are told of.
 * What is no part of the whole never does.
 */
function follows(step: Step, changed: readonly Step[], first: boolean, said: ReadonlySet<string>): boolean {
  if (step.type === types.stack || step.type === types.all) return true;
  if (!step.id.startsWith(`${types.all}$`)) return false;
  if (first) return true;
  const differs = (...wanted: readonly string[]) => ofType(changed, ...wanted).length > 0;
  const byName = (pattern: RegExp) => pattern.test(step.name);
  const whole = changed.filter(
    ({ id, operation, type }) => operation !== "update" && type.startsWith("homerelay:") && said.has(id),
  );
  if (whole.some(({ id, operation, name }) => operation === step.operation && belongsTo(step, id, name)))
    return true;
  const newAddress = ofType(changed, types.address).length > 0;
  if (newAddress && /:(Rdns|ZoneRrset)$/.test(step.type)) return true;
  const forwards = [types.home, types.manualHome, types.firewall] as const;
  const peers = [types.device, types.keys, types.tunnel] as const;
  const relay = [types.hetznerRelay, types.existingRelay, types.zone] as const;
  return (
    (step.type === types.firewall && differs(types.home, types.manualHome)) ||
    (byName(/-(firewall-rules|firewall-confirm|guard)$/) && differs(...forwards, ...peers)) ||
    (byName(/-provider-firewall$/) && differs(...forwards, types.tunnel, types.hetznerRelay)) ||
    (byName(/-proof$/) && differs(...forwards, types.keys, types.tunnel)) ||
    (byName(/-(tunnel-keys|tunnel-interface|keys|tunnel)$/) &&
      differs(...peers, types.home, types.manualHome)) ||
    (/^random:/.test(step.type) && differs(types.keys)) ||
    (step.type === types.keys && differs(types.device, types.home, types.manualHome)) ||
    (step.type === types.tunnel && differs(types.device, types.home, types.manualHome, types.keys)) ||
    (step.type === types.hetznerRelay && differs(types.server)) ||
    (byName(/-(order-check|receipt)$/) && differs(...relay)) ||
    (/:(ZoneRrset|Rdns|Zone)$/.test(step.type) && differs(types.zone)) ||
    followsRelay(step, ofType(changed, types.hetznerRelay, types.existingRelay)) ||
    (isKeyOrStepOfRelay(step) && hasNewSshKeys(changed)) ||
    (byName(/-reach$/) && differs(types.tunnel))
  );
}

/**
 * Each step on a host runs again with another relay, or is told where that is now: what it does there is the same, but for
 * those that are named here.
 */
function followsRelay(step: Step, relay: readonly Step[]): boolean {
  if (!step.type.startsWith("command:") || relay.length === 0) return false;
  if (/-(firewall-rules|firewall-confirm|sshd|tunnel|proof)$/.test(step.name)) return true;
  if (relay.some(({ id }) => step.id.startsWith(`${partOf(id)}$`))) return true;
  const { before, after } = step;
  if (before === undefined || after === undefined) return false;
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].every(
    (key) =>
      ["triggers", "connection"].includes(key) || JSON.stringify(before[key]) === JSON.stringify(after[key]),
  );
}

/** The relay's SSH key at Hetzner, and its steps, which come in with another one. */
function isKeyOrStepOfRelay({ name, type }: Step): boolean {
  return type === "hcloud:index/sshKey:SshKey" || (type.startsWith("command:") && /-relay-/.test(name));
}

function hasNewSshKeys(changed: readonly Step[]): boolean {
  return ofType(changed, types.keys).some(
    ({ before = {}, after = {} }) =>
      text(before, "sshGeneration") !== "" && text(before, "sshGeneration") !== text(after, "sshGeneration"),
  );
}

/** Whether a step is a part of the component, or one of the stack's own that bears its name. */
function belongsTo(step: Step, id: string, name: string): boolean {
  return (
    step.id.startsWith(`${partOf(id)}$`) ||
    step.name.startsWith(`${name}-`) ||
    step.name.endsWith(`-${bare(name)}`)
  );
}

/** What the ids of all that belongs to a component begin with, and a `$`. */
function partOf(id: string): string {
  return id.slice(0, id.lastIndexOf("::"));
}

/** A home's or device's own name: the component's without that of the whole. */
function bare(name: string): string {
  return name.slice(name.indexOf("-") + 1);
}

function text(inputs: Inputs, key: string): string {
  const value = inputs[key];
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}

function list(inputs: Inputs | undefined, key: string): string[] {
  const value = inputs?.[key];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}
