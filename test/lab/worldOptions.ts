/**
 * What a check may declare of its world, beyond what every lab has. Each option is one entry of the table below: a
 * function from what was declared to how it is made so. To add an option, add its entry; its argument is its type.
 */
import { addMachine } from "./control.ts";
import type { AddMachine } from "./control.ts";
import { systemOfImage } from "./dataCentre.ts";
import type { ServerImage } from "./dataCentre.ts";
import { installDocker } from "./docker.ts";
import { installPackages, mustPerform, shell } from "./people.ts";
import type { HomeMachine, PlainMachine } from "./plainMachines.ts";
import { provideRoot } from "./root.ts";
import type { Suite } from "./root.ts";
import { untilSshAnswers } from "./world.ts";

/** How one option is made so; each part is optional. */
export interface Making {
  /** Before anything of the lab is there: what takes long once and is kept in the cache. */
  readonly prepare?: (detail: (line: string) => void) => Promise<unknown>;
  /** How the home's machine differs from the usual one, from its first boot on. */
  readonly home?: HomeMachine;
  /** When the lab is up, in the order of the table. */
  readonly make?: () => Promise<unknown>;
}

const ipv6Commands = { off: "sysctl -qw net.ipv6.conf.all.disable_ipv6=1" } as const;

export const worldOptions = {
  /** The home's system. @default trixie */
  homeSuite: (suite: Suite) => ({ prepare: (detail) => provideRoot(suite, detail), home: { suite } }),
  /** What the home has of IPv6: its owner has it `off`, until the next boot. @default only what needs no router */
  homeIpv6: (state: keyof typeof ipv6Commands) => ({ make: () => shell("home", ipv6Commands[state]) }),
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

async function onEach<Value>(
  byMachine: Partial<Record<PlainMachine, Value>>,
  make: (machine: PlainMachine, value: Value) => Promise<unknown>,
): Promise<void> {
  for (const [machine, value] of Object.entries(byMachine) as [PlainMachine, Value][])
    await make(machine, value);
}
