/** What a test may ask to go wrong. Each count goes down as it is used. */
export interface Faults {
  /** How often a new action is still `running` when asked for. */
  actionPolls: number;
  /** Actions that end in an error instead of an effect, oldest first. */
  failNext: ActionFailure[];
  /** Server types that no location has left. */
  stockOut: Set<string>;
  /** Requests that get 429. */
  rateLimit: number;
  /** Requests that get 503. */
  unavailable: number;
  /** Whether the token may only read. */
  readOnly: boolean;
  /** How long a deleted server keeps its addresses and firewalls, in ms. */
  slowRelease: number;
}

export interface ActionFailure {
  readonly command: string;
  readonly code: string;
  readonly message: string;
}

export function noFaults(): Faults {
  return {
    actionPolls: 0,
    failNext: [],
    stockOut: new Set(),
    rateLimit: 0,
    unavailable: 0,
    slowRelease: 0,
    readOnly: false,
  };
}
