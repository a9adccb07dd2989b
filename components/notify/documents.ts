import type { NotifyService } from "../network/notifyService.ts";
import type { Peer } from "../network/peer.ts";

/** What the relay is told to look after. */
export interface Watched {
  /** For people, in messages. @example home-relay/dev */
  readonly stack: string;
  /** Where the user wrote the services, for messages. @example home-relay:notify */
  readonly section: string;
  readonly services: readonly NotifyService[];
  readonly homes: readonly Peer[];
  /** What the relay may send in a month at no further cost. `undefined`: nobody is told of that. */
  readonly includedTrafficGb: number | undefined;
}

/** The document of apply-notify.sh, without any secret: whom it watches, and who is told. */
export function renderWatched({ stack, section, services, homes, includedTrafficGb }: Watched): string {
  return [
    `stack ${stack}`,
    `settings ${section}`,
    ...homes.map(({ name, tunnelAddress }) => `home ${name} ${tunnelAddress.ipv4}`),
    ...(includedTrafficGb === undefined ? [] : [`included ${includedTrafficGb * 1e9}`]),
    ...services.map(({ service }) => `service ${service}`),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** The document of store-notify-secrets.sh: a line a service, in the same order. Secret. */
export function renderSecrets(services: readonly NotifyService[]): string {
  return services
    .map(
      ({ service, url, token }) => `${[service, url, ...(token === undefined ? [] : [token])].join(" ")}\n`,
    )
    .join("");
}
