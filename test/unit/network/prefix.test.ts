import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { hostAddress, overlaps, parseAddress, parsePrefix } from "../../../components/network/prefix.ts";

describe("parsePrefix", () => {
  test.each([
    ["192.0.2.0/24", { family: 4, address: "192.0.2.0", length: 24, text: "192.0.2.0/24" }],
    ["192.0.2.7", { family: 4, address: "192.0.2.7", length: 32, text: "192.0.2.7/32" }],
    ["0.0.0.0/0", { family: 4, address: "0.0.0.0", length: 0, text: "0.0.0.0/0" }],
    ["2001:DB8:0::/32", { family: 6, address: "2001:db8::", length: 32, text: "2001:db8::/32" }],
    ["::/0", { family: 6, address: "::", length: 0, text: "::/0" }],
    ["2001:db8::1", { family: 6, address: "2001:db8::1", length: 128, text: "2001:db8::1/128" }],
  ])("reads %s", (text, prefix) => {
    expect(parsePrefix(text)).toEqual(prefix);
  });

  test.each([
    ["10.0.0.1/24", '"10.0.0.1/24" has bits set after its length; did you mean 10.0.0.0/24?'],
    ["2001:db8::1/64", '"2001:db8::1/64" has bits set after its length; did you mean 2001:db8::/64?'],
    ["10.0.0.0/33", '"10.0.0.0/33" has a length over 32'],
    ["10.0.0.0/024", '"10.0.0.0/024" is not a prefix; write it like 192.0.2.0/24 or 2001:db8::/32'],
    ["10.0.0.0/8/8", '"10.0.0.0/8/8" is not a prefix; write it like 192.0.2.0/24 or 2001:db8::/32'],
    ["10.0/16", '"10.0" is not an IP address'],
    ["", '"" is not an IP address'],
  ])("refuses %j", (text, message) => {
    expect(() => parsePrefix(text)).toThrow(new Error(message));
  });

  test("gives back the text of any prefix that it made", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6()).filter(isAddress);
    fc.assert(
      fc.property(address, (text) => {
        const prefix = parsePrefix(text);
        expect(parsePrefix(prefix.text)).toEqual(prefix);
      }),
    );
  });
});

test.each(["010.0.0.1", "1.2.3", "1.2.3.4.5", "0x7f.0.0.1", "fe80::1%eth0", "example.org", "1.2.3.256"])(
  "%s is no address",
  (text) => {
    expect(() => parseAddress(text)).toThrow(new Error(`"${text}" is not an IP address`));
  },
);

test("counts addresses over the borders of bytes", () => {
  expect(hostAddress(parsePrefix("10.77.0.0/16"), 1)).toBe("10.77.0.1");
  expect(hostAddress(parsePrefix("10.77.0.0/16"), 65534)).toBe("10.77.255.254");
  expect(hostAddress(parsePrefix("fd77::/64"), 65536)).toBe("fd77::1:0");
});

test("prefixes overlap when one holds the other, in either order", () => {
  const [wide, inside, other, v6] = ["10.0.0.0/8", "10.77.0.0/16", "192.168.0.0/16", "::/0"].map(parsePrefix);
  if (!wide || !inside || !other || !v6) throw new Error("unreachable");
  expect([overlaps(wide, inside), overlaps(inside, wide)]).toEqual([true, true]);
  expect([overlaps(wide, other), overlaps(other, wide)]).toEqual([false, false]);
  expect(overlaps(wide, v6)).toBe(false);
});

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}
