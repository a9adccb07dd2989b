import { renderForward } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import type { Protocol } from "../network/port.ts";

export interface DangerousPort {
  readonly port: number;
  readonly protocol: Protocol;
  readonly why: string;
}

const guessing = "the whole internet will try passwords on it within minutes";
const noPassword = "what usually listens there asks for no password";
const amplifies =
  "what usually listens there answers short questions with long answers, which attackers aim at others (US-CERT TA14-017A)";

/** Services that were not made for the open internet, by the port on which they usually listen. */
const dangerousPorts: readonly DangerousPort[] = [
  ...dangerous("tcp", guessing, [22, 23, 3306, 3389, 5432, 5900]),
  ...dangerous("tcp", noPassword, [111, 445, 2375, 6379, 9200, 11211, 27017]),
  ...dangerous("udp", amplifies, [17, 19, 53, 69, 111, 123, 137, 161, 389, 1900, 3702, 5353, 11211]),
];

/** The first service in a forward that should not be published without a second thought; `undefined` in most. */
export function findDanger(forward: Forward): DangerousPort | undefined {
  return dangerousPorts.find(
    ({ port, protocol }) =>
      forward.protocols.includes(protocol) &&
      [forward.published, forward.target].some(({ first, last }) => first <= port && port <= last),
  );
}

/** Why a forward should not be made without a second thought; `undefined` for most. */
export function dangerOf(forward: Forward): string | undefined {
  const found = findDanger(forward);
  return (
    found && `opens port ${found.port}/${found.protocol}: ${found.why}; found "${renderForward(forward)}"`
  );
}

function dangerous(protocol: Protocol, why: string, ports: readonly number[]): DangerousPort[] {
  return ports.map((port) => ({ port, protocol, why }));
}
