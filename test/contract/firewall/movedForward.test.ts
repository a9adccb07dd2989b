import { describe, expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { parseForward } from "../../../components/network/forward.ts";
import type { PublishedForward } from "../../../components/network/publishedForward.ts";
import { firewall, media, nas, toHome } from "../../unit/generators/examples.ts";
import { at, inRelayWorld } from "./relayWorld.ts";

const to = (home: PublishedForward["address"], ...forwards: readonly string[]) =>
  toHome(home, forwards.map(parseForward));
const rules = (...forwards: readonly PublishedForward[][]) =>
  renderRelayRuleset({ ...firewall, forwards: forwards.flat() });

const services = `
  serve nas 5000 nas-5000; serve nas 5001 nas-5001; serve media 5000 media-5000; serve media 5001 media-5001`;
/** The client asks from one and the same port, once at each address of the relay's; an answer is the first one. */
const asks = (port: number) =>
  `{ ask outside 4000 ${at.relay.ipv4} ${port}; ask outside 4000 ${at.relay.ipv6} ${port}; }`;
const answers = (word: string) =>
  `${word} sees ${at.stranger.ipv4} 4000\n${word} sees ${at.stranger.ipv6} 4000\n`;

describe("an open UDP flow follows its forward with the next packet", () => {
  test.each([
    ["to another port", to(nas, "5000:5000/udp"), to(nas, "5000:5001/udp"), "nas-5001"],
    ["to another home", to(nas, "5000:5000/udp"), to(media, "5000:5000/udp"), "media-5000"],
    [
      "from a port that changed on the way to one that stays",
      to(nas, "5000:5001/udp"),
      to(nas, "5000/udp"),
      "nas-5000",
    ],
    ["out of a range", to(nas, "4999-5001/udp"), to(nas, "5000:5001/udp"), "nas-5001"],
    ["into a range that is shifted", to(nas, "5000/udp"), to(media, "4999-5000:5000-5001/udp"), "media-5001"],
    ["as a range, to another home", to(nas, "5000-5001/udp"), to(media, "5000-5001/udp"), "media-5000"],
  ])("%s", (_, before, after, word) => {
    const said = inRelayWorld(
      { before: rules(before), after: rules(after) },
      services,
      `load before; ${asks(5000)} >/dev/null; load after; ${asks(5000)}`,
    );
    expect(said).toBe(answers(word));
  });

  test("each time, there and back, whatever else is loaded in between", () => {
    const ways = [to(nas, "5000/udp"), to(nas, "5000:5001/udp"), to(media, "5000/udp"), to(nas, "5000/udp")];
    const files = Object.fromEntries(ways.map((way, i) => [`rules${i}`, rules(way)]));
    const other = Object.fromEntries(ways.map((way, i) => [`other${i}`, rules(way, to(media, "7000/udp"))]));
    const said = inRelayWorld(
      { ...files, ...other },
      services,
      ...ways.map((_, i) => `load rules${i}; ${asks(5000)}; load other${i}; ${asks(5000)}`),
    );
    const words = ["nas-5000", "nas-5001", "media-5000", "nas-5000"];
    expect(said).toBe(words.map((word) => answers(word).repeat(2)).join(""));
  });
});

describe("what a service sends in an open flow after its forward has changed", () => {
  /** The service at 5000 sends of its own accord to the client who asked before. */
  const sends = `
    stop; serve outside 4000 client
    ask nas 5000 ${at.stranger.ipv4} 4000; ask nas 5000 ${at.stranger.ipv6} 4000`;
  const after = (forwards: PublishedForward[]) =>
    inRelayWorld(
      { before: rules(to(nas, "5000/udp")), after: rules(forwards) },
      `serve nas 5000 nas; load before; ${asks(5000)} >/dev/null; load after`,
      sends,
    );
  const none = "no answer\nno answer\n";

  test("goes nowhere when it leads elsewhere now, or nowhere", () => {
    expect(after(to(nas, "5000:5001/udp"))).toBe(none);
    expect(after(to(media, "5000/udp"))).toBe(none);
    expect(after(to(nas, "5002/udp"))).toBe(none);
    expect(after([])).toBe(none);
  });

  test("arrives as before when another one has changed", () => {
    const relayAt5000 = `client sees ${at.relay.ipv4} 5000\nclient sees ${at.relay.ipv6} 5000\n`;
    expect(after(to(nas, "5000/udp", "6000:6001/udp"))).toBe(relayAt5000);
    expect(after(to(nas, "5000-5001/udp", "6000/udp"))).toBe(relayAt5000);
  });
});

describe("an error is told through a flow", () => {
  test("of a service that is not there, to the stranger, and of a stranger who has gone, to the service", () => {
    const said = inRelayWorld(
      { rules: rules(to(nas, "5000:5001/udp", "5002/udp")) },
      `load rules; ${asks(5002)}`,
      `serve nas 5001 nas; ${asks(5000)} >/dev/null; stop`,
      `ask nas 5001 ${at.stranger.ipv4} 4000; ask nas 5001 ${at.stranger.ipv6} 4000`,
    );
    expect(said).toBe("refused\n".repeat(4));
  });
});
