import ipaddr from "ipaddr.js";

/** An address prefix in its canonical text, host bits zero: `192.0.2.0/24`, `2001:db8::/32`. */
export interface Prefix {
  readonly family: 4 | 6;
  /** The network address, canonical. */
  readonly address: string;
  /** 0-32 or 0-128. */
  readonly length: number;
  readonly text: string;
}

/**
 * Parses `address/length`, or a bare address as its single-host prefix. Throws an `Error` whose message says what
 * was found and what to write instead; host bits that are not zero are refused, as APIs of providers refuse them.
 */
export function parsePrefix(text: string): Prefix {
  const [addressText = "", lengthText, ...rest] = text.split("/");
  const address = parseAddress(addressText);
  const bits = address.kind() === "ipv4" ? 32 : 128;
  if (rest.length > 0 || (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText)))
    throw new Error(`"${text}" is not a prefix; write it like 192.0.2.0/24 or 2001:db8::/32`);
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (length > bits) throw new Error(`"${text}" has a length over ${bits}`);
  const network = networkAddress(address, length);
  if (network !== address.toString())
    throw new Error(`"${text}" has bits set after its length; did you mean ${network}/${length}?`);
  return {
    family: bits === 32 ? 4 : 6,
    address: network,
    length,
    text: `${network}/${length}`,
  };
}

/** Parses one IPv4 or IPv6 address; throws an `Error` that names the text. IPv4 must have its four parts. */
export function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (text.includes(":") && !text.includes("%") && ipaddr.IPv6.isValid(text)) return ipaddr.IPv6.parse(text);
  throw new Error(`"${text}" is not an IP address`);
}

/** The `n`th address of a prefix, counted from 0; canonical text. The caller keeps `n` within the prefix. */
export function hostAddress(prefix: Prefix, n: number): string {
  const bytes = ipaddr.parse(prefix.address).toByteArray();
  let carry = n;
  for (let i = bytes.length - 1; carry > 0 && i >= 0; i--) {
    const sum = (bytes[i] ?? 0) + carry;
    bytes[i] = sum % 256;
    carry = Math.floor(sum / 256);
  }
  return ipaddr.fromByteArray(bytes).toString();
}

/** Whether two prefixes of one family share an address. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  if (a.family !== b.family) return false;
  const length = Math.min(a.length, b.length);
  return networkAddress(ipaddr.parse(a.address), length) === networkAddress(ipaddr.parse(b.address), length);
}

/** Those that lie within no other one of them, where they would add nothing; nft refuses such a set. */
export function outermost(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter(
    (prefix) => !prefixes.some((other) => other.length < prefix.length && overlaps(other, prefix)),
  );
}

function networkAddress(address: ipaddr.IPv4 | ipaddr.IPv6, length: number): string {
  const bytes = address.toByteArray().map((byte, i) => {
    const kept = Math.min(8, Math.max(0, length - 8 * i));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
  return ipaddr.fromByteArray(bytes).toString();
}
