import type { Difference, Repair } from "../network/difference.ts";
import { parseAddress } from "../network/prefix.ts";

/** What a person reads of all this. */
const where = "Hetzner";

/** A thing of the stack as the state has it. */
export interface StateThing {
  /** The types of its parents and its own, with `$` between them. */
  readonly types: string;
  readonly name: string;
  readonly id: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** A thing that is to be at Hetzner: where its API has it, and what is amiss with what the API says. */
export interface WantedThing {
  /** Behind the version. @example /firewalls/7 */
  readonly path: string;
  /** Under which word the answer has it. @example firewall */
  readonly key: string;
  /** For people. */
  readonly kind: string;
  /** `undefined`: Hetzner has no such thing. */
  readonly compare: (found: unknown) => readonly Difference[];
}

/** All of the stack's that Hetzner's API can be asked for, by name: what the state lists first is what was ready first. */
export function listWantedThings(things: readonly StateThing[]): WantedThing[] {
  const server = things.find(isOf("server:Server"))?.id;
  const byName = things.toSorted((a, b) => a.name.localeCompare(b.name) || a.types.localeCompare(b.types));
  return byName.flatMap((thing) => {
    if (thing.id === undefined) return [];
    if (isOf("firewall:Firewall")(thing)) return [wantFirewall(thing, thing.id, server)];
    if (isOf("server:Server")(thing)) return [wantServer(thing.id)];
    if (isOf("primaryIp:PrimaryIp")(thing)) return [wantAddress(thing, thing.id, server)];
    if (isOf("rdns:Rdns")(thing)) return [wantReverseName(thing)];
    if (isOf("zoneRrset:ZoneRrset")(thing)) return [wantRecords(thing)];
    if (isOf("sshKey:SshKey")(thing))
      return [wantThere("SSH key", `/ssh_keys/${thing.id}`, "ssh_key", thing.name)];
    if (isOf("zone:Zone")(thing))
      return [wantThere("zone", `/zones/${text(thing.inputs["name"])}`, "zone", text(thing.inputs["name"]))];
    return [];
  });
}

const isOf = (type: string) => (thing: StateThing) => thing.types.endsWith(`hcloud:index/${type}`);

/** What only the engine can make again. */
const makeAgain: Repair = { by: "person", mend: "pulumi up --refresh" };

function gone(kind: string, what: string): Difference {
  return { where, kind, what, found: "missing", wanted: "there", repair: makeAgain };
}

function wantThere(kind: string, path: string, key: string, what: string): WantedThing {
  return { path, key, kind, compare: (found) => (found === undefined ? [gone(kind, what)] : []) };
}

interface Rule {
  readonly direction: string;
  readonly protocol: string;
  readonly port?: string | null;
  readonly sourceIps: readonly string[];
  readonly description?: string | null;
}

interface FoundFirewall {
  readonly rules: readonly (Omit<Rule, "sourceIps"> & {
    readonly source_ips: readonly string[];
    readonly destination_ips?: readonly string[];
  })[];
  readonly applied_to: readonly { readonly server?: { readonly id: number } }[];
}

function wantFirewall({ inputs }: StateThing, id: string, server: string | undefined): WantedThing {
  const name = text(inputs["name"]);
  const wanted = (inputs["rules"] ?? []) as readonly Rule[];
  const setRules: Repair = {
    by: "request",
    path: `/firewalls/${id}/actions/set_rules`,
    body: {
      rules: wanted.map(({ direction, protocol, port, sourceIps, description }) => ({
        direction,
        protocol,
        ...(port === undefined || port === null ? {} : { port }),
        source_ips: sourceIps,
        ...(description === undefined ? {} : { description }),
      })),
    },
  };
  const compare = (found: unknown): readonly Difference[] => {
    if (found === undefined) return [gone("firewall", name)];
    const { rules, applied_to } = found as FoundFirewall;
    const live = rules.map(({ source_ips, destination_ips, ...rule }) =>
      describeRule({ ...rule, sourceIps: rule.direction === "in" ? source_ips : (destination_ips ?? []) }),
    );
    const own = wanted.map(describeRule);
    const isApplied = server === undefined || applied_to.some((to) => String(to.server?.id) === server);
    const rule = (what: string, found: string, wanted: string): Difference => ({
      where,
      kind: "firewall",
      what,
      found,
      wanted,
      repair: setRules,
    });
    return [
      ...own.filter((one) => !live.includes(one)).map((one) => rule(one, "shut", "let in")),
      ...live.filter((one) => !own.includes(one)).map((one) => rule(one, "let in", "shut")),
      ...(isApplied
        ? []
        : [
            {
              where,
              kind: "firewall",
              what: name,
              found: "not before the server",
              wanted: "before it",
              repair: {
                by: "request",
                path: `/firewalls/${id}/actions/apply_to_resources`,
                body: { apply_to: [{ type: "server", server: { id: Number(server) } }] },
              },
            } as const,
          ]),
    ];
  };
  return { path: `/firewalls/${id}`, key: "firewall", kind: "firewall", compare };
}

/** @example tcp 443 from anybody */
function describeRule({ direction, protocol, port, sourceIps }: Rule): string {
  const sources = [...sourceIps].sort();
  const whom = sources.join() === "0.0.0.0/0,::/0" ? "anybody" : sources.join(" ");
  const way = direction === "in" ? "from" : "to";
  return [protocol, ...(port === undefined || port === null ? [] : [port]), way, whom].join(" ");
}

/** Whether a rule lets this port in from somebody, by what it says. For who looks why a packet does not arrive. */
export function letsIn(found: unknown, protocol: string, port: number): boolean {
  return (found as FoundFirewall).rules.some((rule) => {
    const [first = 0, last = first] = (rule.port ?? "").split("-").map(Number);
    return rule.direction === "in" && rule.protocol === protocol && first <= port && port <= last;
  });
}

function wantServer(id: string): WantedThing {
  const compare = (found: unknown): readonly Difference[] => {
    if (found === undefined) return [gone("server", id)];
    const { status, name } = found as { readonly status: string; readonly name: string };
    if (status !== "off") return [];
    const repair: Repair = { by: "person", mend: "switch it on in Hetzner's console; then: npm run check" };
    return [{ where, kind: "server", what: name, found: "off", wanted: "running", repair }];
  };
  return { path: `/servers/${id}`, key: "server", kind: "server", compare };
}

function wantAddress({ outputs }: StateThing, id: string, server: string | undefined): WantedThing {
  const what = text(outputs["ipAddress"]);
  const compare = (found: unknown): readonly Difference[] => {
    if (found === undefined) return [gone("address", what)];
    const { assignee_id } = found as { readonly assignee_id: number | null };
    if (server === undefined || String(assignee_id) === server) return [];
    const elsewhere = assignee_id === null ? "nobody's" : `at server ${assignee_id}`;
    const mend = "in Hetzner's console, give the address to the server again, which has to be off for that";
    return [
      {
        where,
        kind: "address",
        what,
        found: elsewhere,
        wanted: "at the server",
        repair: { by: "person", mend },
      },
    ];
  };
  return { path: `/primary_ips/${id}`, key: "primary_ip", kind: "address", compare };
}

function wantReverseName({ inputs }: StateThing): WantedThing {
  const ip = text(inputs["ipAddress"]);
  const wanted = text(inputs["dnsPtr"]);
  const path = `/primary_ips/${String(inputs["primaryIpId"])}`;
  const compare = (found: unknown): readonly Difference[] => {
    // That it is gone is said where the address is.
    if (found === undefined) return [];
    const { dns_ptr } = found as {
      readonly dns_ptr: readonly { readonly ip: string; readonly dns_ptr: string }[];
    };
    const name = dns_ptr.find((one) => isSame(one.ip, ip))?.dns_ptr ?? "missing";
    if (name === wanted) return [];
    const repair: Repair = {
      by: "request",
      path: `${path}/actions/change_dns_ptr`,
      body: { ip, dns_ptr: wanted },
    };
    return [{ where, kind: "reverse name", what: ip, found: name, wanted, repair }];
  };
  return { path, key: "primary_ip", kind: "reverse name", compare };
}

function wantRecords({ inputs }: StateThing): WantedThing {
  const [zone, name, type] = [text(inputs["zone"]), text(inputs["name"]), text(inputs["type"])];
  const ttl = inputs["ttl"] as number | undefined;
  const values = ((inputs["records"] ?? []) as readonly { readonly value: string }[]).map(
    ({ value }) => value,
  );
  const labels = (inputs["labels"] ?? {}) as Readonly<Record<string, string>>;
  const records = values.map((value) => ({ value }));
  const path = `/zones/${zone}/rrsets/${encodeURIComponent(name)}/${type}`;
  const what = `${name === "@" ? zone : `${name}.${zone}`} ${type}`;
  const wanted = values.join(" ");
  const compare = (found: unknown): readonly Difference[] => {
    const common = { where, kind: "record", what };
    if (found === undefined) {
      const body = { name, type, ...(ttl === undefined ? {} : { ttl }), labels, records };
      const repair: Repair = { by: "request", path: `/zones/${zone}/rrsets`, body };
      return [{ ...common, found: "missing", wanted, repair }];
    }
    const live = found as {
      readonly ttl: number | null;
      readonly records: readonly { readonly value: string }[];
    };
    const have = live.records.map(({ value }) => value);
    const isRight =
      have.length === values.length && values.every((one) => have.some((other) => isSame(one, other)));
    return [
      ...(isRight
        ? []
        : [
            {
              ...common,
              found: have.join(" "),
              wanted,
              repair: { by: "request", path: `${path}/actions/set_records`, body: { records } },
            } as const,
          ]),
      ...(ttl === undefined || live.ttl === ttl
        ? []
        : [
            {
              ...common,
              found: live.ttl === null ? "remembered for the zone's time" : `remembered for ${live.ttl} s`,
              wanted: `${ttl} s`,
              repair: { by: "request", path: `${path}/actions/change_ttl`, body: { ttl } },
            } as const,
          ]),
    ];
  };
  return { path, key: "rrset", kind: "record", compare };
}

/** Addresses are written in more than one way. */
function isSame(a: string, b: string): boolean {
  try {
    return parseAddress(a).toString() === parseAddress(b).toString();
  } catch {
    return a === b;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
