import type { Ours, Side, Theirs } from "./sides.ts";

/** Who is compared. */
export type SideName = "home-relay" | "tutorial";
export const sideNames: readonly SideName[] = ["home-relay", "tutorial"];

/** What the issue of a fault has to be at home-relay. */
export type Bar =
  /** Strangers are answered again so soon after the fault began. */
  | { readonly outageSeconds: number }
  /** So soon after the machine that boots is up. */
  | { readonly beyondUpSeconds: number }
  /** No new connection fails, the open TCP flow lives, no datagram is lost. */
  | { readonly lost: "nothing" }
  /** The open flows live, whatever happens to new connections. */
  | { readonly flows: "live" }
  /** What was taken away is back so soon. */
  | { readonly mendedSeconds: number }
  /** Nothing that the relay sends reaches what nobody published. */
  | { readonly pastGuard: 0 }
  /** `up` fails. */
  | { readonly up: "fails" };

/** What making a fault came to. */
export interface Outcome {
  readonly upFailed?: boolean;
  /** When it began, in seconds of the monotonic clock, where making it takes long. @default when it was asked for */
  readonly beganAt?: number;
  /** What else is to be known of it. */
  readonly note?: string;
}

export type Make<Of extends Side> = (side: Of) => Promise<Outcome | undefined>;

export interface Fault {
  /** As it is named on the command line. */
  readonly name: string;
  /** As the table has it. */
  readonly title: string;
  /** How often it is made in a full run. */
  readonly rounds: 1 | 3;
  /** What has to be there before anybody watches. */
  readonly prepare?: (side: Side) => Promise<unknown>;
  /** The port at which strangers call, over TCP and UDP. @default the echo's */
  readonly port?: number;
  /** What is made once, for whoever is behind the carrier. */
  readonly carrier?: () => Promise<void>;
  readonly ours: Make<Ours>;
  /** Or why it has no counterpart. */
  readonly tutorial: Make<Theirs> | string;
  /** Seconds in which nobody calls, up to the fault. @default 0, strangers call all the time */
  readonly quietSeconds?: number;
  /** Whether the fault is made before those seconds instead. @default false */
  readonly beforeQuiet?: boolean;
  /** Machines that boot. @default none */
  readonly boots?: readonly ("relay" | "home")[];
  /** Whether packets past the guard are counted. @default false */
  readonly guarded?: boolean;
  /** Whether what was taken away from home-relay is there again. @default not asked */
  readonly isMended?: (side: Ours) => Promise<boolean>;
  /** So long is watched at least, once the fault is made. @default 6 */
  readonly watchSeconds?: number;
  readonly bars: readonly Bar[];
  /** Whether it lives on where all seems well. @default false */
  readonly leavesTraces?: boolean;
  /** Makes the world as it was; a side that is not well is healed in any case. */
  readonly undo?: () => Promise<void>;
  /** The same, at home-relay. */
  readonly undoOurs?: (side: Ours) => Promise<unknown>;
  readonly undoTutorial?: (side: Theirs) => Promise<unknown>;
}
