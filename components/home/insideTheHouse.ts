import { endsAtHome } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { renderPortRange } from "../network/port.ts";

/** A home, as far as calls from its own LAN to the public names go. */
interface CalledHome {
  readonly name: string;
  readonly forwards: readonly Forward[];
}

/**
 * What to tell a resolver in the LAN of a home, so that calls from inside the house need not go to the relay and back;
 * or why that would not do. `others`: whether the names lead to other homes as well. `undefined` where there is no name.
 */
export function describeInside(
  { name, forwards }: CalledHome,
  names: readonly string[],
  others: boolean,
): string | undefined {
  if (names.length === 0) return undefined;
  const obstacles = [
    ...(others ? ["the names lead to other homes as well"] : []),
    ...forwards.flatMap((forward) => obstacle(forward, name)),
  ];
  const all = names.join(", ");
  return obstacles.length === 0
    ? `a resolver in the LAN (Pi-hole, dnsmasq, unbound) may answer ${all} with the address that ${name} has there`
    : `from the LAN too, ${all} is reached by the relay. A resolver there could not answer with the address of ${name}: ${obstacles.join("; ")}`;
}

function obstacle(forward: Forward, name: string): string[] {
  const { published, target, to } = forward;
  if (!endsAtHome(forward))
    return [`port ${renderPortRange(published)} is ${renderPortRange(target)} of ${to ?? name}`];
  if (published.first === target.first) return [];
  return [`port ${renderPortRange(published)} is ${renderPortRange(target)} there`];
}
