/** A service that keeps a name for whoever knows its secret, and is told over HTTPS where the name points. */
export type DynDnsService = FreemyipService | DuckdnsService | Dyndns2Service | UrlService;

/** https://freemyip.com/help */
export interface FreemyipService {
  readonly provider: "freemyip";
  /** One full name, as its token owns one: `myhome.freemyip.com`. */
  readonly names: readonly string[];
  /** A secret. Letters and digits. */
  readonly token: string;
}

/** https://www.duckdns.org/spec.jsp */
export interface DuckdnsService {
  readonly provider: "duckdns";
  /** Full names: `myhome.duckdns.org`. */
  readonly names: readonly string[];
  /** A secret. Letters, digits and hyphens. */
  readonly token: string;
}

/** The protocol of https://help.dyn.com/perform-update/, which many services speak. */
export interface Dyndns2Service {
  readonly provider: "dyndns2";
  /** Where updates are sent, with its path: `https://dyn.example.net/nic/update`. */
  readonly server: string;
  readonly user: string;
  /** A secret. */
  readonly password: string;
  /** Full names, at most 20. */
  readonly names: readonly string[];
}

/** Any service that takes an update as one GET request. */
export interface UrlService {
  readonly provider: "url";
  /** With `{name}`, `{ip}`, `{ip6}` and `{token}` where those belong. A secret itself if `secretUrl`. */
  readonly url: string;
  readonly secretUrl: boolean;
  /** Full names; may be empty where the URL has no `{name}`. */
  readonly names: readonly string[];
  /** An extended regular expression (POSIX) that an answer matches when all is well. @default any answer is */
  readonly expect: string | undefined;
  /** A secret, as it stands in a URL. `undefined` where the URL has no `{token}`. */
  readonly token: string | undefined;
}
