/** The relay as homes and devices call it. `Text`: a string, or the engine's promise of one. */
export interface CalledRelay<Text = string> {
  /** WireGuard, base64. */
  readonly publicKey: Text;
  /** The public ones. */
  readonly ipv4Address: Text;
  /** @default none */
  readonly ipv6Address?: Text | undefined;
}
