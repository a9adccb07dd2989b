import { expect, test } from "@jest/globals";
import { placeOnTheWay } from "../../../components/network/sshThroughRelay.ts";
import { operatorAccess } from "../componentArguments.ts";

const places = { relay: ["203.0.113.5", "2001:db8::5", "home.example.org", "vps"], tunnel: ["10.77.3.4"] };
const way = (change: object) => placeOnTheWay({ ...operatorAccess, ...change }, places);
const jump = (host: string) => ({
  jump: { host, port: 22, user: "root", hostKey: undefined, identityFile: undefined },
});

test("SSH to a home leads through the relay by its addresses and names, and by those in the tunnel", () => {
  expect(
    ["203.0.113.5", "2001:db8::5", "Home.Example.org.", "vps", "10.77.3.4"].map((host) => way({ host })),
  ).toEqual(["203.0.113.5", "2001:db8::5", "Home.Example.org.", "vps", "10.77.3.4"]);
});

test("and by a jump host that is the relay, but by no other place", () => {
  expect(way(jump("vps"))).toBe("vps");
  expect([way({}), way({ host: "www.example.org" }), way(jump("gate"))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
