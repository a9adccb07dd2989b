import { describe, expect, test } from "@jest/globals";
import { findDanger } from "../../../components/settings/dangerousPorts.ts";
import { parseDestination, renderDestination } from "../../../components/setup/answers.ts";
import { listMissing, readFlags, splitList } from "../../../components/setup/flags.ts";
import { findHostKey, fingerprintOf, isSameKey } from "../../../components/setup/hostKeys.ts";
import { offerForwards, parseListeners } from "../../../components/setup/listeners.ts";
import { listOffers, renderPrice } from "../../../components/setup/relayOffers.ts";
import { parseSurroundings, suggestName } from "../../../components/setup/surroundings.ts";

describe("where a machine is", () => {
  test.each([
    ["192.168.1.10", "root", "192.168.1.10", 22],
    ["me@nas.lan", "me", "nas.lan", 22],
    ["me@nas:2222", "me", "nas", 2222],
    ["2001:db8::5", "root", "2001:db8::5", 22],
    ["me@[2001:db8::5]:2222", "me", "2001:db8::5", 2222],
    [" nas ", "root", "nas", 22],
  ])("%s", (text, user, host, port) => expect(parseDestination(text)).toEqual({ user, host, port }));

  test.each(["", "a b", "-oProxyCommand=x", "-l@nas", "me@", "nas:22:23", "ssh nas"])(
    "is no machine: %s",
    (text) => expect(() => parseDestination(text)).toThrow("must be like root@192.168.1.10"),
  );

  test("as a person types it after ssh", () => {
    expect(renderDestination({ user: "me", host: "nas", port: 22 })).toBe("me@nas");
    expect(renderDestination({ user: "me", host: "nas", port: 2222 })).toBe("-p 2222 me@nas");
  });
});

describe("a host key", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";

  test("is found among what ssh-keyscan and known_hosts print", () => {
    expect(findHostKey(`# nas:22 SSH-2.0-OpenSSH_9.2\nnas ssh-rsa AAAAB3\nnas ${key}\n`)).toBe(key);
    expect(findHostKey(`# Host nas found: line 3\r\n|1|a=|b= ${key} me@laptop\r\n`)).toBe(key);
    expect(findHostKey(`@cert-authority nas ${key}\n`)).toBeUndefined();
    expect(findHostKey("")).toBeUndefined();
  });

  // By ssh-keygen -l.
  const fingerprint = "SHA256:LxI7MxLaFp3b5dI5jU9LdR3uKCthZBNqTKstNPtMbWE";

  test("has the fingerprint that ssh-keygen shows, and is the same by either", () => {
    expect(fingerprintOf(key)).toBe(fingerprint);
    expect(isSameKey(fingerprint, key)).toBe(true);
    expect(isSameKey(`${key} root@nas`, key)).toBe(true);
    expect(isSameKey(fingerprint.toLowerCase(), key)).toBe(false);
    expect(isSameKey(`${key.slice(0, -1)}V`, key)).toBe(false);
  });
});

describe("what listens", () => {
  const lines = [
    `udp   UNCONN 0      0            0.0.0.0:68         0.0.0.0:*    users:(("dhclient",pid=1,fd=7))`,
    `udp   UNCONN 0      0            0.0.0.0:51820      0.0.0.0:*`,
    `udp   UNCONN 0      0               [::]:51820         [::]:*`,
    `udp   UNCONN 0      0      192.168.1.10%eth0:5000     0.0.0.0:*`,
    `udp   UNCONN 0      0            0.0.0.0:41234      0.0.0.0:*    users:(("avahi-daemon",pid=2,fd=14))`,
    `udp   UNCONN 0      0            0.0.0.0:5353       0.0.0.0:*    users:(("avahi-daemon",pid=2,fd=12))`,
    `tcp   LISTEN 0      128          0.0.0.0:22         0.0.0.0:*    users:(("sshd",pid=3,fd=3))`,
    `tcp   LISTEN 0      128             [::]:22            [::]:*    users:(("sshd",pid=3,fd=4))`,
    `tcp   LISTEN 0      4096   127.0.0.53%lo:53         0.0.0.0:*    users:(("systemd-resolve",pid=4,fd=15))`,
    `tcp   LISTEN 0      511                *:443              *:*    users:(("caddy",pid=5,fd=6))`,
    `tcp   LISTEN 0      511             [::1]:631            [::]:*    users:(("cupsd",pid=6,fd=6))`,
    `tcp   LISTEN 0      511          0.0.0.0:8096       0.0.0.0:*`,
    "what is this",
    "",
  ];

  test("is what other machines may call, once each", () => {
    expect(parseListeners(lines).map(({ protocol, port, program }) => [port, protocol, program])).toEqual([
      [22, "tcp", "sshd"],
      [68, "udp", "dhclient"],
      [443, "tcp", "caddy"],
      [5353, "udp", "avahi-daemon"],
      [8096, "tcp", undefined],
      [41234, "udp", "avahi-daemon"],
      [51820, "udp", undefined],
    ]);
  });

  test("is offered beside the relay's own ports, what is usual marked, what is dangerous said", () => {
    const offers = offerForwards(
      parseListeners(lines),
      ["22/tcp", "51820/udp"],
      (one) => findDanger(one)?.why,
    );
    expect(
      offers.map(({ text, service, isUsual, danger }) => [text, service, isUsual, danger?.slice(0, 28)]),
    ).toEqual([
      ["2222:22", "sshd", false, "the whole internet will try "],
      ["443", "caddy", true, undefined],
      ["5353/udp", "avahi-daemon", false, "what usually listens there a"],
      ["8096", "Jellyfin, as a rule", false, undefined],
    ]);
  });

  test("the port in another one's place is free", () => {
    const listeners = parseListeners(["tcp LISTEN 0 1 *:22 *:*", "tcp LISTEN 0 1 *:2222 *:*"]);
    expect(offerForwards(listeners, ["22/tcp"], () => undefined).map(({ text }) => text)).toEqual([
      "2223:22",
      "2222",
    ]);
  });

  test("a program's name does nothing to a file or a screen", () => {
    const [listener] = parseListeners(['tcp LISTEN 0 1 *:80 *:* users:(("a#b\u001b[2Jc",pid=1,fd=1))']);
    expect(listener?.program).toBe("ab2Jc");
  });
});

