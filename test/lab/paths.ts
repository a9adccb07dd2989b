import { homedir } from "node:os";
import { join } from "node:path";
import { labName } from "./labName.ts";

const run = `/run/home-relay-${labName}`;
const state = `/var/lib/home-relay-${labName}`;

/** Where the lab keeps things. `run` and `state` go with `down`; the cache outlives labs. */
export const paths = {
  run,
  state,
  /** Process ids, consoles and locks of the machines, one folder each. */
  machineRuns: join(run, "machines"),
  /** What the machines wrote: one overlay each. */
  machineRoots: join(state, "machines"),
  daemonPid: join(run, "daemon.pid"),
  daemonLog: join(run, "daemon.log"),
  controlSocket: join(run, "control.sock"),
  /** The `up` that is at work. */
  upPid: join(run, "up.pid"),
  /** Written when `up` came to its end. */
  ready: join(run, "ready"),
  /** The API token of the stand-in cloud, 64 characters. */
  cloudToken: join(run, "cloud-token"),
  /** The operator's SSH key; its public half lies beside it as `.pub`. */
  operatorKey: join(run, "operator-key"),
  /** The lab's certificate authority, which all machines trust, and what it signed. */
  certificates: join(run, "certificates"),
  /** What a machine that no cloud made answers with, as the operator knows it: one OpenSSH public key line. */
  hostKeyOf: (machine: string) => join(run, `${machine}-host-key.pub`),
  cache: cacheFolder(),
} as const;

/** As the environment has it now. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "home-relay");
}
