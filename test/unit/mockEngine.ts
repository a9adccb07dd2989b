import * as pulumi from "@pulumi/pulumi";
import type { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";

/** The part of the engine's request that is read here; the SDK has no public type for it. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject(): { toJavaScript(): object } | undefined;
  getDependenciesList(): string[];
  getReplaceWithList(): string[];
  getIgnorechangesList(): string[];
  getReplaceonchangesList(): string[];
  getDeletebeforereplace(): boolean;
}

/** What a program asks the engine for: one resource, its inputs, and the options that an ordinary mock hides. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  /** What the state calls it: no two resources have one. */
  readonly urn: string;
  /** As `type name`; the stack's own children have none. */
  readonly parent: string | undefined;
  /** As sent to the engine, where a secret stands as `{ secret: value }`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Names, sorted: by `dependsOn` or because an input comes from there. Only custom resources stand here. */
  readonly dependsOn: readonly string[];
  readonly replaceWith: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

export const types = {
  local: "command:local:Command",
  remote: "command:remote:Command",
  firewall: "hcloud:index/firewall:Firewall",
  primaryIp: "hcloud:index/primaryIp:PrimaryIp",
  server: "hcloud:index/server:Server",
  sshKey: "hcloud:index/sshKey:SshKey",
  zone: "hcloud:index/zone:Zone",
  rrset: "hcloud:index/zoneRrset:ZoneRrset",
  rdns: "hcloud:index/rdns:Rdns",
  password: "random:index/randomPassword:RandomPassword",
} as const;

/** What each type gives beyond its inputs. Hetzner's ids are numbers, written as text. */
const results: Readonly<
  Record<string, (name: string) => { readonly id: string; readonly outputs?: object }>
> = {
  [types.local]: (name) => ({ id: name, outputs: { stdout: `said by ${name}` } }),
  [types.remote]: (name) => ({ id: name, outputs: { stdout: `said by ${name}` } }),
  [types.firewall]: () => ({ id: "401" }),
  [types.primaryIp]: (name) =>
    name.endsWith("ipv6")
      ? { id: "106", outputs: { ipAddress: "2001:db8:77::" } }
      : { id: "104", outputs: { ipAddress: "203.0.113.5" } },
  [types.server]: () => ({ id: "301", outputs: { status: "running" } }),
  [types.sshKey]: () => ({ id: "201" }),
  [types.zone]: () => ({ id: "501", outputs: { authoritativeNameservers: { assigneds: ["ns.example."] } } }),
  [types.rrset]: (name) => ({ id: name }),
  [types.rdns]: (name) => ({ id: name }),
  [types.password]: (name) => ({ id: "none", outputs: { result: `random ${name}` } }),
};

/**
 * Runs a program against an engine that knows the types above and refuses all else, and returns what it registered,
 * in the program's own order. `config` as in a stack file, each value as text; `secretKeys` have something encrypted;
 * `outputs` by the resource's name, in place of what its type usually gives.
 */
export async function register(
  program: () => unknown,
  config: Record<string, string> = {},
  secretKeys: string[] = [],
  outputs: Readonly<Record<string, object>> = {},
): Promise<Registered[]> {
  const requests = new Map<string, Omit<Registered, "urn">>();
  const newResource = (args: pulumi.runtime.MockResourceArgs) => make(args, outputs[args.name]);
  await pulumi.runtime.setMocks({ newResource, call }, "home-relay", "test");
  pulumi.runtime.setAllConfig(config, secretKeys);
  const monitor = pulumi.runtime.getMonitor() as unknown as MockMonitor;
  (monitor as unknown as { newUrn: typeof urnOf }).newUrn = urnOf;
  const forward = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: RegisterRequest, callback: never) => {
    const one = readRequest(request);
    requests.set(`${one.type} ${one.name}`, one);
    return forward(request, callback);
  };
  const made: pulumi.Resource[] = [];
  const finished = new Map<string, PromiseWithResolvers<void>>();
  const finishing = (urn: string) => {
    const known = finished.get(urn) ?? Promise.withResolvers<void>();
    finished.set(urn, known);
    return known;
  };
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, callback) => {
    registerOutputs(request, callback);
    finishing(request.getUrn()).resolve();
  };
  await pulumi.runtime.runInPulumiStack(async () => {
    pulumi.runtime.registerStackTransformation(({ resource }) => {
      made.push(resource);
      return undefined;
    });
    await program();
  });
  const urns = await Promise.all(made.map(({ urn }) => valueOf(urn)));
  // What a component still waits for would else go to the engine of the next program.
  const components = made.flatMap((one, i) =>
    one instanceof pulumi.ComponentResource ? (urns[i] ?? []) : [],
  );
  await Promise.all(components.map((urn) => finishing(urn).promise));
  return urns.map((urn) => {
    const key = keyOf(urn);
    const request = requests.get(key);
    if (!request) throw new Error(`${key} was never sent to the engine`);
    return { ...request, urn };
  });
}