describe("what a machine sees around it", () => {
  test("is read as a whole", () => {
    expect(
      parseSurroundings(
        "name nas.lan\nroot yes\ncard 192.168.1.10\ncard 2001:db8::10\nrouter 100.64.0.7\nhops\nhop 3 100.64.0.1\nhop 1 192.168.1.1\nsocket tcp LISTEN 0 1 *:80 *:*\nend",
      ),
    ).toEqual({
      hostname: "nas.lan",
      canBeRoot: true,
      line: {
        cards: ["192.168.1.10"],
        hops: ["192.168.1.1", undefined, "100.64.0.1"],
        routerSays: "100.64.0.7",
      },
      addresses: ["192.168.1.10", "2001:db8::10"],
      listeners: [{ protocol: "tcp", port: 80, program: undefined }],
    });
  });

  test("or not at all", () => expect(parseSurroundings("name nas\nroot yes\n")).toBeUndefined());

  test.each([
    ["nas.lan", "nas"],
    ["NAS_1", "nas-1"],
    ["1-pi", "pi"],
    ["localhost", "home"],
    ["", "home"],
    ["a-very-long-name-of-a-server", "a-very-long-name-of"],
  ])("suggests a name: %s", (hostname, name) => expect(suggestName(hostname)).toBe(name));
});

describe("what Hetzner sells", () => {
  const price = (location: string, gross: string) => ({ location, price_monthly: { gross } });
  const at = (name: string, more: object = {}) => ({ name, available: true, ...more });
  const type = (name: string, more: object) => ({
    name,
    cores: 2,
    memory: 4,
    architecture: "x86",
    prices: [price("nbg1", "4.76"), price("ash", "6")],
    locations: [at("nbg1"), at("ash")],
    ...more,
  });
  const catalogue = {
    locations: [
      { name: "nbg1", city: "Nuremberg", country: "DE" },
      { name: "ash", city: "Ashburn, VA", country: "US" },
      { name: "sin", city: "Singapore", country: "SG" },
    ],
    images: [
      { name: "debian-13", architecture: "x86" },
      { name: "debian-12", architecture: "arm" },
    ],
    pricing: { currency: "EUR", primary_ips: [{ type: "ipv4", prices: [price("nbg1", "0.60")] }] },
    serverTypes: [
      type("large", { cores: 1, prices: [price("nbg1", "20")] }),
      type("small", {}),
      type("gone", { deprecation: { unavailable_after: "2026-01-01T00:00:00Z" } }),
      type("soldOut", { locations: [at("nbg1", { available: false })] }),
      type("leaving", { locations: [at("nbg1", { deprecation: {} })] }),
      type("arm", { architecture: "arm" }),
    ],
  };

  test("is what can be had with our image, the cheapest first, with the address in its price", () => {
    const offers = listOffers(catalogue, "debian-13");
    expect(
      offers.map(({ name, place, types }) => [
        name,
        place,
        types.map((one) => `${one.name}: ${one.machine}: ${renderPrice(one.monthly, "EUR")}`),
      ]),
    ).toEqual([
      [
        "nbg1",
        "Nuremberg, DE",
        ["small: 2 cores, 4 GB: 5.36 EUR a month", "large: 1 core, 4 GB: 20.60 EUR a month"],
      ],
      ["ash", "Ashburn, VA, US", ["small: 2 cores, 4 GB: 6.00 EUR a month"]],
    ]);
  });
});

describe("flags", () => {
  test("say what they say", () => {
    expect(readFlags(["--relay", "ssh", "--yes", "--names=@,www"])).toEqual({
      relay: "ssh",
      yes: "yes",
      names: "@,www",
    });
    expect([splitList("a, b,"), splitList("none"), splitList("")]).toEqual([["a", "b"], [], []]);
  });

  test("are all told at once when they are wrong", () => {
    expect(() => readFlags(["--relay", "aws", "--locaton", "nbg1", "nas", "--devices"])).toThrow(
      `--relay is one of hetzner, ssh; found aws
What is --locaton? Perhaps --location.
What is nbg1? Each answer stands behind its flag.
What is nas? Each answer stands behind its flag.
--devices needs a value: --devices NAMES|none`,
    );
  });

  test("that are missing depend on those that are not", () => {
    const missing = (words: string[], hasToken = false) =>
      listMissing(readFlags(words), { hasToken }).map((line) => /--[a-z0-9-]+/.exec(line)?.[0]);
    expect(missing([])).toEqual([
      ...["--relay", "--token-file", "--location", "--server-type", "--home", "--home-host", "--home-key"],
      ...["--forwards", "--dns", "--devices", "--yes"],
    ]);
    expect(missing(["--relay", "ssh", "--home", "manual", "--dns", "duckdns", "--yes"])).toEqual([
      ...["--relay-host", "--relay-key", "--forwards", "--names", "--dns-token-file", "--devices"],
    ]);
    expect(missing(["--relay", "ssh", "--home", "local", "--dns", "hetzner"])).toContain("--token-file");
    expect(missing([], true)).not.toContain("--token-file");
  });
});
