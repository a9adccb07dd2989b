/** The whole stack as a component: what no single program of the example shows. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { HomeRelay } from "../../../components/HomeRelay.ts";
import type { HomeRelayArgs } from "../../../components/HomeRelay.ts";
import type { PublicDns } from "../../../components/dns/seen.ts";
import { asWanted, homeRelayArgs, hostKey } from "../componentArguments.ts";
import { isSecret, named, plainTexts, register, tree, types, valueOf } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";
import { hostOf } from "../preparedHosts.ts";

const homes = [
  { name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] },
  { name: "garage", install: "manual", forwards: ["81:8080"] },
];
const devices = ["phone"];
const zone = { zone: "example.org", names: ["@", "www"] };

describe("two in one program", () => {
  test("have no resource, and nothing at the provider, in common", async () => {
    const registered = await register(() => {
      new HomeRelay("home", homeRelayArgs({ homes, devices, dns: zone }, [], "dev"));
      const dns = { zone: "example.net", createZone: true };
      new HomeRelay("office", homeRelayArgs({ homes, devices, dns }, [], "office"));
    });
    const of = (label: string) => registered.filter(({ inputs }) => JSON.stringify(inputs).includes(label));
    const [first, second] = [of("home-relay-dev"), of("home-relay-office")];
    expect(new Set(registered.map(({ urn }) => urn)).size).toBe(registered.length);
    // Addresses, key, firewall, server and names, besides what asks Hetzner for them.
    expect(first.length).toBeGreaterThanOrEqual(9);
    expect(second.length).toBeGreaterThanOrEqual(9);
    expect(first.filter((one) => second.includes(one))).toEqual([]);
    const atProvider = registered.filter(({ type }) => type.startsWith("hcloud:"));
    const names = atProvider.map(({ type, inputs }) => [
      type,
      inputs["zone"],
      inputs["name"],
      inputs["type"],
    ]);
    const withNames = names.filter(([, , name]) => name !== undefined).map((one) => JSON.stringify(one));
    expect(new Set(withNames).size).toBe(withNames.length);
    expect(atProvider.filter((one) => isNamed(one) && !first.includes(one) && !second.includes(one))).toEqual(
      [],
    );
  });

  test("have keys, and an id by which hosts know them, of their own", async () => {
    const registered = await register(() => {
      new HomeRelay("home", homeRelayArgs({ homes }, [], "dev"));
      new HomeRelay("office", homeRelayArgs({ homes }, [], "office"));
    });
    for (const what of ["nas-prepare", "relay-prepare"]) {
      const [first, second] = ["home", "office"].map((name) => {
        const create = String(named(registered, `${name}-${what}`).inputs["create"]);
        return / ([0-9a-f]{32}) /.exec(create)?.[1];
      });
      expect(first).toBeDefined();
      expect(second).toBeDefined();
      expect(first).not.toBe(second);
    }
    const keys = ["home", "office"].map((name) => named(registered, `${name}-nas-keys`).inputs["stdin"]);
    expect(keys.every(isSecret)).toBe(true);
    expect(keys[0]).not.toEqual(keys[1]);
  });
});

/** Everything that Hetzner knows by a name or a label. */
function isNamed({ inputs }: Registered): boolean {
  return inputs["name"] !== undefined || inputs["labels"] !== undefined;
}

describe("DynDNS", () => {
  const ofDynDns = (registered: readonly Registered[]) =>
    tree(registered).filter((line) => /dyndns/i.test(line));
  const stack = (args: () => HomeRelayArgs) => register(() => new HomeRelay("home", args()));

  test.each([
    ["without names", undefined],
    ["with names in a zone", zone],
  ])("is nowhere in a stack %s: not in the preview, not on the relay, not in its list", async (_, dns) => {
    const registered = await stack(() => homeRelayArgs({ homes, dns }));
    expect(ofDynDns(registered)).toEqual([]);
    const { files, list } = hostOf(registered, "home-relay");
    expect([...files.map(({ path }) => path), ...list].filter((line) => line.includes("dyndns"))).toEqual([]);
  });

  test("is two rows and a timer in a stack with a service, and the list names what has to go with it one day", async () => {
    const dns = { provider: "duckdns", names: ["myhome"], token: "s3cret" };
    const registered = await stack(() => homeRelayArgs({ homes, dns }, ["s3cret"]));
    expect(ofDynDns(registered)).toEqual([
      "homerelay:dyndns:DynDns home-relay-dyndns < homerelay:index:HomeRelay home",
      "command:remote:Command home-relay-dyndns-secret < homerelay:dyndns:DynDns home-relay-dyndns",
      "command:remote:Command home-relay-dyndns-updates < homerelay:dyndns:DynDns home-relay-dyndns",
    ]);
    expect(hostOf(registered, "home-relay").list).toEqual(
      expect.arrayContaining([
        "file /etc/systemd/system/homerelay-dyndns.timer",
        "file /usr/local/lib/homerelay/apply-dyndns.sh",
        "folder /etc/homerelay/dyndns",
        "folder /var/lib/homerelay/dyndns",
      ]),
    );
    expect(hostOf(registered, "home-nas").list.filter((line) => line.includes("dyndns"))).toEqual([]);
  });
});

