import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { renderSysctls } from "../../../components/home/sysctls.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { mediaForwards, nasForwards, optionedForwards } from "../generators/examples.ts";
import { homeForwards, ownUdpPorts, portsOf } from "../generators/publishedForwards.ts";

test("kernel settings reserve the UDP ports at home, and none for TCP", () => {
  const forwards = [...nasForwards, ...mediaForwards, parseForward("53:5353/udp")];
  expect(renderSysctls(forwards)).toBe(`\
net.ipv4.conf.all.src_valid_mark=1
net.ipv4.ip_local_reserved_ports+=5353,50000-50002,64738
-net.netfilter.nf_conntrack_checksum=0
-net.netfilter.nf_conntrack_udp_timeout_stream>=180
`);
  expect(renderSysctls([parseForward("80")])).toBe("net.ipv4.conf.all.src_valid_mark=1\n");
});

test("they let packets through to a machine in the LAN, whose ports are its own", () => {
  expect(renderSysctls(optionedForwards)).toBe(`\
net.ipv4.conf.all.src_valid_mark=1
net.ipv4.ip_forward=1
`);
});

test("they reserve the UDP targets of the home's own forwards, and pass on only with a machine in the LAN", () => {
  fc.assert(
    fc.property(homeForwards({ most: 40 }), (forwards) => {
      const lines = renderSysctls(forwards).trimEnd().split("\n");
      const settings = new Map(lines.map((line) => line.split(/\+?=/) as [string, string]));
      const reserved = settings.get("net.ipv4.ip_local_reserved_ports")?.split(",") ?? [];
      expect(reserved.map(parsePortRange).flatMap(portsOf)).toEqual(ownUdpPorts(forwards));
      const passesOn = forwards.some(({ to }) => to !== undefined);
      expect(settings.get("net.ipv4.ip_forward")).toBe(passesOn ? "1" : undefined);
    }),
  );
});
