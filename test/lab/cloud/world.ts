import type { ServerHost } from "./serverHost.ts";
import { Actions } from "./actions.ts";
import { AddressPool } from "./addressPool.ts";
import type { Faults } from "./faults.ts";
import { noFaults } from "./faults.ts";
import type { Firewall } from "./firewalls.ts";
import { Machines } from "./machines.ts";
import type { PrimaryIp } from "./primaryIps.ts";
import type { Server } from "./servers.ts";
import type { SshKey } from "./sshKeys.ts";
import type { Zone } from "./zones.ts";

/** The addresses of a name, in lower case and without a dot at its end; `undefined` when it does not exist. */
export type Elsewhere = (name: string) => { readonly A?: string; readonly AAAA?: string } | undefined;

/** One project of the cloud: everything is in memory and gone with it. */
export class World {
  readonly sshKeys = new Map<number, SshKey>();
  readonly primaryIps = new Map<number, PrimaryIp>();
  readonly firewalls = new Map<number, Firewall>();
  readonly servers = new Map<number, Server>();
  readonly zones = new Map<number, Zone>();

  readonly faults: Faults = noFaults();
  readonly pool = new AddressPool();
  readonly machines: Machines;
  readonly actions: Actions;
  /** Things that happen later, for example a slow release of addresses. */
  readonly timers = new Set<NodeJS.Timeout>();
  /** Names that are none of this cloud's. */
  elsewhere: Elsewhere = () => undefined;
  #lastId = 1000;

  constructor(host: ServerHost) {
    this.machines = new Machines(host);
    this.actions = new Actions(this.faults, () => this.nextId());
  }

  /** One sequence for all kinds, so that an id of the wrong kind never fits by chance. */
  nextId(): number {
    return ++this.#lastId;
  }

  later(ms: number, work: () => void): void {
    if (ms === 0) {
      work();
      return;
    }
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }
}