describe("who is told that a home is away", () => {
  const url = "https://ntfy.sh/s3cret";
  const ofNotify = (registered: readonly Registered[]) =>
    tree(registered).filter((line) => /notify/i.test(line));
  const stack = (notify: unknown) =>
    register(() => new HomeRelay("home", homeRelayArgs({ homes, notify }, [url])));

  test("is nowhere in a stack that says nothing of it", async () => {
    const registered = await stack(undefined);
    expect(ofNotify(registered)).toEqual([]);
    const { files, list } = hostOf(registered, "home-relay");
    expect([...files.map(({ path }) => path), ...list].filter((line) => line.includes("notify"))).toEqual([]);
  });

  test("is two rows and a timer otherwise, and the list names what has to go with it one day", async () => {
    const registered = await stack([{ service: "ntfy", url }]);
    expect(ofNotify(registered)).toEqual([
      "homerelay:notify:Notify home-relay-notify < homerelay:index:HomeRelay home",
      "command:remote:Command home-relay-notify-secrets < homerelay:notify:Notify home-relay-notify",
      "command:remote:Command home-relay-notify-watch < homerelay:notify:Notify home-relay-notify",
    ]);
    expect(hostOf(registered, "home-relay").list).toEqual(
      expect.arrayContaining([
        "file /etc/systemd/system/homerelay-notify.timer",
        "file /usr/local/lib/homerelay/watch-homes.sh",
        "folder /etc/homerelay/notify",
        "folder /var/lib/homerelay/notify",
      ]),
    );
    expect(named(registered, "home-relay-leftovers").dependsOn).toContain("home-relay-notify-watch");
  });
});

test("what messages tell to replace is there under that name, and is a step or a server and no key", async () => {
  const components = join(__dirname, "../../../components");
  const messages = globSync("**/*.{ts,sh}", { cwd: components }).map((file) =>
    readFileSync(join(components, file), "utf8"),
  );
  const dns = { provider: "duckdns", names: ["myhome"], token: "s3cret" };
  const url = "https://ntfy.sh/s3cret";
  const notify = [{ service: "ntfy", url }];
  const peers = ["keys"];
  const registered = await register(
    () => new HomeRelay("home", homeRelayArgs({ homes, devices: peers, dns, notify }, ["s3cret", url])),
  );
  // With the names that stand in a message only when the program runs.
  const told = registered.flatMap(({ inputs }) => plainTexts(inputs));
  const patterns = [
    ...patternsIn(messages).filter((pattern) => !pattern.includes("${")),
    ...patternsIn(told),
  ];
  expect(patternsIn(messages).length).toBeGreaterThan(5);
  expect(patterns).toContain("**home-relay-ssh-endpoint");
  const replaceable: readonly string[] = [types.local, types.remote, types.server];
  const faults = [...new Set(patterns)].flatMap((pattern) => {
    const meant = registered.filter(({ urn }) => globOf(pattern).test(urn));
    if (meant.length === 0) return [`${pattern} is nothing`];
    return meant
      .filter(({ type }) => !replaceable.includes(type))
      .map(({ urn }) => `${pattern} is also ${urn}`);
  });
  expect(faults).toEqual([]);
});

function patternsIn(texts: readonly string[]): string[] {
  return texts.flatMap((text) =>
    [...text.matchAll(/--replace '([^']+)'/g)].map(([, pattern = ""]) => pattern),
  );
}

