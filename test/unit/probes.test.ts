import { expect, test } from "@jest/globals";
import { parseForward } from "../../components/network/forward.ts";
import { listProbes, renderProbes } from "../../components/reachability/probes.ts";
import { mediaForwards, nasForwards } from "./examples.ts";

test("tries each protocol of each forward, and both ends of a range", () => {
  expect(renderProbes("203.0.113.5", listProbes([...nasForwards, ...mediaForwards]))).toBe(`\
address 203.0.113.5
tcp 80 8080
tcp 443 8081
tcp 64738 64738
udp 64738 64738
udp 50000 50000
udp 50002 50002
tcp 2200 22
tcp 2201 23
`);
});

test("a range of one port is tried once", () => {
  expect(renderProbes("203.0.113.5", listProbes([parseForward("80-80:81")]))).toBe(
    "address 203.0.113.5\ntcp 80 81\n",
  );
});
