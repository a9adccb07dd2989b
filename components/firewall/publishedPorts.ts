import { renderPortRange } from "../network/port.ts";
import { publishedPorts } from "../network/publishedForward.ts";
import type { PublishedForward } from "../network/publishedForward.ts";

/** The ports that the relay publishes, for name-services.sh: `tcp 80-85` a line. */
export function renderPublishedPorts(forwards: readonly PublishedForward[]): string {
  return (["tcp", "udp"] as const)
    .flatMap((protocol) =>
      publishedPorts(forwards, protocol).map((range) => `${protocol} ${renderPortRange(range)}\n`),
    )
    .join("");
}
