/**
 * What `pulumi preview --json` prints (CLI 3.230 and later): one document, which lists what would be done to each
 * resource. Secrets in it are the text `[secret]`.
 */

/** What would be done to one resource. `same` is nothing; `import` and others are passed on as they are. */
export type Operation = string;

export type Inputs = Readonly<Record<string, unknown>>;

/** One resource, as it is and as it would be. */
export interface Step {
  readonly operation: Operation;
  /** Without the stack's name and the project's: `parents$type::name`. */
  readonly id: string;
  /** @example hcloud:index/server:Server */
  readonly type: string;
  readonly name: string;
  /** `undefined`: it is not there yet. */
  readonly before: Inputs | undefined;
  /** `undefined`: it will not be there any more. */
  readonly after: Inputs | undefined;
  /** The inputs for which it has to be made anew. */
  readonly replaceReasons: readonly string[];
}

/** A preview as a whole; its steps in the order of their ids, since the engine names them as they come up. */
export interface Digest {
  /** `undefined`: nothing in it says so. */
  readonly stack: string | undefined;
  readonly steps: readonly Step[];
  /** What the program and the engine said, errors first as they came. */
  readonly messages: readonly { readonly severity: string; readonly text: string }[];
}

interface PrintedState {
  readonly type?: string;
  readonly inputs?: Inputs;
}

interface PrintedStep {
  readonly op: string;
  readonly urn: string;
  readonly oldState?: PrintedState;
  readonly newState?: PrintedState;
  readonly replaceReasons?: readonly string[] | null;
}

interface Printed {
  readonly steps?: readonly PrintedStep[];
  readonly diagnostics?: readonly { readonly severity?: string; readonly message?: string }[];
}

/** How the engine prints a value that is known only when `up` has made what it comes from. */
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What stands in its place for people. */
export const laterKnown = "(known when it is made)";

/** Throws a `SyntaxError` where the text is no JSON, which is so when pulumi ended before it could preview. */
export function parseDigest(text: string): Digest {
  const { steps = [], diagnostics = [] } = JSON.parse(text) as Printed;
  return {
    stack: /^urn:pulumi:([^:]*)::/.exec(steps[0]?.urn ?? "")?.[1],
    steps: steps.map(readStep).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    messages: diagnostics.map(({ severity = "", message = "" }) => ({ severity, text: message })),
  };
}

function readStep({ op, urn, oldState, newState, replaceReasons }: PrintedStep): Step {
  const [, , id = urn, name = ""] = /^urn:pulumi:[^:]*::([^:]*)::(.*::(.*))$/.exec(urn) ?? [];
  const type = (newState ?? oldState)?.type ?? "";
  return {
    operation: op,
    id,
    type,
    name,
    before: op === "create" ? undefined : ofEachRun(name, readInputs(oldState)),
    after: op === "delete" ? undefined : ofEachRun(name, readInputs(newState)),
    replaceReasons: replaceReasons ?? [],
  };
}

/** A name that the provider makes up is another one at each run, and of no use to a reviewer. */
function ofEachRun(name: string, inputs: Inputs): Inputs {
  const made = inputs["name"];
  const isMadeUp = typeof made === "string" && made.startsWith(`${name}-`) && /-[0-9a-f]{7}$/.test(made);
  return isMadeUp ? { ...inputs, name: `${name}-…` } : inputs;
}

function readInputs(state: PrintedState | undefined): Inputs {
  return Object.fromEntries(
    Object.entries(state?.inputs ?? {})
      .filter(([key]) => key !== "__defaults")
      .map(([key, value]) => [key, sayUnknown(value)]),
  );
}

function sayUnknown(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll(unknownValue, laterKnown);
  if (Array.isArray(value)) return value.map(sayUnknown);
  if (typeof value !== "object" || value === null) return value;
  return readInputs({ inputs: value as Inputs });
}

/**
 * What would change from one stack to the other, told from a preview of each from nothing: for who has no state at hand.
 * Whether a change replaces a resource nobody can tell then, so each is an `update`.
 */
export function compareDigests(base: Digest, head: Digest): Digest {
  const before = new Map(base.steps.map((step) => [step.id, step.after]));
  const after = new Map(head.steps.map((step) => [step.id, step]));
  const kept = head.steps.map((step): Step => {
    const old = before.get(step.id);
    const same = JSON.stringify(inOrder(old)) === JSON.stringify(inOrder(step.after));
    return { ...step, before: old, operation: old === undefined ? "create" : same ? "same" : "update" };
  });
  const gone = base.steps
    .filter(({ id }) => !after.has(id))
    .map((step): Step => ({ ...step, operation: "delete", before: step.after, after: undefined }));
  return { stack: head.stack, steps: [...kept, ...gone], messages: head.messages };
}

/** With its keys in one order at every depth. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, inOrder(inner)]));
}
