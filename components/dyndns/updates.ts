import type { DynDnsService } from "../network/dynDnsService.ts";

export interface Addresses {
  readonly ipv4: string;
  /** `undefined`: the relay has none. */
  readonly ipv6: string | undefined;
}

/** One request to a service. */
interface Update {
  /** The names that it is about; empty where the URL alone knows. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** Holds `{token}` where the secret belongs. */
  readonly url: string;
}

/** Every request that tells a service where its names point. */
function listUpdates(service: DynDnsService, { ipv4, ipv6 }: Addresses): Update[] {
  const addresses = [ipv4, ...(ipv6 === undefined ? [] : [ipv6])];
  const { names } = service;
  switch (service.provider) {
    case "freemyip":
      // One address at a time: `myip` takes either family and leaves the other one alone
      // (https://freemyip.com/whatsnew, 2023-07-06).
      return names.flatMap((name) =>
        addresses.map((address) => ({
          names: [name],
          addresses: [address],
          url: `https://freemyip.com/update?token={token}&domain=${name}&myip=${address}`,
        })),
      );
    case "duckdns": {
      const domains = names.map((name) => name.replace(/\.duckdns\.org$/, "")).join(",");
      const query = `domains=${domains}&token={token}&ip=${ipv4}`;
      const url = `https://www.duckdns.org/update?${query}${ipv6 === undefined ? "" : `&ipv6=${ipv6}`}`;
      return [{ names, addresses, url }];
    }
    case "dyndns2":
      // Both addresses in one `myip`, as Dyn and No-IP have it; a request for each name, since not every service
      // takes a list of names.
      return names.map((name) => ({
        names: [name],
        addresses,
        url: `${service.server}?hostname=${name}&myip=${addresses.join(",")}`,
      }));
    case "url":
      return (names.length === 0 ? [undefined] : names).map((name) => ({
        names: name === undefined ? [] : [name],
        addresses,
        url: service.url
          .replaceAll("{name}", name ?? "")
          .replaceAll("{ip}", ipv4)
          .replaceAll("{ip6}", ipv6 ?? ""),
      }));
  }
}

/**
 * The document of apply-dyndns.sh, without any secret: what the service is, what kind of secret belongs to it, and
 * one line a request. `section`: where the user wrote the service, for messages, as `home-relay:dns`.
 */
export function renderUpdates(service: DynDnsService, addresses: Addresses, section: string): string {
  const updates = listUpdates(service, addresses).map(({ names, addresses: told, url }) => {
    const target = secretKind(service) === "url" ? "{url}" : url;
    return `request ${names.join(",") || "-"} ${told.join(",")} ${target}`;
  });
  return [
    `provider ${service.provider}`,
    `settings ${section}`,
    `secret ${secretKind(service)}`,
    ...(service.provider === "dyndns2" ? [`user ${service.user}`] : []),
    ...(service.provider === "url" && service.expect !== undefined ? [`expect ${service.expect}`] : []),
    ...updates,
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** The document of store-dyndns-secret.sh: the secret, or of a secret URL one line a request. */
export function renderSecret(service: DynDnsService, addresses: Addresses): string {
  switch (service.provider) {
    case "freemyip":
    case "duckdns":
      return `${service.token}\n`;
    case "dyndns2":
      return `${service.password}\n`;
    case "url":
      return service.secretUrl
        ? listUpdates(service, addresses)
            .map(({ url }) => `${url}\n`)
            .join("")
        : `${service.token ?? ""}\n`;
  }
}

/** What the secret is to the requests: it replaces `{token}` or `{url}`, or goes with the user's name. */
export function secretKind(service: DynDnsService): "token" | "password" | "url" | "none" {
  switch (service.provider) {
    case "freemyip":
    case "duckdns":
      return "token";
    case "dyndns2":
      return "password";
    case "url":
      return service.secretUrl ? "url" : service.token === undefined ? "none" : "token";
  }
}
