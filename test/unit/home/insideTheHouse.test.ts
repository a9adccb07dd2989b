import { expect, test } from "@jest/globals";
import { describeInside } from "../../../components/home/insideTheHouse.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";

const names = ["example.org", "www.example.org"];
const home = (...forwards: readonly string[]) => ({ name: "nas", forwards: forwards.map(parseForward) });

test("where every port is the same at home, a resolver may answer with the home's own address", () => {
  expect(describeInside(home("443", "50000-50100/udp"), names, false)).toBe(
    "a resolver in the LAN (Pi-hole, dnsmasq, unbound) may answer example.org, www.example.org with the address that nas has there",
  );
});

test("each port that is another one at home is named", () => {
  const lan = createForward(parsePortRange("8443"), parsePortRange("443"), "tcp", { to: "192.168.1.50" });
  const { name, forwards } = home("80:8080", "443", "2200-2201:22-23");
  expect(describeInside({ name, forwards: [...forwards, lan] }, ["example.org"], false)).toBe(
    "from the LAN too, example.org is reached by the relay. A resolver there could not answer with the address of nas: " +
      "port 80 is 8080 there; port 2200-2201 is 22-23 there; port 8443 is 443 of 192.168.1.50",
  );
});

test("names that lead to other homes as well stay with the relay", () => {
  expect(describeInside(home("443"), ["example.org"], true)).toContain(
    ": the names lead to other homes as well",
  );
});

test("without a name there is nothing to tell", () => {
  expect(describeInside(home("80:8080"), [], false)).toBeUndefined();
});
