import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { collide, parseForward, renderForward } from "../../components/network/forward.ts";
import { forward } from "./forwards.ts";

describe("parseForward", () => {
  test.each([
    ["443", "443:443/tcp"],
    ["80:8080", "80:8080/tcp"],
    ["64738:64738/udp", "64738:64738/udp"],
    ["50000-50100:50000-50100/udp", "50000-50100:50000-50100/udp"],
    ["53:5353/tcp+udp", "53:5353/tcp+udp"],
    ["1000-1001", "1000-1001:1000-1001/tcp"],
    ["80-80:81", "80:81/tcp"],
  ])("reads %s as %s", (text, canonical) => {
    expect(renderForward(parseForward(text))).toBe(canonical);
  });

  test.each([
    ["80:8080/TCP", '"TCP" is not a protocol; use tcp, udp or tcp+udp'],
    ["80/constructor", '"constructor" is not a protocol; use tcp, udp or tcp+udp'],
    ["80/", '"" is not a protocol; use tcp, udp or tcp+udp'],
    ["80/tcp/udp", '"80/tcp/udp" has more than one "/"'],
    [
      "127.0.0.1:80:80",
      '"127.0.0.1:80:80" has more than one ":"; write published:target, with no address before it',
    ],
    ["80-90:80", "80-90 and 80 are not the same number of ports (11 and 1)"],
    [":80", '"" is not a port (443) or a range of ports (50000-50100)'],
  ])("refuses %s", (text, message) => {
    expect(() => parseForward(text)).toThrow(new Error(message));
  });

  test("reads what renderForward writes", () => {
    fc.assert(fc.property(forward(), (one) => expect(parseForward(renderForward(one))).toEqual(one)));
  });
});

describe("collide", () => {
  test.each([
    ["443", "443:8080", true],
    ["443/tcp", "443/udp", false],
    ["443/tcp+udp", "443/udp", true],
    ["80-90", "90-100", true],
    ["80-90", "91-100", false],
    ["80:443", "81:443", false],
  ])("%s and %s: %s", (a, b, expected) => {
    expect(collide(parseForward(a), parseForward(b))).toBe(expected);
  });

  test("is symmetric, and a forward collides with itself", () => {
    fc.assert(
      fc.property(forward({ within: 50 }), forward({ within: 50 }), (a, b) => {
        expect(collide(a, b)).toBe(collide(b, a));
        expect(collide(a, a)).toBe(true);
      }),
    );
  });
});
