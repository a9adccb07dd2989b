import { expect, test } from "@jest/globals";
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
