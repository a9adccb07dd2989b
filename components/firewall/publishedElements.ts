import type { TunnelAddress } from "../network/addressPlan.ts";
import { arrivalPorts } from "../network/forward.ts";
import { pairPorts, renderPortRange } from "../network/port.ts";
import type { PortRange, Protocol } from "../network/port.ts";
import { answersOverIpv6 } from "../network/publishedForward.ts";
import type { PublishedForward } from "../network/publishedForward.ts";

export type Family = keyof TunnelAddress;

/** One element a port where the port changes on its way; nft has no form for a shifted range. */
export function singles(forwards: readonly PublishedForward[], family: Family): string[] {
  return elements(
    forwards.filter((published) => translates(published) && answers(published, family)),
    (protocol, range, { forward, address }) =>
      pairPorts(range, arrivalPorts(forward)).map(
        ([published, arrival]) => `${protocol} . ${published} : ${address[family]} . ${arrival}`,
      ),
  );
}

/** One element a range where every port stays the same. */
export function ranges(forwards: readonly PublishedForward[], family: Family): string[] {
  return elements(
    forwards.filter((published) => !translates(published) && answers(published, family)),
    (protocol, range, { address }) => [`${protocol} . ${renderPortRange(range)} : ${address[family]}`],
  );
}

export function publishedElements(forwards: readonly PublishedForward[]): string[] {
  return elements(forwards, (protocol, range) => [`${protocol} . ${renderPortRange(range)}`]);
}

function translates({ forward }: PublishedForward): boolean {
  return forward.published.first !== arrivalPorts(forward).first;
}

export function answers(published: PublishedForward, family: Family): boolean {
  return family === "ipv4" || answersOverIpv6(published);
}

/** Elements in the order of protocol and port, whatever the order of the forwards. */
export function elements(
  forwards: readonly PublishedForward[],
  render: (protocol: Protocol, range: PortRange, published: PublishedForward) => string[],
): string[] {
  return forwards
    .flatMap((published) =>
      published.forward.protocols.map((protocol) => ({
        protocol,
        range: published.forward.published,
        published,
      })),
    )
    .sort((a, b) => a.protocol.localeCompare(b.protocol) || a.range.first - b.range.first)
    .flatMap(({ protocol, range, published }) => render(protocol, range, published));
}
