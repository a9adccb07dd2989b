/** Debian's own Docker, at home and on a VPS that was there before. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { power } from "../control.ts";
import { installDocker, runContainer } from "../docker.ts";
import { failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { stopMending, withChangedTable } from "../mending.ts";
import { initPid } from "../machines.ts";
import { home, hostKeyOf } from "../operator.ts";
import { otherTablesOn } from "../otherTables.ts";
import { paths } from "../paths.ts";
import { knock, parseTestimony, shell, strangerBy, tcp, udp } from "../people.ts";
import type { Place, Probe } from "../people.ts";
import { until } from "../world.ts";

const families = [4, 6] as const;
type Family = (typeof families)[number];

/** Where Docker runs at home; its machine may run containers. */
const docker = "attic";
const published = { 4: addresses.vps, 6: `${addresses.vps6}1` } as const;
const lan = addresses[docker];

/** By the names of the containers: the ports that Docker publishes, all of them port 80 inside. */
const ports = { open: 8090, secret: 8091, composed: 8092 } as const;
/** Where strangers find those that are forwarded. */
const forwarded = { open: 80, composed: 82 } as const;
const forwards = [`80:${ports.open}/tcp+udp`, `82:${ports.composed}/tcp+udp`];
/** The containers of the VPS's owner. */
const onVps = { wanted: 81, own: 9090 } as const;

let tunnel: Readonly<Record<Family, string>>;

const lab = raiseLab({
  stack: "docker",
  machines: [
    { name: "vps", containers: true },
    { name: docker, containers: true },
  ],
  docker: { vps: {} },
  before: async () => {
    await runContainer("vps", "wanted", onVps.wanted);
    await runContainer("vps", "own", onVps.own);
  },
});

/** Docker 26 has IPv6 only when told so. Its network is another than that of the VPS's own Docker. */
const withIpv6 = {
  bip: "172.30.0.1/24",
  ipv6: true,
  "fixed-cidr-v6": "fd00:d0c::/64",
  ip6tables: true,
  experimental: true,
};

async function foreignTables(machine: Place): Promise<string> {
  const text = await otherTablesOn(machine);
  expect(text).toContain("chain DOCKER-USER");
  return text;
}

/** Whom a service saw over TCP and over UDP. */
async function clients(address: string, port: number): Promise<(string | undefined)[]> {
  const answers = await knock("stranger", [tcp(address, port), udp(address, port)]);
  return answers.map((answer) => parseTestimony(answer)?.client);
}

const twice = (client: string) => [client, client];

async function expectForwardsToAnswer(): Promise<void> {
  expect(await clients(published[4], forwarded.open)).toEqual(twice(strangerBy[4]));
  expect(await clients(published[6], forwarded.open)).toEqual(twice(strangerBy[6]));
  expect(await clients(published[4], forwarded.composed)).toEqual(twice(strangerBy[4]));
}

async function expectContainersToAnswerInLan(): Promise<void> {
  const probes = Object.values(ports).flatMap((port) => [tcp(lan, port), udp(lan, port)]);
  const seen = (await knock("operator", probes)).map((answer) => parseTestimony(answer)?.client);
  expect(seen).toEqual(probes.map(() => addresses.operator));
}

async function expectVpsOwnerToBeServed(): Promise<void> {
  expect(await clients(published[4], onVps.own)).toEqual(twice(strangerBy[4]));
}

async function configure(more: readonly unknown[] = []): Promise<void> {
  const relay = {
    provider: "ssh",
    host: published[4],
    hostKey: await hostKeyOf("vps"),
    identityFile: paths.operatorKey,
    ipv6: published[6],
  };
  await lab.operator.configure({ relay, homes: [await home([...forwards, ...more], docker)] });
}

async function tunnelAddresses(): Promise<Record<Family, string>> {
  const shown = await shell(docker, "ip -json address show dev homerelay scope global");
  const [link] = JSON.parse(shown) as { addr_info: { family: string; local: string }[] }[];
  const of = (family: string) => link?.addr_info.find((it) => it.family === family)?.local ?? "";
  return { 4: of("inet"), 6: of("inet6") };
}

describe("on a VPS with Docker, up refuses", () => {
  test("a port that a container has, naming Docker's proxy", async () => {
    await configure([`${onVps.wanted}:${ports.open}`]);
    expect(await failingUp(lab.operator)).toContain(
      `port ${onVps.wanted}/tcp is to be forwarded, and docker-proxy listens on it`,
    );
    await expectVpsOwnerToBeServed();
  });

  test("a Docker that would swallow the forwards, with the mend, which mends it", async () => {
    await configure();
    const said = await failingUp(lab.operator);
    const mends = new Set([...said.matchAll(/^ +(ip6?tables -I .*)$/gm)].map(([, mend]) => mend ?? ""));
    expect([...mends]).toEqual([
      "iptables -I DOCKER-USER -i homerelay -j ACCEPT && iptables -I DOCKER-USER -o homerelay -j ACCEPT",
    ]);
    for (const mend of mends) await shell("vps", mend);
  });
});

