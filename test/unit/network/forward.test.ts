import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  arrivalPorts,
  collide,
  createForward,
  endsAtHome,
  parseForward,
  parseRendered,
  renderForward,
} from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { forward, plainForward } from "../generators/forwards.ts";

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

  test("reads what renderForward writes of a forward without options", () => {
    fc.assert(fc.property(plainForward(), (one) => expect(parseForward(renderForward(one))).toEqual(one)));
  });
});

describe("renderForward", () => {
  const port = { first: 25565, last: 25565 };

  test("says every option that is used", () => {
    const options = {
      to: "192.168.1.50",
      clientIp: "masquerade",
      from: ["192.0.2.0/24", "2001:db8::/32"].map(parsePrefix),
      newPerSecond: 10,
    } as const;
    expect(renderForward(createForward(port, port, "tcp", options))).toBe(
      "25565:25565/tcp, to 192.168.1.50, masquerade, from 192.0.2.0/24 2001:db8::/32, at most 10 new a second",
    );
  });

  test("two forwards have one text only if they are the same", () => {
    fc.assert(
      fc.property(forward({ within: 3 }), forward({ within: 3 }), (a, b) => {
        expect(renderForward(a) === renderForward(b)).toBe(isDeepStrictEqual(a, b));
      }),
    );
  });
});

test("ends at home unless it names another machine in the LAN", () => {
  const port = parsePortRange("80");
  expect(endsAtHome(createForward(port, port, "tcp"))).toBe(true);
  expect(endsAtHome(createForward(port, port, "tcp", { to: "192.168.1.50" }))).toBe(false);
});

describe("arrivalPorts", () => {
  const [published, target] = [parsePortRange("8000-8001"), parsePortRange("80-81")];

  test("are the target of a forward to the home itself", () => {
    expect(arrivalPorts(createForward(published, target, "tcp"))).toEqual(target);
  });

  test("are the published ports of one to a machine in the LAN, where the home translates", () => {
    expect(arrivalPorts(createForward(published, target, "tcp", { to: "192.168.1.50" }))).toEqual(published);
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

test("what is rendered is taken apart into the same", () => {
  fc.assert(
    fc.property(forward(), (one) => {
      const { published, target, protocols, to, from, rest } = parseRendered(renderForward(one));
      const options = [
        ...(one.clientIp === "preserve" ? [] : [one.clientIp]),
        ...(one.newPerSecond === undefined ? [] : [`at most ${one.newPerSecond} new a second`]),
      ];
      expect({ published, target, protocols, to, from, rest }).toEqual({
        published: one.published,
        target: one.target,
        protocols: one.protocols,
        to: one.to,
        from: one.from.map(({ text }) => text).join(" "),
        rest: options.join(", "),
      });
    }),
  );
});
