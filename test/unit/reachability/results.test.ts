import { expect, test } from "@jest/globals";
import { readReachability } from "../../../components/reachability/results.ts";

test("is read from the last line that is meant for a program, whatever else is said", () => {
  const said = [
    "another home-relay step is running on this host; waiting for its end",
    "tcp 80: open",
    'reachability {"80/tcp":{"ipv4":"open","ipv6":"not tried: this home has no IPv6 of its own"}}',
    "",
  ].join("\n");
  expect(readReachability(said)).toEqual({
    "80/tcp": { ipv4: "open", ipv6: "not tried: this home has no IPv6 of its own" },
  });
});

test("is empty where an older version of the proof ran", () => {
  expect(readReachability("tcp 80: open\n")).toEqual({});
});
