/** The relay as homes and devices call it. `Text`: a string, or the engine's promise of one. */
export interface CalledRelay<Text = string> {
  /** WireGuard, base64. */
  readonly publicKey: Text;
  /** The public ones; without the second, forwards answer over IPv4 alone. */
  readonly ipv4Address: Text;
  readonly ipv6Address?: Text | undefined;
  /** The one of them that the tunnel goes to. @default ipv4Address */
  readonly calledAt?: Text | undefined;
}

/** Where the tunnel goes, as WireGuard writes it. */
export function renderEndpoint({ ipv4Address, calledAt = ipv4Address }: CalledRelay, port: number): string {
  return `${calledAt.includes(":") ? `[${calledAt}]` : calledAt}:${port}`;
}
