import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { addMachine } from "../control.ts";
import { exec } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, hostKeyOf, Operator } from "../operator.ts";
import { paths } from "../paths.ts";
import { knock, perform, shell, strangerBy } from "../people.ts";
import type { Probe } from "../people.ts";
import { Progress } from "../progress.ts";
import { must, run } from "../shell.ts";
import type { Result } from "../shell.ts";
import { down, ssh, until, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(4 * minute);

const vps4 = addresses.vps;
const vps6 = `${addresses.vps6}1`;
const forwards = ["80:8080", "443:8081", "64738:64738/tcp+udp"];
/** What the owner of the VPS has published from a container. */
const containerPort = 9090;

let operator: Operator;
let second: Operator;
/** As they were before the first `up`. */
let traces: { readonly home: string; readonly vps: string };
let foreign: string;
/** The owner's packages. */
let owned: readonly string[];

beforeAll(async () => {
  const progress = new Progress(process.stderr);
  await down();
  await up(progress);
  await addMachine({ name: "vps" });
  await until("the VPS's SSH answers", 30, () => must(ssh("operator", vps4, ["true"])));
  await shell("vps", prepareVps);
  await perform("vps", "container.sh", [`${containerPort}:80/tcp`]);
  await shell("vps", runContainer);
  await until("the owner's ufw is up", 30, () => shell("vps", setUpUfw));
  owned = await packages();
  foreign = await foreignTables();
  traces = { home: await tracesOf("home"), vps: await tracesOf("vps") };
  operator = await Operator.withStack("existing", () => undefined);
  second = await Operator.withStack("second", () => undefined);
}, 30 * minute);

afterAll(down, minute);

/** Users of the owner's: one whose sudo asks nothing, one whose sudo asks. */
const prepareVps = `
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq install -y --no-install-recommends nftables iptables ufw sudo >/dev/null
  for user in deploy asked; do
    useradd --create-home --shell /bin/bash $user
    install -d -m 0700 -o $user -g $user /home/$user/.ssh
    install -m 0600 -o $user -g $user /root/.ssh/authorized_keys /home/$user/.ssh/authorized_keys
  done
  echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
  echo 'asked ALL=(ALL) ALL' >/etc/sudoers.d/asked
  systemd-run --quiet --unit=silent nc -lkd 2022`;

const runContainer = `
  sysctl -qw net.ipv6.conf.all.forwarding=0
  systemd-run --quiet --unit=container --property=NetworkNamespacePath=/run/netns/container \
    /opt/lab/page.py 'Hello from the container' 80`;

const setUpUfw = `
  ufw allow 22/tcp && ufw allow 8000/tcp && ufw route allow out on docker0 && ufw route allow in on docker0 &&
  ufw --force enable`;

async function tracesOf(machine: "home" | "vps"): Promise<string> {
  const script = await readFile(join(import.meta.dirname, "../traces.sh"), "utf8");
  const { code, stdout, stderr } = await exec(machine, ["bash", "-s"], { input: script });
  if (code !== 0) throw new Error(`traces.sh: ${stderr}`);
  return stdout;
}

async function packages(): Promise<string[]> {
  return (await shell("vps", "dpkg-query -W -f '${Package}\\n'")).trim().split("\n");
}

/** All tables of the VPS but ours, without what their counters count. */
async function foreignTables(): Promise<string> {
  const list = 'while read -r _ family name; do nft -s list table "$family" "$name"; done';
  const text = await shell("vps", `nft list tables | grep -v '^table inet homerelay' | ${list}`);
  expect(text).toContain("ufw-user-input");
  return text;
}

async function relay(change: object = {}): Promise<Record<string, unknown>> {
  const access = {
    host: vps4,
    user: "deploy",
    hostKey: await hostKeyOf("vps"),
    identityFile: paths.operatorKey,
  };
  return { provider: "ssh", ...access, ipv6: vps6, ...change };
}

/** `pulumi up`, which has to fail; what it says. */
async function refusal(by: Operator = operator): Promise<string> {
  const answer = await tryUp(by);
  expect(answer.code).not.toBe(0);
  return answer.stdout;
}

function tryUp(by: Operator): Promise<Result> {
  const flags = ["--yes", "--skip-preview", "--non-interactive", "--color", "never", "--continue-on-error"];
  return by.pulumi(["up", ...flags]);
}

async function page(url: string): Promise<string> {
  const call = ["curl", "--silent", "--insecure", "--globoff", "--max-time", "4", url];
  return (await run(asPerson("stranger", call))).stdout;
}

async function expectForwardsToAnswer(): Promise<void> {
  expect(await page(`http://${vps4}/`)).toContain(`You are ${addresses.stranger}`);
  expect(await page(`https://${vps4}/`)).toContain(`You are ${addresses.stranger}`);
  expect(await page(`http://[${vps6}]/`)).toContain(`You are ${addresses.stranger6}`);
  const probes = ([vps4, vps6] as const).flatMap((address): Probe[] => [
    { protocol: "tcp", address, port: 64738 },
    { protocol: "udp", address, port: 64738 },
  ]);
  const answers = [strangerBy[4], strangerBy[6]].flatMap((it) => [`${it} hello`, `${it} hello`]);
  expect(await knock("stranger", probes, 3)).toEqual(answers);
}

async function expectOwnersThingsToAnswer(): Promise<void> {
  expect(await page(`http://${vps4}:8000/`)).toContain("Hello from the vps");
  expect(await page(`http://${vps4}:${containerPort}/`)).toContain("Hello from the container");
}

/** Nothing of ours is on the VPS. */
async function expectVpsUntouched(): Promise<void> {
  expect(await tracesOf("vps")).toBe(traces.vps);
}

test("the owner's things answer before there is a relay", expectOwnersThingsToAnswer);

describe("before anything is changed on the VPS, up refuses", () => {
  test("a host that nobody has, within 30 s, naming host, port and what was tried", async () => {
    await operator.configure({
      relay: await relay({ host: "198.51.100.77" }),
      homes: [await home(forwards)],
    });
    const said = await refusal();
    expect(said).toMatch(
      /the relay does not answer: tried ssh to 198\.51\.100\.77 port 22 as deploy for \d+ s/,
    );
    expect(Number(/as deploy for (\d+) s/.exec(said)?.[1])).toBeLessThan(30);
  });

  test("a host that accepts and says nothing, within 30 s", async () => {
    await shell("vps", "ufw allow 2022/tcp");
    await operator.configure({ relay: await relay({ port: 2022 }), homes: [await home(forwards)] });
    const said = await refusal();
    await shell("vps", "ufw delete allow 2022/tcp");
    expect(said).toMatch(/tried ssh to 198\.51\.100\.251 port 2022 as deploy for \d+ s/);
    expect(Number(/as deploy for (\d+) s/.exec(said)?.[1])).toBeLessThan(30);
  });

  test("a host key that is not the pinned one, with both fingerprints", async () => {
    await operator.configure({
      relay: await relay({ hostKey: await hostKeyOf("home") }),
      homes: [await home(forwards)],
    });
    const said = await refusal();
    expect(said).toContain(`the relay (${vps4} port 22) shows a host key that is not the pinned one`);
    expect(said).toMatch(/\n +pinned: +SHA256:\S+\s+offered: +SHA256:/);
  });

  test("a user whose sudo asks, with the line that mends it", async () => {
    await operator.configure({ relay: await relay({ user: "asked" }), homes: [await home(forwards)] });
    const said = await refusal();
    expect(said).toContain("the relay: sudo does not let asked become root without a question");
    expect(said).toContain("echo 'asked ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/home-relay");
  });

  test("a system that is no Debian, naming what it is", async () => {
    const release = "/etc/os-release";
    await shell(
      "vps",
      `cp -d ${release} /root/kept && rm ${release} &&
      printf 'ID=alpine\\nPRETTY_NAME="Alpine Linux v3.22"\\n' >${release}`,
    );
    await operator.configure({ relay: await relay(), homes: [await home(forwards)] });
    const said = await refusal();
    await shell("vps", `mv /root/kept ${release}`);
    expect(said).toContain(
      `the relay (${vps4} port 22) is no Debian and nothing made from it; found Alpine Linux v3.22`,
    );
  });

  test("and leaves it as it was", expectVpsUntouched);
});

describe("before any rule is loaded on the VPS, up refuses", () => {
  // Of a container that will not be there any more when the relay is prepared again, or taken away.
  beforeAll(() =>
    shell("vps", "ip link add passing type veth peer name passing-by && ip link set passing up"),
  );

  test("a port on which a service of the owner's listens, naming the program", async () => {
    await operator.configure({ relay: await relay(), homes: [await home(["8000:8080", ...forwards])] });
    const said = await refusal();
    expect(said).toContain("port 8000/tcp is to be forwarded, and python3 listens on it");
    expect(await shell("vps", "nft list tables")).not.toContain("homerelay");
    await expectOwnersThingsToAnswer();
  });

  test("a ufw that would swallow WireGuard and the forwards, with the mend, which mends it", async () => {
    await operator.configure({ relay: await relay(), homes: [await home(forwards)] });
    const said = await refusal();
    expect(said).toContain("ufw is active on this machine");
    const mends = [...said.matchAll(/^ +(ufw (?:route )?allow .*)$/gm)].map(([, mend]) => mend ?? "");
    expect([...new Set(mends)]).toEqual(["ufw allow 51820/udp", "ufw route allow out on homerelay"]);
    for (const mend of new Set(mends)) await shell("vps", mend);
    // The owner's own rules from now on.
    foreign = await foreignTables();
    traces = { ...traces, vps: traces.vps.replaceAll(/^.* \/etc\/ufw\/user6?\.rules$/gm, "") };
  });
});

describe("with a VPS that was there before", () => {
  beforeAll(async () => {
    await operator.up();
  }, 4 * minute);

  test("strangers reach the services over IPv4 and IPv6, which see the strangers' own addresses", async () => {
    await expectForwardsToAnswer();
    expect(await operator.outputs()).toMatchObject({ ipv4Address: vps4, ipv6Address: vps6 });
  });

  test("the owner's page and container answer strangers as before", expectOwnersThingsToAnswer);

  test("the tables of others are as they were", async () => {
    expect(await foreignTables()).toBe(foreign);
  });

  test("nothing on the VPS is reached through the tunnel", async () => {
    const [reached] = await knock("home", [{ protocol: "tcp", address: "10.77.0.1", port: 8000 }], 2);
    expect(reached).toBeNull();
  });

  test("sshd takes keys alone, from every user that it took before", async () => {
    const effective = await shell("vps", "/usr/sbin/sshd -T");
    expect(effective).toMatch(/^passwordauthentication no$/m);
    expect(effective).toMatch(/^permitrootlogin (prohibit-password|without-password)$/m);
    expect(effective).not.toMatch(/^allowusers/m);
    await must(ssh("operator", vps4, ["true"]));
  });

  test("prefixes of the operator that leave him out are taken back at once, also behind sudo", async () => {
    const section = await relay({ adminCidrs: ["192.0.2.99/32"] });
    await operator.configure({ relay: section, homes: [await home(forwards)] });
    expect(await refusal()).toContain(`leave out ${addresses.cgnatOutside}`);
    await operator.configure({ relay: await relay(), homes: [await home(forwards)] });
    await must(ssh("operator", vps4, ["true"]));
  });

  test("an interface that has gone keeps no step from running again", async () => {
    expect(await shell("vps", "cat /etc/homerelay/before")).toContain("/passing/");
    await shell("vps", "ip link delete passing");
    await operator.up(["--replace", "**relay-host-prepare", "--replace", "**relay-system"]);
  });

  test("a second up has nothing to do", async () => {
    const said = await operator.up();
    expect(said).toMatch(/Resources:\n +\d+ unchanged\n/);
  });
});

describe("a second stack", () => {
  let said: string;

  beforeAll(async () => {
    await second.configure({ relay: await relay(), homes: [await home(forwards)] });
    said = await refusal(second);
  }, 4 * minute);

  test.each([
    ["the relay", vps4, "the relay", "deploy", "sudo -n rm"],
    ["nas", addresses.home, "nas", "root", "rm"],
  ])("is refused on %s, which says whose it is and how to mend that", (name, host, called, user, rm) => {
    expect(said).toContain(`${name} (${host} port 22) belongs to another stack: home-relay/existing (`);
    expect(said).toMatch(
      new RegExp(
        `belongs to another stack: home-relay/existing \\([0-9a-f]{32}\\), which calls it ${called}\\.`,
      ),
    );
    expect(said).toContain(`ssh -p 22 ${user}@${host} '${rm} /etc/homerelay/owner'`);
  });

  test("leaves the first one working when it is destroyed", async () => {
    await second.destroy();
    await expectForwardsToAnswer();
    expect(await operator.up()).toMatch(/Resources:\n +\d+ unchanged\n/);
  });
});

describe("a home that is renamed", () => {
  test("goes on on the same machine under its new name", async () => {
    await operator.configure({ relay: await relay(), homes: [{ ...(await home(forwards)), name: "media" }] });
    expect(await operator.up()).toContain("this host goes on as media; nothing was touched");
    await expectForwardsToAnswer();
    expect(await shell("home", "cat /etc/homerelay/owner")).toMatch(/^host media$/m);
  });

  test("and is at rest then", async () => {
    expect(await operator.up()).toMatch(/Resources:\n +\d+ unchanged\n/);
  });
});

describe("destroy", () => {
  beforeAll(async () => {
    await operator.destroy();
  }, 4 * minute);

  test("leaves the VPS byte for byte as it was, packages aside", async () => {
    const added = (await packages()).filter((name) => !owned.includes(name));
    expect(added).toEqual(expect.arrayContaining(["unattended-upgrades", "wireguard-tools"]));
    await shell("vps", `DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y ${added.join(" ")} >/dev/null`);
    const now = (await tracesOf("vps")).replaceAll(/^.* \/etc\/ufw\/user6?\.rules$/gm, "");
    expect(now).toBe(traces.vps);
    expect(await foreignTables()).toBe(foreign);
    await expectOwnersThingsToAnswer();
  });

  test("leaves the home byte for byte as it was", async () => {
    expect(await tracesOf("home")).toBe(traces.home);
  });
});

describe("with a VPS that takes a password alone", () => {
  const password = randomBytes(12).toString("base64url");
  let before: string;

  beforeAll(async () => {
    await shell("vps", "echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/50-owner.conf");
    await shell("vps", "rm /home/deploy/.ssh/authorized_keys && systemctl restart ssh");
    await exec("vps", ["chpasswd"], { input: `deploy:${password}\n` });
    before = (await tracesOf("vps")).replaceAll(/^.* \/etc\/ufw\/user6?\.rules$/gm, "");
    owned = await packages();
    await operator.configure({
      relay: await relay({ identityFile: undefined }),
      homes: [await home(forwards)],
    });
    await operator.setSecret("home-relay:relay.password", password);
    await operator.up();
  }, 4 * minute);

  test("strangers reach the services, and the password opens the VPS as before", async () => {
    await expectForwardsToAnswer();
    expect(await shell("vps", "/usr/sbin/sshd -T")).toMatch(/^passwordauthentication yes$/m);
    expect((await operator.pulumi(["stack", "export"])).stdout).not.toContain(password);
    expect(await operator.up()).toMatch(/Resources:\n +\d+ unchanged\n/);
  });

  test("destroy leaves it as it was, packages aside", async () => {
    await operator.destroy();
    const added = (await packages()).filter((name) => !owned.includes(name));
    await shell("vps", `DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y ${added.join(" ")} >/dev/null`);
    const now = (await tracesOf("vps")).replaceAll(/^.* \/etc\/ufw\/user6?\.rules$/gm, "");
    expect(now).toBe(before);
  });
});
