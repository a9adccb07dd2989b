import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addresses, cloudApiUrl, namespaces } from "../addresses.ts";
import { controlCloud, power } from "../control.ts";
import { DataCentre } from "../dataCentre.ts";
import { raiseLab } from "../fixture.ts";
import { labName, labPrefix } from "../labName.ts";
import { exec, initPid } from "../machines.ts";
import { asPerson, carrierTimeouts, renumber, setUdpTimeouts } from "../network.ts";
import { paths } from "../paths.ts";
import { readPidFile, writePidFile } from "../pidFile.ts";
import { inNamespace, must, run } from "../shell.ts";
import { labWorkers } from "../workers.ts";
import { cloudToken, down, ssh, status, until, untilSshAnswers } from "../world.ts";

const echo = join(import.meta.dirname, "../people/echo.py");

raiseLab({});

test("the host has inotify instances for the machines of all labs: one without them boots with no network", async () => {
  const limit = Number(await readFile("/proc/sys/fs/inotify/max_user_instances", "utf8"));
  const [machines, instancesEach] = [labWorkers * 6, 8];
  expect(limit).toBeGreaterThan(machines * instancesEach);
});

/** Exit code 0 means that a TCP connection was made. */
const connect = (person: "stranger" | "operator", address: string, port: number) =>
  run(asPerson(person, ["nc", "-z", "-w", "2", address, `${port}`]));

describe("the home behind two NATs", () => {
  let answering: ChildProcess;

  beforeAll(() => {
    const [program = "", ...args] = inNamespace(namespaces.stranger, [
      "python3",
      echo,
      "tcp:7000",
      "udp:7000",
    ]);
    answering = spawn(program, args, { stdio: "ignore" });
  });

  afterAll(() => {
    answering.kill();
  });

  const askStranger = (protocol: "tcp" | "udp") =>
    until(`the stranger answers over ${protocol}`, 30, async () => {
      const flags = protocol === "udp" ? ["-u", "-w", "1"] : ["-N", "-w", "2"];
      const { stdout } = await exec("home", ["nc", ...flags, addresses.stranger, "7000"], {
        input: "hello\n",
      });
      if (stdout === "") throw new Error("no answer");
      return stdout;
    });

  test("is out of a stranger's reach", async () => {
    for (const address of [addresses.home, addresses.homeRouterOutside, addresses.cgnatOutside]) {
      expect((await connect("stranger", address, 8080)).code).not.toBe(0);
    }
  });

  test.each(["tcp", "udp"] as const)("reaches a stranger over %s, who sees the CGNAT", async (protocol) => {
    expect(await askStranger(protocol)).toMatch(/^192\.0\.2\.\d+ hello\n$/);
  });

  test("is seen from another address when the carrier renumbers", async () => {
    const next = await renumber();
    expect(await askStranger("udp")).toBe(`${next} hello\n`);
  });

  test("loses a UDP mapping at the CGNAT when it is silent for long enough", async () => {
    const count = ["conntrack", "--dump", "--proto", "udp", "--orig-port-dst", "7000"];
    await must(inNamespace(namespaces.cgnat, ["conntrack", "--flush"]));
    const mappings = () => must(inNamespace(namespaces.cgnat, count));
    await setUdpTimeouts({ unansweredSeconds: 2, answeredSeconds: 2 });
    try {
      await askStranger("udp");
      expect(await mappings()).toContain(`src=${addresses.homeRouterOutside}`);
      await until("the mapping is gone", 30, async () => expect(await mappings()).toBe(""));
    } finally {
      await setUdpTimeouts(carrierTimeouts);
    }
  });

  test("shows the operator its page, which names the client address", async () => {
    for (const url of [`http://${addresses.home}:8080/`, `https://${addresses.home}:8081/`]) {
      const page = await must(asPerson("operator", ["curl", "--silent", "--insecure", url]));
      expect(page).toContain("Hello from home");
      expect(page).toContain(`You are ${addresses.operator}`);
    }
  });

  test("lets the operator in by key, with the host key that the lab gave out", async () => {
    expect(await must(ssh("operator", addresses.home, ["hostname"]))).toBe("nas\n");
    const scanned = await must(asPerson("operator", ["ssh-keyscan", "-t", "ed25519", addresses.home]));
    const [, type, key] = scanned.trim().split(" ");
    expect(await readFile(paths.hostKeyOf("home"), "utf8")).toBe(`${type ?? ""} ${key ?? ""} home\n`);
  });

  test("has no way out of the lab: no cable leads to the host's own network", async () => {
    const links = JSON.parse(await must(["ip", "-json", "link"])) as { link_netnsid?: number }[];
    const ids = JSON.parse(await must(["ip", "-json", "netns", "list-id"])) as {
      nsid: number;
      name?: string;
    }[];
    const lab = ids.filter(({ name }) => name?.startsWith(labPrefix)).map(({ nsid }) => nsid);
    expect(links.filter((link) => lab.includes(link.link_netnsid ?? -1))).toEqual([]);
  });

  test("reboots although somebody's command runs at its console", async () => {
    const sleeping = exec("home", ["sleep", "1000"]);
    const before = await initPid("home");
    await power("home", "reboot");
    expect((await sleeping).code).not.toBe(0);
    await until("the home is another one", 60, async () => expect(await initPid("home")).not.toBe(before));
    await untilSshAnswers("home");
  });

  test.each(["reboot", "power-cut"] as const)(
    "comes back after a %s, as another boot of the same disk",
    async (action) => {
      await must(ssh("operator", addresses.home, [`echo kept > /root/${action}; sync`]));
      const before = await initPid("home");
      await power("home", action);
      await until("the home is back", 120, async () => {
        expect(await must(ssh("operator", addresses.home, [`cat /root/${action}`]))).toBe("kept\n");
        expect(await initPid("home")).not.toBe(before);
      });
    },
  );
});

