/** How a check declares the world that it needs, and has it raised before its first test and taken down after its last. */
import { afterAll, beforeAll, jest } from "@jest/globals";
import { relayMachine } from "./machines.ts";
import type { RelayMachine } from "./machines.ts";
import { Operator } from "./operator.ts";
import type { Published, StackConfig } from "./operator.ts";
import { Progress } from "./progress.ts";
import { raiseWorld } from "./raiseWorld.ts";
import type { World } from "./worldOptions.ts";
import { down } from "./world.ts";

const minute = 60_000;

/** The world, the operator's stack in it, and whether that is up. */
export interface Declaration extends World {
  /** The name of the operator's stack. @default none: nobody runs the program */
  readonly stack?: string;
  /** What the check does by itself in the new world, before the stack has settings of its own. */
  readonly before?: (lab: Lab) => Promise<unknown>;
  /** The stack's settings; asked for when the world is there. @default one home with a few forwards */
  readonly settings?: () => StackConfig | Promise<StackConfig>;
  /** Whether `pulumi up` has made the stack before the first test. @default false */
  readonly up?: boolean;
}

/** The raised lab of a check. Its members throw before it is there. */
export interface Lab {
  readonly operator: Operator;
  /** Says on stderr how long something took. */
  readonly progress: Progress;
  /** The relay's addresses by family, as the last `readRelay` found them. */
  readonly published: Published;
  /** The relay's machine at a cloud, as the last `readRelay` found it. */
  readonly relay: RelayMachine;
  /** Reads `published` and `relay` anew: after an `up` of the check's own, and where a server was replaced. */
  readonly readRelay: () => Promise<void>;
}

/**
 * Registers with jest what raises the declared world and takes it down, whatever is left of another one. To be called
 * once, at the top of a check's file. It sets the limit of every test in the file: it only ends what hangs, since
 * machines that are shared may be slow.
 */
export function raiseLab(declaration: Declaration): Lab {
  jest.setTimeout(10 * minute);
  const progress = new Progress(process.stderr);
  let operator: Operator | undefined;
  let published: Published | undefined;
  let relay: RelayMachine | undefined;
  const lab: Lab = {
    get operator() {
      return there(operator, "operator: the check declares no stack");
    },
    progress,
    get published() {
      return there(published, "relay: `up` or `readRelay` comes first");
    },
    get relay() {
      return there(relay, "relay: `up` or `readRelay` comes first");
    },
    readRelay: async () => {
      published = await lab.operator.published();
      relay = await relayMachine();
    },
  };

  beforeAll(async () => {
    await down();
    await raiseWorld(declaration, progress);
    if (declaration.stack !== undefined)
      operator = await Operator.withStack(declaration.stack, () => undefined);
    await declaration.before?.(lab);
    if (declaration.settings) await lab.operator.configure(await declaration.settings());
    if (declaration.up !== true) return;
    await progress.phase("pulumi up", (detail) => lab.operator.up([], { onLine: detail }));
    await lab.readRelay();
  }, 30 * minute);

  afterAll(down);
  return lab;
}

function there<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`The lab has no ${what}.`);
  return value;
}
