import type { Measured, Proof, Reachability } from "../network/proven.ts";

/** From what prove-forwards.sh printed: its last lines that are meant for a program. */
export function readProof(said: string): Proof {
  return { reachability: readReachability(said), measured: readMeasured(said) };
}

/** Empty where there is none. */
export function readReachability(said: string): Reachability {
  return (lastLine(said, "reachability ") ?? {}) as Reachability;
}

export function readMeasured(said: string): Measured | undefined {
  return lastLine(said, "measured ") as Measured | undefined;
}

function lastLine(said: string, marker: string): unknown {
  const last = said
    .split("\n")
    .findLast((line) => line.startsWith(marker))
    ?.slice(marker.length);
  return last === undefined ? undefined : JSON.parse(last);
}
