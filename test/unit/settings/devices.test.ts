import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { peerAddress } from "../../../components/network/addressPlan.ts";
import { renderAllowed } from "../../../components/network/device.ts";
import { parsePrefix } from "../../../components/network/prefix.ts";
import type { RawSettings } from "../../../components/settings/parseSettings.ts";
import * as stackFiles from "./stackFiles.ts";
import { hostKey, nas } from "./stackFiles.ts";

const media = { name: "media", ssh: { host: "192.168.2.10", hostKey }, forwards: ["81:8080"] };
const beside = (devices: unknown, change: Partial<RawSettings>) => ({
  homes: [nas, media],
  devices,
  ...change,
});
const parse = (devices: unknown, change: Partial<RawSettings> = {}) =>
  stackFiles.parse(beside(devices, change)).devices;
const problemsOf = (devices: unknown, change: Partial<RawSettings> = {}) =>
  stackFiles.problemsOf(beside(devices, change));

/** One device, `laptop`, beside another one, `phone`. */
const allowing = (...allow: unknown[]) => ["phone", { name: "laptop", allow }];

describe("devices", () => {
  test.each([[undefined], [null], [[]]])("are none where nothing is written: %j", (nothing) => {
    expect(parse(nothing)).toEqual([]);
  });

  test("may be a name alone, which reaches nothing", () => {
    expect(parse(["phone"])).toEqual([
      {
        name: "phone",
        tunnelAddress: peerAddress(parsePrefix("10.77.0.0/16"), parsePrefix("fd77::/64"), "phone"),
        allow: [],
        dns: [],
        endpoint: "ipv4",
      },
    ]);
  });

  test("reach what they are allowed to, each name with the address that it stands for", () => {
    const [phone, laptop] = parse([
      { name: "phone", allow: null, dns: ["9.9.9.9", "2620:FE::fe"] },
      {
        name: "laptop",
        allow: ["nas", "phone", "192.168.1.0/24 via nas", "10.9.8.7 via media", " internet  via nas"],
      },
    ]);
    expect(phone?.dns).toEqual(["9.9.9.9", "2620:fe::fe"]);
    expect(laptop?.allow.map(renderAllowed)).toEqual([
      "nas",
      "phone",
      "192.168.1.0/24 via nas",
      "10.9.8.7/32 via media",
      "internet via nas",
    ]);
    expect(laptop?.allow.slice(0, 2)).toEqual([
      { to: "home", peer: { name: "nas", tunnelAddress: { ipv4: "10.77.218.48", ipv6: "fd77::da30" } } },
      { to: "device", peer: { name: "phone", tunnelAddress: phone?.tunnelAddress } },
    ]);
  });

  test("may share a way out, and reach parts of one home's LAN that overlap", () => {
    const out = { allow: ["internet via nas", "192.168.1.0/24 via nas"] };
    const devices = [
      { name: "laptop", ...out },
      { name: "phone", allow: ["internet via nas", "192.168.1.50 via nas"] },
    ];
    expect(problemsOf(devices)).toEqual([]);
  });

  test("keep their addresses when others come and go", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-z]{3,8}$/), { minLength: 1, maxLength: 5 }),
        (names) => {
          fc.pre(problemsOf(names).length === 0);
          const alone = names.map((name) => parse([name])[0]?.tunnelAddress);
          expect(parse(names).map(({ tunnelAddress }) => tunnelAddress)).toEqual(alone);
        },
      ),
      { numRuns: 30 },
    );
  });
});

const forms = 'write the name of a home or a device, "192.168.1.0/24 via nas" or "internet via nas"';
const nameRule = "must be 1 to 20 lower-case letters, digits and hyphens, beginning with a letter; found";
const at = (i: number, j: number) => `home-relay:devices[${i}].allow[${j}]`;
const lanMend = 'write a part of the LAN, like "192.168.1.0/24 via nas"';

