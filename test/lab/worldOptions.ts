/**
 * What a check may declare of its world, beyond what every lab has. Each option is one entry of the table below: a
 * function from what was declared to how it is made so. To add an option, add its entry; its argument is its type.
 */
import { addMachine } from "./control.ts";
import type { AddMachine } from "./control.ts";
import { systemOfImage } from "./dataCentre.ts";
import type { ServerImage } from "./dataCentre.ts";
import { installDocker } from "./docker.ts";
import type { HomeNetwork, HomeRouter } from "./homeLine.ts";
import { installPackages, mustPerform } from "./people.ts";
import type { HomeMachine, PlainMachine } from "./plainMachines.ts";
import { provideRoot } from "./root.ts";
import type { Suite } from "./root.ts";
import { makeStrange, settleOwner } from "./strangeness.ts";
import type { StrangenessName, StrangePlace } from "./strangeness.ts";
import { provideVpn, vpn } from "./vpn.ts";
import { untilSshAnswers } from "./world.ts";

/** How one option is made so; each part is optional. */
export interface Making {
  /** Before anything of the lab is there: what takes long once and is kept in the cache. */
  readonly prepare?: (detail: (line: string) => void) => Promise<unknown>;
  /** How the home's machine differs from the usual one, from its first boot on. */
  readonly home?: HomeMachine;
  /** How the home's line and LAN differ from the usual ones. */
  readonly network?: HomeNetwork;
  /** When the lab is up, in the order of the table. */
  readonly make?: () => Promise<unknown>;
}

export const worldOptions = {
  /** The home's system. @default trixie */
  homeSuite: (suite: Suite) => ({ prepare: (detail) => provideRoot(suite, detail), home: { suite } }),
  /**
   * What the home has of IPv6: a /64 of its provider's in the LAN (`native`), what needs no router (`none`), or not even
   * that, as its owner wants it (`off`). @default none
   */
  homeIpv6: (state: "native" | "none" | "off") => ({
    home: state === "none" ? {} : { ipv6: state },
    network: { nativeIpv6: state === "native" },
  }),
  /** The home's router: its outside address, and what it lets in. @default behind the CGNAT, and lets nothing in */
  router: (router: HomeRouter) => ({ network: { router } }),
  /**
   * Whether home and operator have addresses of the internet on their own cards, as on a campus, whose network lets
   * nothing in that did not begin inside. @default private
   */
  homeAddress: (kind: "public" | "private") => ({
    home: { publicCard: kind === "public" },
    network: { publicCards: kind === "public" },
  }),
  /** TCP ports to which the carrier lets nobody connect. @default none */
  blockedPorts: (blockedPorts: readonly number[]) => ({ network: { blockedPorts } }),
  /** Images of servers that the program will order, beside debian-13. */
  images: (images: readonly ServerImage[]) => ({
    prepare: async (detail) => {
      for (const image of images) await provideRoot(systemOfImage[image], detail);
    },
  }),
  /** Further machines, which answer over SSH when the check begins. */
  machines: (machines: readonly AddMachine[]) => ({
    prepare: async (detail) => {
      for (const { suite = "trixie" } of machines) await provideRoot(suite, detail);
    },
    make: () =>
      Promise.all(
        machines.map(async (machine) => {
          await addMachine(machine);
          await untilSshAnswers(machine.name);
        }),
      ),
  }),
  /** Debian packages that their owners have installed, by machine. */
  packages: (byMachine: Partial<Record<PlainMachine, readonly string[]>>) => ({
    make: () => onEach(byMachine, installPackages),
  }),
  /** Machines with an owner, as whom the operator comes, and the ways in which they are strange from the beginning on. */
  strange: (byMachine: Partial<Record<StrangePlace, readonly StrangenessName[]>>) => ({
    make: () =>
      onEach(byMachine, async (machine, names) => {
        await settleOwner(machine);
        await makeStrange(machine, names);
      }),
  }),
  /** A VPN of the home's own for all that it sends: its owner has it `up`, or may yet start it. @default none */
  vpn: (state: "up" | "down") => ({
    make: async () => {
      await provideVpn();
      if (state === "up") await vpn("start");
    },
  }),
  /** Docker, by machine: the content of its daemon.json. Its machine has `containers: true`. */
  docker: (byMachine: Partial<Record<PlainMachine, object>>) => ({
    make: () => onEach(byMachine, installDocker),
  }),
  /**
   * One container as Docker would make it, by machine: the ports that it publishes, as `9082:9082/tcp`. The machine has
   * the package iptables.
   */
  container: (byMachine: Partial<Record<PlainMachine, readonly string[]>>) => ({
    make: () => onEach(byMachine, (machine, ports) => mustPerform(machine, "container.sh", ports)),
  }),
} satisfies Record<string, (declared: never) => Making>;

/** The options that a check declares, by name. */
export type World = {
  readonly [Name in keyof typeof worldOptions]?: Parameters<(typeof worldOptions)[Name]>[0];
};

async function onEach<Machine extends PlainMachine, Value>(
  byMachine: Partial<Record<Machine, Value>>,
  make: (machine: Machine, value: Value) => Promise<unknown>,
): Promise<void> {
  for (const [machine, value] of Object.entries(byMachine) as [Machine, Value][]) await make(machine, value);
}