describe("the internet", () => {
  test("has a cloud that the operator reaches with the lab's token, and nobody without", async () => {
    const ask = (token: string) =>
      must(
        asPerson("operator", [
          ...["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"],
          ...["--header", `Authorization: Bearer ${token}`, `${cloudApiUrl}/servers`],
        ]),
      );
    expect([await ask(await cloudToken()), await ask("x".repeat(64))]).toEqual(["200", "401"]);
  });

  test("has a resolver that answers people and machines from the cloud's zones", async () => {
    await controlCloud({ seedZone: { name: "example.net" } });
    const lookup = ["getent", "hosts", "nobody.example.net"];
    expect((await run(asPerson("stranger", lookup))).code).toBe(2);
    const asked = await exec("home", ["resolvectl", "query", "--type=NS", "example.net"]);
    expect(asked.stdout).toContain("example.net IN NS");
  });
});

describe("a server in the data centre", () => {
  const dataCentre = new DataCentre(() => undefined);
  const id = 900;
  const server = "server-900";
  const ipv4 = "198.51.100.240";
  const ipv6 = "2001:db8:2:f0::1";

  beforeAll(async () => {
    await dataCentre.create({
      id,
      name: "relay",
      image: "debian-13",
      userData: "#cloud-config\nwrite_files:\n  - path: /root/from-user-data\n    content: hello\n",
      sshPublicKeys: [(await readFile(`${paths.operatorKey}.pub`, "utf8")).trim()],
      ipv4,
      ipv6: "2001:db8:2:f0::/64",
    });
    await until("SSH answers", 120, () => must(ssh("stranger", ipv4, ["true"])));
  });

  afterAll(() => dataCentre.destroy(id));

  test("is reached by SSH over IPv4 and IPv6, from outside and from the home LAN", async () => {
    for (const address of [ipv4, ipv6]) {
      expect(await must(ssh("stranger", address, ["hostname"]))).toBe("relay\n");
    }
    expect(await must(ssh("operator", ipv4, ["hostname"]))).toBe("relay\n");
  });

  test("ran its user data", async () => {
    await exec(server, ["cloud-init", "status", "--wait"]);
    expect((await exec(server, ["cat", "/root/from-user-data"])).stdout).toBe("hello");
    expect((await exec(server, ["systemctl", "--failed", "--quiet"])).stdout).toBe("");
  });

  test("has a /32 with a gateway on the link, as at Hetzner", async () => {
    const { stdout } = await exec(server, ["ip", "route"]);
    expect(stdout).toBe("default via 172.31.1.1 dev eth0 proto static onlink \n");
  });

  test("lacks nftables and WireGuard until its own apt-get installs them", async () => {
    const script = "! command -v nft wg && apt-get update && apt-get install -y nftables wireguard-tools";
    const install = await run(
      ssh("stranger", ipv4, [`export DEBIAN_FRONTEND=noninteractive; ${script} && nft -v`]),
    );
    expect(install).toMatchObject({ code: 0, stdout: expect.stringContaining("nftables v1") as unknown });
  });

  test("is filtered by its firewall, and only by it", async () => {
    await exec(server, ["systemd-run", "--quiet", "nc", "-l", "-k", "-p", "7001"]);
    await until("the port is open", 30, () =>
      must(asPerson("stranger", ["nc", "-z", "-w", "1", ipv4, "7001"])),
    );
    await dataCentre.setFirewall(id, [
      { direction: "in", protocol: "tcp", port: "22", source_ips: ["0.0.0.0/0", "::/0"] },
      { direction: "in", protocol: "tcp", port: "7000-7010", source_ips: ["198.51.100.0/24"] },
    ]);
    const open = async (address: string, port: number) =>
      (await connect("stranger", address, port)).code === 0;
    expect([await open(ipv4, 22), await open(ipv6, 22), await open(ipv4, 7001)]).toEqual([true, true, false]);

    await dataCentre.setFirewall(id, [
      { direction: "in", protocol: "tcp", port: "7000-7010", source_ips: [`${addresses.stranger}/32`] },
    ]);
    expect([await open(ipv4, 22), await open(ipv4, 7001)]).toEqual([false, true]);

    await dataCentre.setFirewall(id, undefined);
    expect([await open(ipv4, 22), await open(ipv4, 7001)]).toEqual([true, true]);
  });

  test("may go out whatever its firewall says", async () => {
    await dataCentre.setFirewall(id, []);
    const fetched = await exec(server, [
      "curl",
      "--silent",
      "--fail",
      `http://${addresses.packageMirror}/trixie/Packages`,
    ]);
    await dataCentre.setFirewall(id, undefined);
    expect(fetched.stdout).toContain("Package: wireguard-tools");
  });

  test("keeps nothing of its kernel's state over a power cut", async () => {
    await must(ssh("stranger", ipv4, ["nft add table inet kept; sync"]));
    await dataCentre.powerOff(id);
    expect((await connect("stranger", ipv4, 22)).code).not.toBe(0);
    await dataCentre.powerOn(id);
    await until("SSH answers again", 120, () => must(ssh("stranger", ipv6, ["true"])));
    expect(await must(ssh("stranger", ipv4, ["nft list tables"]))).toBe("");
  });

  test("refuses an image and a rule that the lab does not have", async () => {
    const request = { id: 901, name: "x", userData: "", sshPublicKeys: [], ipv4, ipv6: undefined };
    await expect(dataCentre.create({ ...request, image: "fedora-42" })).rejects.toThrow("fedora-42");
    const out = { direction: "out", protocol: "tcp", port: "1", source_ips: [] } as const;
    await expect(dataCentre.setFirewall(id, [out])).rejects.toThrow("direction out");
  });
});

