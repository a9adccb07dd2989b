import type { Forward } from "../network/forward.ts";
import { portCount } from "../network/port.ts";

/**
 * What is tried from outside, one probe a line for prove-forwards.sh: `tcp 443 8081`, protocol, published port, port
 * at home. A range is tried at both of its ends.
 */
export function renderProbes(publicAddress: string, forwards: readonly Forward[]): string {
  const probes = forwards.flatMap(({ published, target, protocols }) =>
    protocols.flatMap((protocol) => {
      const first = `${protocol} ${published.first} ${target.first}`;
      const last = `${protocol} ${published.last} ${target.last}`;
      return portCount(published) > 1 ? [first, last] : [first];
    }),
  );
  return [`address ${publicAddress}`, ...probes].map((line) => `${line}\n`).join("");
}