/** The one resource of that name that is not a component. */
export function named(registered: readonly Registered[], name: string): Registered {
  const [found, ...others] = registered.filter(
    (one) => one.name === name && !one.type.startsWith("homerelay:"),
  );
  if (!found || others.length > 0) throw new Error(`not exactly one resource is named ${name}`);
  return found;
}

/** What this one waits for, over any number of others; what a component makes waits for the component. */
export function waitsFor(registered: readonly Registered[], one: Registered): ReadonlySet<Registered> {
  const seen = new Set<Registered>();
  const walk = (next: Registered) => {
    for (const before of registered) {
      const isNamed = next.dependsOn.includes(before.name) && !before.type.startsWith("homerelay:");
      if ((isNamed || `${before.type} ${before.name}` === next.parent) && !seen.has(before)) {
        seen.add(before);
        walk(before);
      }
    }
  };
  walk(one);
  return seen;
}

/** The document of the program on the operator's machine that a `command.local.Command` runs. */
export function documentOf({ inputs }: Registered): Record<string, unknown> {
  const { HOMERELAY_DOCUMENT: document } = inputs["environment"] as { HOMERELAY_DOCUMENT: string };
  return JSON.parse(document) as Record<string, unknown>;
}

/** The document with secrets that it gets on stdin, which no preview shows. */
export function secretsOf({ inputs }: Registered): Record<string, unknown> {
  const { secret } = inputs["stdin"] as { secret: string };
  return JSON.parse(secret) as Record<string, unknown>;
}

/** Each as `type name < parent`, components included. */
export function tree(registered: readonly Registered[]): string[] {
  return registered.map(
    ({ type, name, parent }) => `${type} ${name}${parent === undefined ? "" : ` < ${parent}`}`,
  );
}

/** Every text in the inputs that stands in clear, keys of maps included. */
export function plainTexts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || isSecret(value)) return [];
  return [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(plainTexts)];
}

export function isSecret(value: unknown): value is { readonly secret: unknown } {
  return typeof value === "object" && value !== null && "secret" in value;
}

export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

function make(
  { type, name, inputs }: pulumi.runtime.MockResourceArgs,
  outputs: object | undefined,
): pulumi.runtime.MockResourceResult {
  if (type === "pulumi:pulumi:Stack" || /^homerelay:[a-z]+:[A-Z][A-Za-z]+$/.test(type))
    return { id: "", state: {} };
  const result = results[type]?.(name);
  if (!result) throw new Error(`the program makes a ${type}, which the mock engine does not know`);
  return { id: result.id, state: { ...(inputs as object), ...result.outputs, ...outputs } };
}

function call({ token }: pulumi.runtime.MockCallArgs): never {
  throw new Error(`the program calls ${token}, which the mock engine does not know`);
}

function readRequest(request: RegisterRequest): Omit<Registered, "urn"> {
  return {
    type: request.getType(),
    name: request.getName(),
    parent: request.getParent().includes("pulumi:pulumi:Stack::") ? undefined : keyOf(request.getParent()),
    inputs: readValue(request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>,
    dependsOn: request.getDependenciesList().map(nameOf).sort(),
    replaceWith: request.getReplaceWithList().map(nameOf),
    replaceOnChanges: request.getReplaceonchangesList(),
    ignoreChanges: request.getIgnorechangesList(),
    deleteBeforeReplace: request.getDeletebeforereplace(),
  };
}

/** The engine's marks for values that are more than JSON (`specialSigKey` and `specialSecretSig` in its SDK). */
const mark = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";

function readValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readValue);
  if (typeof value !== "object" || value === null) return value;
  const { [mark]: kind, ...fields } = value as Record<string, unknown>;
  if (kind === secretMark) return { secret: readValue(fields["value"]) };
  if (kind !== undefined) throw new Error(`an input holds a special value: ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, readValue(field)]));
}

/** As the engine writes it: the types of all that it stands under. The SDK's mock keeps the last one alone. */
function urnOf(parent: string, type: string, name: string): string {
  const above = parent.split("::")[2] ?? "";
  const types = above === "" || above === "pulumi:pulumi:Stack" ? type : `${above}$${type}`;
  return `urn:pulumi:test::home-relay::${types}::${name}`;
}

/** `urn:pulumi:test::home-relay::homerelay:home:Home$command:local:Command::home-nas-keys` -> `command:local:Command home-nas-keys`. */
function keyOf(urn: string): string {
  return `${urn.split("::")[2]?.split("$").at(-1) ?? ""} ${nameOf(urn)}`;
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}
