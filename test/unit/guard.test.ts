import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderGuard, targetPorts } from "../../components/home/guard.ts";
import { parseForward } from "../../components/network/forward.ts";
import { nas, nasForwards, relay } from "./examples.ts";
import { forward } from "./forwards.ts";
import { portsOf } from "./publishedForwards.ts";

test("renders a home's guard", () => {
  expect(renderGuard({ home: nas, relay, forwards: nasForwards })).toMatchSnapshot();
});

test("a home without forwards opens nothing", () => {
  expect(renderGuard({ home: nas, relay, forwards: [] })).not.toContain("elements");
});

test("opens the port at home, not the published one, and each protocol by itself", () => {
  const forwards = ["80:8080", "53:5353/tcp+udp", "50000-50002:50010-50012/udp"].map(parseForward);
  const guard = renderGuard({ home: nas, relay, forwards });
  expect(
    /elements = \{([^}]*)\}/
      .exec(guard)?.[1]
      ?.split(",")
      .map((port) => port.trim()),
  ).toEqual(["tcp . 5353", "tcp . 8080", "udp . 5353", "udp . 50010-50012", ""]);
});

describe("targetPorts", () => {
  test("are the union of the forwards' targets, each port once", () => {
    fc.assert(
      fc.property(
        fc.array(forward({ within: 300 }), { maxLength: 30, size: "max" }),
        fc.constantFrom("tcp", "udp"),
        (forwards, protocol) => {
          const wanted = forwards.filter(({ protocols }) => protocols.includes(protocol));
          const union = new Set(wanted.flatMap(({ target }) => portsOf(target)));
          expect(targetPorts(forwards, protocol).flatMap(portsOf)).toEqual([...union].sort((a, b) => a - b));
        },
      ),
    );
  });
});
