/** The relay as homes and devices call it. `Text`: a string, or the engine's promise of one. */
export interface CalledRelay<Text = string> {
  /** WireGuard, base64. */
  readonly publicKey: Text;
  /** The public ones; without the second, forwards answer over IPv4 alone. */
  readonly ipv4Address: Text;
  readonly ipv6Address?: Text | undefined;
}