/** As `pulumi up --replace` reads it: `**` any text, `*` any text within one part of a URN. */
function globOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*|\*)/).map((part) => {
    if (part === "**") return ".*";
    return part === "*" ? "[^:]*" : part.replace(/[.$/]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`);
}

describe("a home that is reached through its own forward", () => {
  const warnings = async (host: string, sections: object = {}) => {
    const warn = jest.spyOn(pulumi.log, "warn").mockImplementation(() => Promise.resolve());
    const reached = { name: "nas", ssh: { host, port: 2222, hostKey }, forwards: ["2222:2022"] };
    try {
      await register(() => {
        new HomeRelay("home", homeRelayArgs({ homes: [reached], dns: zone, ...sections }));
      });
      return warn.mock.calls.map(([message]) => message);
    } finally {
      warn.mockRestore();
    }
  };

  test.each(["203.0.113.5", "www.example.org"])(
    "is named at every up, with what must not be changed that way: %s",
    async (host) => {
      expect(await warnings(host)).toEqual([
        expect.stringMatching(
          new RegExp(`^SSH to nas goes through this very relay \\(${host}\\), .* listenPort,`),
        ),
      ]);
    },
  );

  test("is also one whose relay the operator calls by another name", async () => {
    const relay = { provider: "ssh", host: "vps.example.net", hostKey, ipv4: "198.51.100.7" };
    expect(await warnings("vps.example.net", { relay })).toHaveLength(1);
  });

  test("is none that is reached in its own network", async () => {
    expect(await warnings("192.168.1.10")).toEqual([]);
  });
});

describe("names that lead elsewhere than they were told", () => {
  const told = async (dns: object, world: Partial<PublicDns>, preview = false) => {
    const spies = (["warn", "info"] as const).map((as) =>
      jest.spyOn(pulumi.log, as).mockImplementation(() => Promise.resolve()),
    );
    const dryRun = jest.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(preview);
    try {
      const relay: { made?: HomeRelay } = {};
      const publicDns = { ...asWanted, ...world };
      await register(() => {
        relay.made = new HomeRelay("home", { ...homeRelayArgs({ homes, dns }, ["s3cret"]), publicDns });
      });
      // As the engine's program does before it ends.
      await pulumi.runtime.disconnect();
      const { nameservers } = relay.made ?? {};
      const said = spies.flatMap((spy) => spy.mock.calls.map(([message]) => message));
      return {
        said: said.slice(0, preview ? undefined : -1).map((message) => message.split("\n")[0]),
        card: preview ? undefined : said.at(-1),
        nameservers: nameservers && (await valueOf(nameservers)),
      };
    } finally {
      for (const spy of [...spies, dryRun]) spy.mockRestore();
    }
  };
  const made = { zone: "example.org", createZone: true };
  const kept = { provider: "duckdns", names: ["myhome"], token: "s3cret" };
  const elsewhere = { nameservers: () => Promise.resolve(["ns.other.example"]) };
  const taken = { addresses: () => Promise.resolve(["198.51.100.9"]) };

  test("are not spoken of where all is well; who answers for a zone that was made is an output", async () => {
    expect(await told(made, {})).toMatchObject({ said: [], nameservers: ["ns.example."] });
    expect(await told(kept, {})).toMatchObject({ said: [], nameservers: [] });
  });

  test("are told by an up, of a zone and of a service", async () => {
    expect((await told(made, elsewhere)).said).toEqual([
      "home-relay:dns.zone: the world asks ns.other.example for example.org, who know nothing of what this stack writes there",
    ]);
    expect((await told(kept, taken)).said).toEqual([
      "home-relay:dns: myhome.duckdns.org leads to 198.51.100.9; the relay is at 203.0.113.5 and 2001:db8:77::1",
    ]);
  }, 20_000);

  test("are among what the card says is still to do, which is the last word of an up", async () => {
    expect((await told(made, elsewhere)).card).toContain(
      "Still to do:\n  - for example.org, where you registered the domain, enter these nameservers: ns.example\n",
    );
    expect((await told(made, {})).card).not.toContain("nameservers");
  }, 60_000);

  test("are not asked for by a preview", async () => {
    const refuse = () => Promise.reject(new Error("asked"));
    const world = { nameservers: refuse, addresses: refuse };
    expect([await told(made, world, true), await told(kept, world, true)].map(({ said }) => said)).toEqual([
      [],
      [],
    ]);
  });
});
