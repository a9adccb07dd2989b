/** A private key and its public key. `Text`: a string, or the engine's promise of one. */
export interface KeyPair<Text = string> {
  readonly privateKey: Text;
  readonly publicKey: Text;
}

/** The WireGuard keys of a home or a device, base64. */
export interface PeerKeys<Text = string> extends KeyPair<Text> {
  /** Shared by the relay and this peer alone. */
  readonly presharedKey: Text;
}

/** An ed25519 key: the private key in OpenSSH's format, the public key as `ssh-ed25519 AAAA…`. */
export type SshKeyPair<Text = string> = KeyPair<Text>;