describe("a Docker that comes to the home after up", () => {
  let said: string;
  /** For this one the home passes packets on, before Docker asks for that. */
  const intoLan = { published: 84, target: 80, to: addresses.printer };

  beforeAll(async () => {
    await configure([intoLan]);
    said = await lab.operator.up();
    await installDocker(docker, withIpv6);
    await shell(docker, "docker network create composed");
    await runContainer(docker, "open", ports.open);
    await runContainer(docker, "secret", ports.secret);
    await runContainer(docker, "composed", ports.composed, ["--network composed"]);
    await until("its ports answer in the LAN", 30, expectContainersToAnswerInLan);
  });

  test("has its ports reached by strangers, whose own addresses the containers see", async () => {
    expect(said).toContain(`tcp 80: the way is free, but nothing listens on ${ports.open} at home`);
    await expectForwardsToAnswer();
  });

  test("is served further when the last forward into the LAN goes", async () => {
    await configure();
    await lab.operator.up();
    await expectContainersToAnswerInLan();
    await expectForwardsToAnswer();
  });

  test("is served further after destroy, and after the next boot", async () => {
    await configure([intoLan]);
    await lab.operator.up();
    await lab.operator.destroy();
    await expectContainersToAnswerInLan();
    await rebootHome();
    await until("its ports answer in the LAN", 60, expectContainersToAnswerInLan);
  });
});

/** Returns when the new boot has begun. */
async function rebootHome(): Promise<void> {
  const before = await initPid(docker);
  await power(docker, "reboot");
  await until("it is another boot", 120, async () => expect(await initPid(docker)).not.toBe(before));
}

describe("a Docker that was there before up", () => {
  /** What others have in nftables, at both ends. */
  let tablesBefore: Readonly<Record<"home" | "vps", string>>;
  const tables = async () => ({ home: await foreignTables(docker), vps: await foreignTables("vps") });

  beforeAll(async () => {
    await configure();
    tablesBefore = await tables();
    await lab.operator.up();
    tunnel = await tunnelAddresses();
    await stopMending("vps");
    const peer = (await shell("vps", "wg show homerelay peers")).trim();
    await shell(
      "vps",
      [
        `wg set homerelay peer ${peer} allowed-ips 0.0.0.0/0,::/0`,
        "ip route add 192.168.1.0/24 dev homerelay",
        "ip route add 172.30.0.0/24 dev homerelay",
        "ip -6 route add fd00:d0c::/64 dev homerelay",
      ].join(" && "),
    );
  });

  test("keeps its tables as they were, and its ports", async () => {
    expect(await tables()).toEqual(tablesBefore);
    await expectContainersToAnswerInLan();
    await expectVpsOwnerToBeServed();
  });

  test("shows its containers the strangers' own addresses", expectForwardsToAnswer);

  test("answers over IPv6 by its own proxy for a container that has none, which sees the proxy", async () => {
    const gateway = "docker network inspect composed --format '{{ (index .IPAM.Config 0).Gateway }}'";
    const proxy = (await shell(docker, gateway)).trim();
    expect(await clients(published[6], forwarded.composed)).toEqual(twice(proxy));
  });

  test("has no other port at the relay's address: what answers there is the relay", async () => {
    const probes = families.flatMap((family) =>
      [ports.secret, ports.open].map((port) => tcp(published[family], port)),
    );
    expect(await knock("stranger", probes)).toEqual(probes.map(() => "(ECONNREFUSED)"));
  });

  test("has no other port for a relay in the wrong hands, until the guard is taken away by hand", async () => {
    const open = families.map((family) => tcp(tunnel[family], ports.open));
    expect(await knock("vps", open)).not.toContain(null);
    const doors = await secretDoors();
    expect(await openToRelay(doors)).toEqual([]);
    await withChangedTable(docker, "nft delete table inet homerelay", async () =>
      expect(await openToRelay(doors)).toEqual(doors),
    );
    expect(await openToRelay(doors)).toEqual([]);
  });

  test.each([
    ["Docker is restarted", () => shell(docker, "systemctl restart docker")],
    ["its containers are", () => shell(docker, "docker restart secret open composed")],
    ["the home is", rebootHome],
  ])("is reached by the forwards and nothing else when %s", async (_, act) => {
    await act();
    await until("the forwards answer", 60, expectForwardsToAnswer);
    await until("its ports answer in the LAN", 30, expectContainersToAnswerInLan);
    expect(await openToRelay(await secretDoors())).toEqual([]);
  });

  test("keeps its tables byte for byte on destroy, and its ports", async () => {
    const now = await tables();
    expect(now.vps).toBe(tablesBefore.vps);
    await lab.operator.destroy();
    expect(await tables()).toEqual(now);
    await expectContainersToAnswerInLan();
    await expectVpsOwnerToBeServed();
  });
});

/** Every way from the relay to the container that no forward names: by the home's addresses, and by its own. */
async function secretDoors(): Promise<Probe[]> {
  const format = "'{{ .NetworkSettings.IPAddress }} {{ .NetworkSettings.GlobalIPv6Address }}'";
  const own = (await shell(docker, `docker inspect secret --format ${format}`)).trim().split(" ");
  const home = [lan, "172.30.0.1", "fd00:d0c::1", ...Object.values(tunnel)];
  return [
    ...home.map((address) => [address, ports.secret] as const),
    ...own.map((address) => [address, 80] as const),
  ].flatMap(([address, port]) => [tcp(address, port), udp(address, port)]);
}

/** Those of the doors that answered to root on the relay. */
async function openToRelay(doors: readonly Probe[]): Promise<Probe[]> {
  const answers = await knock("vps", doors, 2);
  return doors.filter((_, i) => answers[i] !== null);
}