describe("the end of the lab", () => {
  test("leaves nothing, even when its daemon was killed", async () => {
    const kept = await mkdtemp(join(tmpdir(), "home-relay-"));
    const daemonPid = join(kept, "daemon.pid");
    const homePid = join(kept, "home.pid");
    await copyFile(paths.daemonPid, daemonPid);
    await writePidFile(homePid, await initPid("home"));
    const daemon = await readPidFile(daemonPid);
    if (daemon === undefined) throw new Error("the daemon had ended already");
    process.kill(daemon, "SIGKILL");
    await down();
    const left = {
      status: await status(),
      namespaces: (await must(["ip", "netns", "list"]))
        .split("\n")
        .filter((line) => line.startsWith(labPrefix)),
      mounts: (await readFile("/proc/mounts", "utf8"))
        .split("\n")
        .filter((line) => line.includes(`/home-relay-${labName}/`) || line.includes(labPrefix)),
      netns: (await readdir("/etc/netns").catch(() => [])).filter((name) => name.startsWith(labPrefix)),
      processes: [await readPidFile(daemonPid), await readPidFile(homePid)],
      folders: [paths.run, paths.state].filter(existsSync),
    };
    await rm(kept, { recursive: true });
    expect(left).toEqual({
      status: { healthy: false, remains: false, machines: [], homeSeenAs: undefined },
      namespaces: [],
      mounts: [],
      netns: [],
      processes: [undefined, undefined],
      folders: [],
    });
  });
});
