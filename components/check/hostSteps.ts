/** A thing of the stack as the state has it, as far as it is a step on a host. */
export interface StateStep {
  /** Types of its parents and its own, with `$` between them. */
  readonly types: string;
  /** @example home-nas-guard */
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** A step that `pulumi up` has run on a host, as it can run again. */
export interface HostStep {
  /** As the state names it, and as `pulumi up --replace` finds it behind `**`. */
  readonly name: string;
  /** By its file name; `prepare`: the first one, which puts all others in place. */
  readonly script: string;
  readonly arguments: readonly string[];
  readonly timeoutSeconds: number;
  /** All of its standard input. It may hold secrets. */
  readonly document: string;
}

/** Where the steps of the relay stand; those of a home stand under its name. */
export const relaySteps = "relay";

const ofHome = "homerelay:home:Home$";

/** The steps of each host, in the order in which they were made. `homes`: the names of those that `pulumi up` reaches. */
export function listHostSteps(
  resources: readonly StateStep[],
  homes: readonly string[],
): ReadonlyMap<string, readonly HostStep[]> {
  const steps = new Map<string, HostStep[]>([relaySteps, ...homes].map((host) => [host, []]));
  for (const resource of resources) {
    const step = parseStep(resource);
    if (step !== undefined) steps.get(hostOf(resource, homes))?.push(step);
  }
  return steps;
}

/** `nas` and `nas-guard` may both be homes: the longest name that fits is the one. */
function hostOf({ types, name }: StateStep, homes: readonly string[]): string {
  if (!types.includes(ofHome)) return relaySteps;
  const fitting = homes.filter((home) => name.startsWith(`home-${home}-`));
  return fitting.reduce((longest, home) => (home.length > longest.length ? home : longest), "");
}

function parseStep({ types, name, inputs }: StateStep): HostStep | undefined {
  const { create, stdin } = inputs;
  if (!/command:(local|remote):Command$/.test(types) || typeof create !== "string") return undefined;
  const document = typeof stdin === "string" ? stdin : "";
  const [, limit, program = "", words = ""] =
    /(?:^| )timeout (\d+) (\/usr\/local\/lib\/homerelay\/\S+\.sh|bash -s)(?: (.*))?$/.exec(create) ?? [];
  if (limit === undefined) return undefined;
  return {
    name,
    script: program === "bash -s" ? "prepare" : program.slice(program.lastIndexOf("/") + 1),
    arguments: words === "" ? [] : words.split(" "),
    timeoutSeconds: Number(limit),
    document,
  };
}