const refusals: readonly (readonly [string, unknown, string])[] = [
  [
    "a mapping of devices",
    { phone: {} },
    'home-relay:devices: must be a list; found {"phone":{}}\n  write its items as a YAML list',
  ],
  ["a text", "phone", 'home-relay:devices: must be a list; found "phone"\n  write it as ["phone"]'],
  [
    "a bad name",
    ["My Phone"],
    `home-relay:devices[0].name: ${nameRule} "My Phone"\n  write a short name, like nas`,
  ],
  [
    "no name",
    [{ allow: [] }],
    "home-relay:devices[0].name: is missing\n  write it, for example: name: phone",
  ],
  [
    "an unknown key",
    [{ name: "phone", alow: [] }],
    "home-relay:devices[0].alow: is not a setting\n  did you mean allow?",
  ],
  [
    "a device with a home's name",
    ["nas"],
    'home-relay:devices[0].name: repeats home-relay:homes[0].name; found "nas" in both\n  give each home and each device a name of its own',
  ],
  [
    "two devices of one name",
    ["phone", { name: "phone" }],
    'home-relay:devices[1].name: repeats home-relay:devices[0].name; found "phone" in both\n  give each home and each device a name of its own',
  ],
  [
    "an allow that is no list",
    [{ name: "phone", allow: "nas" }],
    'home-relay:devices[0].allow: must be a list; found "nas"\n  write it as ["nas"]',
  ],
  ["an allow that is no text", allowing(80), `${at(1, 0)}: must be text; found 80\n  ${forms}`],
  [
    "a sentence",
    allowing("nas via phone via x"),
    `${at(1, 0)}: must be what the device may reach; found "nas via phone via x"\n  ${forms}`,
  ],
  [
    "a via without its home",
    allowing("internet via"),
    `${at(1, 0)}: must be what the device may reach; found "internet via"\n  ${forms}`,
  ],
  ["capitals", allowing("NAS"), `${at(1, 0)}: must be what the device may reach; found "NAS"\n  ${forms}`],
  [
    "internet without its home",
    allowing("internet"),
    `${at(1, 0)}: does not say through which home; found "internet"\n  write "internet via nas"`,
  ],
  [
    "a LAN without its home",
    allowing("192.168.1.0/24"),
    `${at(1, 0)}: does not say through which home; found "192.168.1.0/24"\n  write "192.168.1.0/24 via nas"`,
  ],
  [
    "an unknown peer, with the nearest",
    allowing("fone"),
    `${at(1, 0)}: is neither a home nor a device; found "fone"\n  did you mean phone?`,
  ],
  [
    "an unknown peer, with those that are there",
    allowing("garden"),
    `${at(1, 0)}: is neither a home nor a device; found "garden"\n  known here: nas, media, phone`,
  ],
  [
    "an unknown home",
    allowing("internet via nass"),
    `${at(1, 0)}: goes through a home that is not there; found "nass"\n  did you mean nas?`,
  ],
  [
    "a way through a device",
    allowing("192.168.1.0/24 via phone"),
    `${at(1, 0)}: goes through a home that is not there; found "phone"\n  known here: nas, media`,
  ],
  [
    "the device itself",
    allowing("laptop"),
    `${at(1, 0)}: is the device itself; found "laptop"\n  remove it: nobody needs leave to reach himself`,
  ],
  [
    "a repetition",
    allowing("nas", "nas"),
    `${at(1, 1)}: repeats ${at(1, 0)}; found "nas" in both\n  remove one of them`,
  ],
  [
    "a public LAN",
    allowing("203.0.113.0/24 via nas"),
    `${at(1, 0)}: "203.0.113.0/24" is not within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, the space for private networks\n  ${lanMend}`,
  ],
  [
    "a LAN wider than private space",
    allowing("172.16.0.0/11 via nas"),
    `${at(1, 0)}: "172.16.0.0/11" has bits set after its length; did you mean 172.0.0.0/11?\n  ${lanMend}`,
  ],
  [
    "everything as a LAN",
    allowing("0.0.0.0/0 via nas"),
    `${at(1, 0)}: "0.0.0.0/0" is not within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, the space for private networks\n  ${lanMend}`,
  ],
  [
    "a LAN of IPv6",
    allowing("fd00:1::/64 via nas"),
    `${at(1, 0)}: "fd00:1::/64" is not an IPv4 prefix, and a LAN is reached over IPv4\n  ${lanMend}`,
  ],
  [
    "a LAN that holds the tunnel",
    allowing("10.0.0.0/8 via nas"),
    `${at(1, 0)}: overlaps the tunnel's own addresses, 10.77.0.0/16; found "10.0.0.0/8 via nas"\n  name the part of the LAN alone, or give the tunnel other addresses with home-relay:tunnel.prefix4`,
  ],
  [
    "LANs of two homes that overlap",
    allowing("192.168.1.0/24 via nas", "192.168.1.50 via media"),
    `${at(1, 1)}: leads to 192.168.1.50/32 through media, and ${at(1, 0)} to 192.168.1.0/24 through nas: the relay sends an address to one home\n` +
      "  name parts of the two LANs that do not overlap, or give one of the LANs other addresses",
  ],
  [
    "two ways to the internet",
    [
      { name: "phone", allow: ["internet via nas"] },
      { name: "laptop", allow: ["internet via media"] },
    ],
    `${at(1, 0)}: leads to the internet through media, and ${at(0, 0)} through nas; one home can be the way out of a stack\n` +
      '  write "internet via nas", or the other one in both',
  ],
  [
    "a resolver by name",
    [{ name: "phone", dns: ["dns.quad9.net"] }],
    'home-relay:devices[0].dns[0]: "dns.quad9.net" is not an IP address\n  write the address of a resolver, like "9.9.9.9"; a name would have to be looked up first',
  ],
  [
    "a resolver at home that a device whose traffic goes out there does not reach",
    [{ name: "phone", allow: ["internet via nas"], dns: ["192.168.1.1", "9.9.9.9"] }],
    'home-relay:devices[0].dns[0]: is in a private network, which the device does not reach with "internet via nas"; found "192.168.1.1"\n' +
      '  allow it as well, "192.168.1.1/32 via nas", or write a resolver on the internet, like "9.9.9.9"',
  ],
];

