import { describe, expect, test } from "@jest/globals";
import { readMeasured, readProof, readReachability } from "../../../components/reachability/results.ts";

test("is read from the last line that is meant for a program, whatever else is said", () => {
  const said = [
    "another home-relay step is running on this host; waiting for its end",
    "tcp 80: open",
    'measured {"at":1796000000,"ports":{"80/tcp":{"ipv4":{"saw":"198.51.100.77","milliseconds":3.2}}}}',
    'reachability {"80/tcp":{"ipv4":"open","ipv6":"not tried: this home has no IPv6 of its own"}}',
    "",
  ].join("\n");
  expect(readReachability(said)).toEqual({
    "80/tcp": { ipv4: "open", ipv6: "not tried: this home has no IPv6 of its own" },
  });
  expect(readMeasured(said)).toEqual({
    at: 1796000000,
    ports: { "80/tcp": { ipv4: { saw: "198.51.100.77", milliseconds: 3.2 } } },
  });
});

test("is empty where an older version of the proof ran", () => {
  expect(readProof("tcp 80: open\n")).toEqual({ reachability: {}, measured: undefined });
});

describe("of a home in the wrong hands", () => {
  test("steers no terminal and says no sentence of its own", () => {
    const said = [
      String.raw`measured {"at":1796000000,"ports":{"80/tcp":{"ipv4":{"saw":"\u001b[2J all is well","milliseconds":"\u001b[2J"}}}}`,
      String.raw`reachability {"80/tcp":{"ipv4":"open\u001b]0;owned\u0007\n  443: open\u202e"},"\u001b[2J":{"ipv4":"open"}}`,
    ].join("\n");
    expect(readProof(said)).toEqual({
      reachability: { "80/tcp": { ipv4: "open]0;owned  443: open" } },
      measured: { at: 1796000000, ports: { "80/tcp": { ipv4: {} } } },
    });
  });

  test.each([
    ["measured {"],
    ["measured null"],
    ['measured {"at":1e300,"ports":{}}'],
    ['measured {"at":"now","ports":[]}'],
    ["reachability {"],
    ["reachability 7"],
    ['reachability {"80/tcp":null}'],
    ['reachability {"80/tcp":{"ipv4":{"startsWith":1}}}'],
  ])("ends nothing by %s", (said) => {
    expect(readProof(said)).toEqual({ reachability: {}, measured: undefined });
  });
});
