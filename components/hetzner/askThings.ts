/** What Hetzner has of a stack, against what the stack says. */
import type { Difference } from "../network/difference.ts";
import { Api } from "./api.ts";
import { letsIn, listWantedThings } from "./compareThings.ts";
import type { StateThing } from "./compareThings.ts";
import { isProviderOfHetzner, readHetznerAccess } from "./stateAccess.ts";

/** What was found at Hetzner. */
export interface ProviderState {
  readonly differences: readonly Difference[];
  /** How many things were asked for, by their kind. */
  readonly counts: ReadonlyMap<string, number>;
  /** Whether the firewall before the relay lets a port in; `undefined`: there is none. */
  readonly letsIn: ((protocol: string, port: number) => boolean) | undefined;
}

/** The API as this stack reaches it; `undefined`: it has nothing at Hetzner. */
export function openApi(things: readonly StateThing[]): Api | undefined {
  // Where a new version of it has come, the one before is there until nothing needs it.
  const provider = things.findLast(isProviderOfHetzner);
  return provider === undefined || listWantedThings(things).length === 0
    ? undefined
    : new Api(readHetznerAccess(provider.inputs));
}

/** Throws an error for the reader where Hetzner cannot be asked. */
export async function askForThings(api: Api, things: readonly StateThing[]): Promise<ProviderState> {
  const wanted = listWantedThings(things);
  const answers = await Promise.all(wanted.map(({ key, path }) => api.find(key, path)));
  const counts = new Map<string, number>();
  for (const { kind } of wanted) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const firewall = answers[wanted.findIndex(({ key }) => key === "firewall")];
  return {
    differences: wanted.flatMap(({ compare }, i) => compare(answers[i])),
    counts,
    letsIn: firewall === undefined ? undefined : (protocol, port) => letsIn(firewall, protocol, port),
  };
}
