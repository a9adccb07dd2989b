/** What the cloud's API asks of the data centre: real machines, real addresses, a real filter before them. */
export interface ServerHost {
  /** Returns when the machine has been started (not when it has booted). */
  create(server: ServerRequest): Promise<void>;
  powerOn(id: number): Promise<void>;
  powerOff(id: number): Promise<void>;
  /** Ends the machine and frees its addresses. */
  destroy(id: number): Promise<void>;
  /** Replaces the filter before a server; `undefined` means that no firewall is attached: all is let through. */
  setFirewall(id: number, rules: readonly FirewallRule[] | undefined): Promise<void>;
}

export interface ServerRequest {
  readonly id: number;
  readonly name: string;
  /** Hetzner's name of the system image. */
  readonly image: string;
  readonly userData: string;
  /** OpenSSH one-line public keys that may log in as root. */
  readonly sshPublicKeys: readonly string[];
  /** The Primary IPv4, for example `198.51.100.2`; routed to the server as a /32. */
  readonly ipv4: string | undefined;
  /** The Primary IPv6 network, for example `2001:db8:2:1::/64`; the server takes `::1` of it. */
  readonly ipv6: string | undefined;
}

/** A firewall rule as the API has it. Outgoing rules are accepted by the API, and refused by this data centre. */
export interface FirewallRule {
  readonly direction: "in" | "out";
  readonly protocol: "tcp" | "udp" | "icmp" | "esp" | "gre";
  /** `"80"` or `"80-85"`; absent for protocols without ports. */
  readonly port?: string;
  readonly source_ips: readonly string[];
  readonly destination_ips?: readonly string[];
  readonly description?: string | null;
}
