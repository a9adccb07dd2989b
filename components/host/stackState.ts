import { askPulumi } from "./stackOutputs.ts";

/** What the last `pulumi up` left, secrets included. */
export interface StackState {
  /** As `pulumi stack` calls it, without the organisation. @example dev */
  readonly stack: string;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** In the order in which they were made; none that is about to be deleted. */
  readonly resources: readonly StateResource[];
}

export interface StateResource {
  /** Without the stack: `homerelay:home:Home$command:local:Command`, the parents' types first. */
  readonly types: string;
  readonly name: string;
  readonly id: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** When it was last made or changed, in milliseconds since 1970. */
  readonly changedAt: number | undefined;
}

/**
 * The whole state, not the stack's outputs: it is there as well when the first `pulumi up` ended half-way, and it says
 * when each thing was done last. `args` go to pulumi. Ends this program as pulumi ended, where that fails.
 */
export function readStackState(args: readonly string[] = []): StackState {
  return parseStackState(askPulumi(["stack", "export", "--show-secrets", ...args]));
}

interface Exported {
  readonly deployment?: { readonly resources?: readonly ExportedResource[] };
}

interface ExportedResource {
  readonly urn: string;
  readonly id?: string;
  readonly delete?: boolean;
  readonly inputs?: object;
  readonly outputs?: object;
  readonly created?: string;
  readonly modified?: string;
}

/** `text`: as `pulumi stack export --show-secrets` prints it. */
export function parseStackState(text: string): StackState {
  const { deployment } = JSON.parse(text) as Exported;
  const resources = (deployment?.resources ?? []).filter((one) => one.delete !== true).map(parseResource);
  const stack = resources.find(({ types }) => types === "pulumi:pulumi:Stack");
  return {
    stack: deployment?.resources?.[0]?.urn.split("::")[0]?.split(":")[2] ?? "",
    outputs: stack?.outputs ?? {},
    resources,
  };
}

function parseResource({ urn, id, inputs, outputs, created, modified }: ExportedResource): StateResource {
  const [, , types = "", ...name] = urn.split("::");
  const changed = modified ?? created;
  return {
    types,
    name: name.join("::"),
    id,
    inputs: reveal(inputs ?? {}) as Record<string, unknown>,
    outputs: reveal(outputs ?? {}) as Record<string, unknown>,
    changedAt: changed === undefined ? undefined : Date.parse(changed),
  };
}

/** By these two texts pulumi knows what is a secret in its state. */
const signature = "4dabf18193072939515e22adb298388d";
const secret = "1b47061264138c4ac30d75fd1eb44270";

/** A value with all its secrets in clear. */
function reveal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Readonly<Record<string, unknown>>;
  const { plaintext } = fields;
  if (fields[signature] === secret && typeof plaintext === "string") return reveal(JSON.parse(plaintext));
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, reveal(field)]));
}
