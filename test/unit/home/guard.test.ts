import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderGuard, openPorts } from "../../../components/home/guard.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import type { Forward } from "../../../components/network/forward.ts";
import type { PortRange } from "../../../components/network/port.ts";
import { elements, protocolPorts } from "../generators/elements.ts";
import { nas, nasForwards, optionedForwards, relay } from "../generators/examples.ts";
import { forward } from "../generators/forwards.ts";
import { homeForwards, portsOf } from "../generators/publishedForwards.ts";

test("renders a home's guard", () => {
  expect(renderGuard({ home: nas, relay, forwards: nasForwards })).toMatchSnapshot();
});

test("no element of a map has a timeout of its own: nft 0.9.8 takes it, and leaves it out", () => {
  expect(renderGuard({ home: nas, relay, forwards: nasForwards })).not.toMatch(
    /\{[^}\n]* timeout [^}\n]* : /,
  );
});

test("a home without forwards opens nothing", () => {
  const guard = renderGuard({ home: nas, relay, forwards: [] });
  expect(guard).not.toContain("elements");
  expect(guard).not.toContain("udp . ");
});

test("renders the guard of a home with a machine in the LAN behind it", () => {
  expect(renderGuard({ home: nas, relay, forwards: optionedForwards })).toMatchSnapshot();
});

test("opens the port at home, not the published one, and each protocol by itself", () => {
  const forwards = ["80:8080", "81:8081", "53:5353/tcp+udp", "50000-50002:50010-50012/udp"].map(parseForward);
  const guard = renderGuard({ home: nas, relay, forwards });
  expect(elements(guard, "open")).toEqual(["tcp . 5353", "tcp . 8080", "tcp . 8081", "udp . 5353"]);
  expect(elements(guard, "open_ranges")).toEqual(["udp . 50010-50012"]);
});

test("opens exactly the targets of its own forwards", () => {
  fc.assert(
    fc.property(homeForwards(), (forwards) => {
      const open = openOf(renderGuard({ home: nas, relay, forwards }), "open");
      expect(open).toEqual(everyPortOf(forwards.filter(isOwn), ({ target }) => target));
    }),
  );
});

test("lets through for the LAN exactly the published ports of the forwards to it", () => {
  fc.assert(
    fc.property(homeForwards(), (forwards) => {
      const open = openOf(renderGuard({ home: nas, relay, forwards }), "lan_open");
      const lan = forwards.filter((forward) => !isOwn(forward));
      expect(open).toEqual(everyPortOf(lan, ({ published }) => published));
    }),
  );
});

test("translates each port for the LAN to its machine and target, and masquerades exactly these", () => {
  fc.assert(
    fc.property(homeForwards(), (forwards) => {
      const guard = renderGuard({ home: nas, relay, forwards });
      const ways = forwards.flatMap(({ published, target, protocols, to }) =>
        protocols.flatMap((protocol) =>
          portsOf(published).flatMap((arrival, i) =>
            to === undefined ? [] : [{ protocol, arrival, to, port: portsOf(target)[i] ?? 0 }],
          ),
        ),
      );
      expect(elements(guard, "lan").sort()).toEqual(
        ways.map(({ protocol, arrival, to, port }) => `${protocol} . ${arrival} : ${to} . ${port}`).sort(),
      );
      expect(elements(guard, "lan_targets").sort()).toEqual(
        [...new Set(ways.map(({ protocol, to, port }) => `${to} . ${protocol} . ${port}`))].sort(),
      );
    }),
  );
});

test("translates as many ports as there are", () => {
  const all = createForward({ first: 1, last: 65534 }, { first: 2, last: 65535 }, "tcp+udp", {
    to: "192.168.1.50",
  });
  const lan = elements(renderGuard({ home: nas, relay, forwards: [all] }), "lan");
  expect([lan.length, lan.at(-1)]).toEqual([2 * 65534, "udp . 65534 : 192.168.1.50 . 65535"]);
});

test("the chains are the same whatever is forwarded, but that a forward to the LAN and one of UDP bring theirs", () => {
  const chains = (forwards: readonly Forward[]) =>
    renderGuard({ home: nas, relay, forwards }).replace(/^[^]*?(?=\tchain )/, "");
  const toLan = optionedForwards.filter((forward) => !isOwn(forward)).slice(0, 1);
  const ofUdp = [parseForward("5000/udp")];
  const isUdp = (forward: Forward) => isOwn(forward) && forward.protocols.includes("udp");
  expect(new Set([[], toLan, ofUdp, [...toLan, ...ofUdp]].map(chains)).size).toBe(4);
  fc.assert(
    fc.property(homeForwards(), (forwards) =>
      expect(chains(forwards)).toBe(
        chains([...(forwards.every(isOwn) ? [] : toLan), ...(forwards.some(isUdp) ? ofUdp : [])]),
      ),
    ),
  );
});

test("only a home that passes packets on for us has to be kept from being a router for others", () => {
  const toLan = optionedForwards.filter((forward) => !isOwn(forward));
  const rule = 'iifname != "homerelay" oifname != "homerelay" goto others';
  expect(renderGuard({ home: nas, relay, forwards: toLan })).toContain(rule);
  expect(renderGuard({ home: nas, relay, forwards: nasForwards })).not.toContain("chain others");
});

describe("openPorts", () => {
  test("are the union of the ports at which forwards arrive, each port once", () => {
    fc.assert(
      fc.property(
        fc.array(forward({ within: 300 }), { maxLength: 30, size: "max" }),
        fc.constantFrom("tcp", "udp"),
        (forwards, protocol) => {
          const wanted = forwards.filter(({ protocols }) => protocols.includes(protocol));
          const union = new Set(
            wanted.flatMap(({ published, target, to }) => portsOf(to === undefined ? target : published)),
          );
          expect(openPorts(forwards, protocol).flatMap(portsOf)).toEqual([...union].sort((a, b) => a - b));
        },
      ),
    );
  });
});

/** Single ports and ranges, each port once. */
function openOf(guard: string, name: "open" | "lan_open"): string[] {
  return [...new Set(protocolPorts([name, `${name}_ranges`].flatMap((set) => elements(guard, set))))];
}

function isOwn({ to }: Forward): boolean {
  return to === undefined;
}

/** Each `tcp 80` once. */
function everyPortOf(forwards: readonly Forward[], range: (forward: Forward) => PortRange): string[] {
  const all = forwards.flatMap((one) =>
    one.protocols.flatMap((protocol) => portsOf(range(one)).map((port) => `${protocol} ${port}`)),
  );
  return [...new Set(all)].sort();
}
