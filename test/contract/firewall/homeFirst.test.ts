import { describe, expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange as port } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import type { PublishedForward } from "../../../components/network/publishedForward.ts";
import { firewall, media, nas, relay, toHome } from "../../unit/generators/examples.ts";
import { at, inRelayWorld } from "./relayWorld.ts";

const rules = (forwards: readonly PublishedForward[], shared = false) =>
  renderRelayRuleset({ ...firewall, forwards, shared });
const nasForwards = (...forwards: readonly string[]) => toHome(nas, forwards.map(parseForward));

/** The stranger is there, and nobody remembers him. */
const stranger = "serve outside 4000 stranger";
/** A program at a home sends from a port to the stranger, once at each address. */
const sends = (from: number, name = "nas") =>
  `ask ${name} ${from} ${at.stranger.ipv4} 4000; ask ${name} ${from} ${at.stranger.ipv6} 4000`;
const heardFrom = (published: number) =>
  `stranger sees ${at.relay.ipv4} ${published}\nstranger sees ${at.relay.ipv6} ${published}\n`;
const nothing = "no answer\nno answer\n";

describe("a UDP service at home that is the first to send", () => {
  const forwards = nasForwards(
    "5000:5001/udp",
    "6000-6002/udp",
    "7000-7002:7100-7102/udp",
    "7003:6001/udp",
    "443",
  );

  test("is heard from its published port, and hears the answer, on a machine of our own or of others", () => {
    for (const shared of [false, true]) {
      const said = inRelayWorld(
        { rules: rules(forwards, shared) },
        `load rules; ${stranger}; ${[5001, 6002, 7101].map((from) => sends(from)).join("; ")}`,
      );
      expect(said).toBe([5000, 6002, 7001].map(heardFrom).join(""));
    }
  });

  test("goes on with a stranger who was forwarded to it before the relay forgot him", () => {
    const said = inRelayWorld(
      { rules: rules(forwards) },
      `load rules; serve nas 5001 nas; ask outside 4000 ${at.relay.ipv4} 5000; stop; on relay conntrack --flush`,
      `${stranger}; ask nas 5001 ${at.stranger.ipv4} 4000; stop`,
      `serve nas 5001 nas; ask outside 4000 ${at.relay.ipv4} 5000`,
    );
    expect(said).toBe(
      `nas sees ${at.stranger.ipv4} 4000\nstranger sees ${at.relay.ipv4} 5000\nnas sees ${at.stranger.ipv4} 4000\n`,
    );
  });

  test("is heard from the lowest of the ports that lead to it", () => {
    const said = inRelayWorld({ rules: rules(forwards) }, `load rules; ${stranger}; ${sends(6001)}`);
    expect(said).toBe(heardFrom(6001));
    const lower = nasForwards("6001/udp", "5999:6001/udp");
    expect(inRelayWorld({ rules: rules(lower) }, `load rules; ${stranger}; ${sends(6001)}`)).toBe(
      heardFrom(5999),
    );
  });

  test("goes on, or ends, with its forward", () => {
    const said = inRelayWorld(
      {
        before: rules(forwards),
        other: rules([...forwards, ...toHome(media, [parseForward("9000/udp")])]),
        after: rules(nasForwards("6000-6002/udp")),
      },
      `load before; ${stranger}; ${sends(5001)}; load other; ${sends(5001)}; load after; ${sends(5001)}`,
      // The stranger goes on, too, and finds nobody.
      `stop; serve nas 5001 nas; ask outside 4000 ${at.relay.ipv4} 5000; ask outside 4000 ${at.relay.ipv6} 5000`,
    );
    expect(said).toBe(heardFrom(5000).repeat(2) + nothing + nothing);
  });
});

describe("nothing else of a home leaves by the relay", () => {
  const prefix = ["198.51.100.0/24", "2001:db8:2::/64"].map(parsePrefix);
  const all = [
    ...nasForwards("5000/udp", "443"),
    ...toHome(nas, [
      createForward(port("5010"), port("5010"), "udp", { from: prefix }),
      createForward(port("5011"), port("5011"), "udp", { clientIp: "masquerade" }),
      createForward(port("5012"), port("5012"), "udp", { to: "192.168.1.50" }),
    ]),
  ];

  test.each([
    ["from a port at which no forward arrives, or one that is over TCP", [4999, 443]],
    ["from a forward that is open to some only", [5010]],
    ["from one that hides the caller", [5011]],
    ["from one to another machine in the LAN", [5012]],
  ])("%s", (_, ports) => {
    const said = inRelayWorld(
      { rules: rules(all) },
      `load rules; ${stranger}; ${ports.map((from) => sends(from)).join("; ")}`,
    );
    expect(said).toBe(nothing.repeat(ports.length));
  });

  test("from the same port of another home", () => {
    const said = inRelayWorld({ rules: rules(all) }, `load rules; ${stranger}; ${sends(5000, "media")}`);
    expect(said).toBe(nothing);
  });

  test("over TCP", () => {
    const said = inRelayWorld(
      { rules: rules(nasForwards("443/tcp+udp")) },
      `load rules; listen outside 4000; connect nas ${at.stranger.ipv4} 4000 1; connect nas ${at.stranger.ipv6} 4000 1`,
    );
    expect(said).toBe("0\n0\n");
  });

  test.each([false, true])(
    "to the relay, to another home or to a network behind the relay; shared: %s",
    (shared) => {
      const to = [
        at.relay.ipv4,
        at.relay.ipv6,
        relay.ipv4,
        relay.ipv6,
        media.ipv4,
        media.ipv6,
        "10.5.0.2",
        "fd05::2",
      ];
      const said = inRelayWorld(
        { rules: rules(all, shared) },
        // Of the relay's owner or provider, and private.
        `ip -n relay address add 10.5.0.1/24 dev eth0; ip -n outside address add 10.5.0.2/24 dev eth0
       ip -n relay address add fd05::1/64 dev eth0 nodad; ip -n outside address add fd05::2/64 dev eth0 nodad
       load rules; serve relay 4000 relay; serve media 4000 media; serve outside 4000 private`,
        ...to.map((address) => `ask nas 5000 ${address} 4000`),
      );
      expect(said).toBe("no answer\n".repeat(to.length));
    },
  );
});