test("takes a resolver at home that the device is allowed, one in the tunnel, and any where its traffic stays its own", () => {
  const devices = [
    { name: "phone", allow: ["internet via nas", "192.168.1.0/24 via nas"], dns: ["192.168.1.1"] },
    { name: "tablet", allow: ["internet via nas", "nas"], dns: ["10.77.1.2"] },
    { name: "laptop", allow: ["nas"], dns: ["192.168.1.1"] },
  ];
  expect(problemsOf(devices)).toEqual([]);
});

describe("refuses", () => {
  test.each(refusals)("%s", (_, devices, problem) => {
    expect(problemsOf(devices)).toEqual([problem]);
  });

  test("a device whose name gives a home's tunnel address", () => {
    const prefix4 = "10.0.0.0/28";
    const address = (name: string) => peerAddress(parsePrefix(prefix4), parsePrefix("fd77::/64"), name).ipv4;
    const twin = Array.from({ length: 200 }, (_, i) => `device${i}`).find(
      (name) => address(name) === address("nas"),
    );
    expect(problemsOf([twin], { tunnel: { prefix4 }, homes: [nas] })).toEqual([
      `home-relay:devices[0].name: gives the tunnel address ${address("nas")}, as home-relay:homes[0].name does; found "${twin}" and "nas"\n` +
        "  rename one of the two: the address comes from the name",
    ]);
  });

  test("not a name that may be the one that was refused", () => {
    expect(problemsOf(allowing("media"), { homes: [nas, { ...media, name: "Media" }] })).toEqual([
      `home-relay:homes[1].name: ${nameRule} "Media"\n  write a short name, like nas`,
    ]);
  });

  test("what is wrong among the devices also where the homes cannot be read at all", () => {
    expect(problemsOf(allowing("nas", "nas"), { homes: {} })).toEqual([
      "home-relay:homes: must be a list; found {}\n  write its items as a YAML list",
      `${at(1, 1)}: repeats ${at(1, 0)}; found "nas" in both\n  remove one of them`,
    ]);
  });

  test("devices where the homes cannot be read at all, without a word about their names", () => {
    expect(problemsOf(allowing("nas"), { homes: {} })).toEqual([
      "home-relay:homes: must be a list; found {}\n  write its items as a YAML list",
    ]);
  });
});
