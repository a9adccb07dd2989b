import { expect, test } from "@jest/globals";
import { peerAddress } from "../../../components/network/addressPlan.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import { forwarding, hostKey, media, nas, problemsOf, refuses, ssh, sshOf, vps } from "./stackFiles.ts";

refuses("of a home", [
  [
    "an endpoint that is no family",
    { homes: [{ ...nas, endpoint: "203.0.113.5" }] },
    'home-relay:homes[0].endpoint: must be one of ipv4, ipv6; found "203.0.113.5"\n  write ipv4',
  ],
  [
    "a call over IPv6 from a home that has none",
    { homes: [{ ...nas, ipv6: false, endpoint: "ipv6" }] },
    "home-relay:homes[0].endpoint: calls the relay over IPv6, and home-relay:homes[0].ipv6 says that there is none; found ipv6\n" +
      "  write endpoint: ipv4, or remove ipv6: false",
  ],
  [
    "none",
    { homes: [] },
    'home-relay:homes: has no home: write at least one, under homes:\n  a home needs name, ssh and forwards, for example forwards: ["80:8080"]',
  ],
  [
    "no forward",
    forwarding(),
    'home-relay:homes[0].forwards: has no forward, so nothing would reach this home\n  a home needs name, ssh and forwards, for example forwards: ["80:8080"]',
  ],
  [
    "forwards left out",
    { homes: [{ name: "nas", ssh }] },
    'home-relay:homes[0].forwards: is missing\n  write it, for example: forwards: ["80:8080"]',
  ],
  [
    "no name",
    { homes: [{ ...nas, name: undefined }] },
    "home-relay:homes[0].name: is missing\n  write it, for example: name: nas",
  ],
  [
    "a bad name",
    { homes: [{ ...nas, name: "My NAS" }] },
    'home-relay:homes[0].name: must be 1 to 20 lower-case letters, digits and hyphens, beginning with a letter; found "My NAS"\n  write a short name, like nas',
  ],
  [
    "a repeated name",
    { homes: [nas, { ...media, name: "nas", forwards: ["81"] }] },
    'home-relay:homes[1].name: repeats home-relay:homes[0].name; found "nas" in both\n  give each home and each device a name of its own',
  ],
  [
    "install",
    { homes: [{ ...nas, install: "manuel" }] },
    'home-relay:homes[0].install: must be one of ssh, local, manual; found "manuel"\n  write manual',
  ],
  [
    "no ssh",
    { homes: [{ name: "nas", forwards: ["80"] }] },
    'home-relay:homes[0].ssh: is missing\n  write it, for example: ssh: { host: 192.168.1.10, hostKey: "ssh-ed25519 AAAA..." }; ' +
      "or install: local where this machine is the home, or install: manual",
  ],
]);

refuses("one machine twice", [
  [
    "as two homes",
    { homes: [nas, { ...media, ssh: nas.ssh, forwards: ["81"] }] },
    'home-relay:homes[1].ssh.host: is the machine of home-relay:homes[0]; found "192.168.1.10" port 22 in both\n' +
      "  a machine is one home, with all of its forwards, and no relay besides: remove one of the two",
  ],
  [
    "as the relay and a home",
    { relay: vps, homes: [{ ...nas, ssh: { host: vps.host, hostKey } }] },
    'home-relay:homes[0].ssh.host: is the machine of home-relay:relay; found "203.0.113.5" port 22 in both\n' +
      "  a machine is one home, with all of its forwards, and no relay besides: remove one of the two",
  ],
]);

test("refuses two homes whose names give one tunnel address", () => {
  const prefix4 = parsePrefix("10.0.0.0/28");
  const address = (name: string) => peerAddress(prefix4, parsePrefix("fd77::/64"), name).ipv4;
  const twin = Array.from({ length: 200 }, (_, i) => `home${i}`).find(
    (name) => address(name) === address("nas"),
  );
  if (twin === undefined) throw new Error("unreachable: 13 addresses, 200 names");
  expect(
    problemsOf({
      tunnel: { prefix4: "10.0.0.0/28" },
      homes: [nas, { ...media, name: twin, forwards: ["81"] }],
    }),
  ).toEqual([
    `home-relay:homes[1].name: gives the tunnel address ${address("nas")}, as home-relay:homes[0].name does; found "${twin}" and "nas"\n` +
      "  rename one of the two: the address comes from the name",
  ]);
});

test("compares what is right in a home of which another part is wrong", () => {
  const { homes } = sshOf({ host: "10.77.3.4", user: 1 });
  const problems = problemsOf({ homes: [...homes, { ...nas, name: "No" }] });
  expect(problems.map((problem) => problem.split(";")[0])).toEqual([
    "home-relay:homes[0].ssh.user: must be text",
    "home-relay:homes[1].name: must be 1 to 20 lower-case letters, digits and hyphens, beginning with a letter",
    "home-relay:homes[1].forwards[0]: publishes 80/tcp for home-relay:homes[1], which home-relay:homes[0].forwards[0] publishes for home nas",
    "home-relay:homes[0].ssh.host: lies within the tunnel's own addresses, 10.77.0.0/16",
  ]);
});

test("a home and a device that call the IPv6 address of a relay without one are refused, both at once", () => {
  const mend =
    "calls the relay at its IPv6 address, and it has none; found ipv6\n" +
    "  write the relay's into home-relay:relay.ipv6, or endpoint: ipv4";
  const over6 = { homes: [{ ...nas, endpoint: "ipv6" }], devices: [{ name: "phone", endpoint: "ipv6" }] };
  expect(problemsOf({ relay: vps, ...over6 })).toEqual([
    `home-relay:homes[0].endpoint: ${mend}`,
    `home-relay:devices[0].endpoint: ${mend}`,
  ]);
  expect(problemsOf({ relay: { ...vps, ipv6: "2001:db8::1" }, ...over6 })).toEqual([]);
  expect(problemsOf(over6)).toEqual([]);
});
