import type { Difference } from "../network/difference.ts";
import { parseAddress } from "../network/prefix.ts";

/** A name that the stack has published, and where it is to lead. */
export interface PublishedName {
  readonly name: string;
  readonly ipv4: string;
  /** `undefined`: over IPv6 it is to lead nowhere. */
  readonly ipv6: string | undefined;
  /** The step that tells a DynDNS service; `undefined`: the names stand in a zone. */
  readonly told: string | undefined;
}

/** Whether the world is told of a name what the stack wants. `found`: addresses of both families. */
export function judgePublished(
  { name, ipv4, ipv6, told }: PublishedName,
  found: readonly string[],
): Difference | undefined {
  const wanted = [ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map(canonical);
  const seen = found.map(canonical);
  const others = seen.filter((address) => !wanted.includes(address));
  // A DynDNS service may keep no addresses of IPv6.
  const lacks =
    told === undefined
      ? wanted.filter((one) => !seen.includes(one))
      : seen.includes(canonical(ipv4))
        ? []
        : [ipv4];
  if (others.length === 0 && lacks.length === 0) return undefined;
  return {
    where: "names",
    kind: "name",
    what: name,
    found: seen.length === 0 ? "leading nowhere" : `leading to ${seen.join(" and ")}`,
    wanted: `leading to ${wanted.join(" and ")}`,
    repair:
      told === undefined
        ? {
            by: "person",
            mend: "where you registered the domain, enter the nameservers of: pulumi stack output nameservers; after a change the world may remember the old address for ttlSeconds",
          }
        : { by: "step", step: told },
  };
}

function canonical(address: string): string {
  return parseAddress(address).toString();
}
