import { expect, test } from "@jest/globals";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { listProbes, renderProbes } from "../../../components/reachability/probes.ts";
import { mediaForwards, nasForwards } from "../generators/examples.ts";

test("tries each protocol of each forward, and both ends of a range", () => {
  expect(renderProbes("203.0.113.5", listProbes([...nasForwards, ...mediaForwards]))).toBe(`\
address 203.0.113.5
tcp 80 8080 home anybody
tcp 443 8081 home anybody
tcp 64738 64738 home anybody
udp 64738 64738 home anybody
udp 50000 50000 home anybody
udp 50002 50002 home anybody
tcp 2200 22 home anybody
tcp 2201 23 home anybody
`);
});

test("a range of one port is tried once", () => {
  expect(renderProbes("203.0.113.5", listProbes([parseForward("80-80:81")]))).toBe(
    "address 203.0.113.5\ntcp 80 81 home anybody\n",
  );
});

test("names the machine in the LAN that is behind a port", () => {
  const camera = createForward(parsePortRange("8554-8555"), parsePortRange("554-555"), "tcp", {
    to: "192.168.1.50",
  });
  expect(renderProbes("203.0.113.5", listProbes([camera, parseForward("80")]))).toBe(`\
address 203.0.113.5
tcp 8554 554 192.168.1.50 anybody
tcp 8555 555 192.168.1.50 anybody
tcp 80 80 home anybody
`);
});

test("says which forwards only some may reach, so that a home knows which knocks may fail", () => {
  const office = createForward(parsePortRange("2200"), parsePortRange("22"), "tcp", {
    from: [parsePrefix("192.0.2.0/24")],
  });
  expect(renderProbes("203.0.113.5", listProbes([office]))).toBe(
    "address 203.0.113.5\ntcp 2200 22 home some\n",
  );
});
