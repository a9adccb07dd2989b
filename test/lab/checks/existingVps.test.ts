import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { expectEchoToAnswer, failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec } from "../machines.ts";
import { home, hostKeyOf, Operator } from "../operator.ts";
import { otherTablesOn } from "../otherTables.ts";
import { paths } from "../paths.ts";
import { knock, pageOf, shell, tcp } from "../people.ts";
import { must } from "../shell.ts";
import { tracesOn } from "../traces.ts";
import { ssh, until } from "../world.ts";

const vps4 = addresses.vps;
const vps6 = `${addresses.vps6}1`;
const forwards = ["80:8080", "443:8081", "64738:64738/tcp+udp"];
/** What the owner of the VPS has published from a container. */
const containerPort = 9090;

let second: Operator;
/** As they were before the first `up`. */
let traces: { readonly home: string; readonly vps: string };
let foreign: string;
/** The owner's packages. */
let owned: readonly string[];

const lab = raiseLab({
  stack: "existing",
  machines: [{ name: "vps" }],
  packages: { vps: ["nftables", "iptables", "ufw", "sudo"] },
  container: { vps: [`${containerPort}:80/tcp`] },
  before: async () => {
    await shell("vps", prepareVps);
    await shell("vps", runContainer);
    await until("the owner's ufw is up", 60, () => shell("vps", setUpUfw));
    owned = await packages();
    foreign = await foreignTables();
    traces = { home: await tracesOn("home"), vps: await tracesOn("vps") };
    second = await Operator.withStack("second", () => undefined);
  },
});

/** Users of the owner's: one whose sudo asks nothing, one whose sudo asks. */
const prepareVps = `
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

/** The owner changes the files of his rules between two looks. */
function withoutUfwRules(traces: string): string {
  return traces.replaceAll(/^.* \/etc\/ufw\/user6?\.rules$/gm, "");
}

async function packages(): Promise<string[]> {
  return (await shell("vps", "dpkg-query -W -f '${Package}\\n'")).trim().split("\n");
}

async function foreignTables(): Promise<string> {
  const text = await otherTablesOn("vps");
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
const refusal = (by = lab.operator) => failingUp(by, ["--continue-on-error"]);

async function expectForwardsToAnswer(): Promise<void> {
  expect(await pageOf(`http://${vps4}/`)).toContain(`You are ${addresses.stranger}`);
  expect(await pageOf(`https://${vps4}/`)).toContain(`You are ${addresses.stranger}`);
  expect(await pageOf(`http://[${vps6}]/`)).toContain(`You are ${addresses.stranger6}`);
  await expectEchoToAnswer({ 4: vps4, 6: vps6 }, 64738);
}

async function expectOwnersThingsToAnswer(): Promise<void> {
  expect(await pageOf(`http://${vps4}:8000/`)).toContain("Hello from the vps");
  expect(await pageOf(`http://${vps4}:${containerPort}/`)).toContain("Hello from the container");
}

/** Nothing of ours is on the VPS. */
async function expectVpsUntouched(): Promise<void> {
  expect(await tracesOn("vps")).toBe(traces.vps);
}

test("the owner's things answer before there is a relay", expectOwnersThingsToAnswer);

describe("before anything is changed on the VPS, up refuses", () => {
  test("a host that nobody has, within 30 s, naming host, port and what was tried", async () => {
    await lab.operator.configure({
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
    await lab.operator.configure({ relay: await relay({ port: 2022 }), homes: [await home(forwards)] });
    const said = await refusal();
    await shell("vps", "ufw delete allow 2022/tcp");
    expect(said).toMatch(/tried ssh to 198\.51\.100\.251 port 2022 as deploy for \d+ s/);
    expect(Number(/as deploy for (\d+) s/.exec(said)?.[1])).toBeLessThan(30);
  });

  test("a host key that is not the pinned one, with both fingerprints", async () => {
    await lab.operator.configure({
      relay: await relay({ hostKey: await hostKeyOf("home") }),
      homes: [await home(forwards)],
    });
    const said = await refusal();
    expect(said).toContain(`the relay (${vps4} port 22) shows a host key that is not the pinned one`);
    expect(said).toMatch(/\n +pinned: +SHA256:\S+\s+offered: +SHA256:/);
  });

  test("a user whose sudo asks, with the line that mends it", async () => {
    await lab.operator.configure({ relay: await relay({ user: "asked" }), homes: [await home(forwards)] });
    const said = await refusal();
    expect(said).toContain(
      `the relay (${vps4} port 22) cannot be set up as it is. Nothing was changed there.`,
    );
    expect(said).toContain("sudo does not let asked become root without a question");
    expect(said).toContain("echo 'asked ALL=(ALL) NOPASSWD: ALL' | sudo tee -a /etc/sudoers.d/home-relay");
  });

  test("a system that is no Debian, naming what it is", async () => {
    const release = "/etc/os-release";
    await shell(
      "vps",
      `cp -d ${release} /root/kept && rm ${release} &&
      printf 'ID=alpine\\nPRETTY_NAME="Alpine Linux v3.22"\\n' >${release}`,
    );
    await lab.operator.configure({ relay: await relay(), homes: [await home(forwards)] });
    const said = await refusal();
    await shell("vps", `mv /root/kept ${release}`);
    expect(said).toContain("It is no Debian and nothing made from it; found Alpine Linux v3.22.");
  });

  test("a port for WireGuard that something else has, naming it and both ways out", async () => {
    await shell("vps", "systemd-run --quiet --unit=taken nc -lku 51820 && sleep 1");
    await lab.operator.configure({ relay: await relay(), homes: [await home(forwards)] });
    const said = await refusal();
    await shell("vps", "systemctl stop taken");
    expect(said).toMatch(
      /UDP port 51820, where WireGuard is to listen, is taken: nc \(process \d+\) has it\./,
    );
    expect(said).toContain("home-relay:tunnel: { listenPort: 51821 }");
  });

  test("and leaves it as it was", expectVpsUntouched);
});

describe("before any rule is loaded on the VPS, up refuses", () => {
  // Of a container that will not be there any more when the relay is prepared again, or taken away.
  beforeAll(() =>
    shell("vps", "ip link add passing type veth peer name passing-by && ip link set passing up"),
  );

  test("a port on which a service of the owner's listens, naming the program", async () => {
    await lab.operator.configure({ relay: await relay(), homes: [await home(["8000:8080", ...forwards])] });
    const said = await refusal();
    expect(said).toContain("port 8000/tcp is to be forwarded, and python3 listens on it");
    expect(await shell("vps", "nft list tables")).not.toContain("homerelay");
    await expectOwnersThingsToAnswer();
  });

  test("a port on which nothing listens, since rules send it to a container of the owner's", async () => {
    await lab.operator.configure({
      relay: await relay(),
      homes: [await home([`${containerPort}:8080`, ...forwards])],
    });
    expect(await refusal()).toMatch(
      new RegExp(
        `port ${containerPort}/tcp is to be forwarded, and chain DOCKER of the table ip6? nat sends it`,
      ),
    );
    expect(await shell("vps", "nft list tables")).not.toContain("homerelay");
    await expectOwnersThingsToAnswer();
  });

  test("a ufw that would swallow WireGuard and the forwards, with the mend, which mends it", async () => {
    await lab.operator.configure({ relay: await relay(), homes: [await home(forwards)] });
    const said = await refusal();
    expect(said).toContain("ufw is active on this machine");
    const mends = [...said.matchAll(/^ +(ufw (?:route )?allow .*)$/gm)].map(([, mend]) => mend ?? "");
    expect([...new Set(mends)]).toEqual(["ufw allow 51820/udp", "ufw route allow out on homerelay"]);
    for (const mend of new Set(mends)) await shell("vps", mend);
    // The owner's own rules from now on.
    foreign = await foreignTables();
    traces = { ...traces, vps: withoutUfwRules(traces.vps) };
  });
});

describe("with a VPS that was there before", () => {
  beforeAll(async () => {
    await lab.operator.up();
  });

  test("strangers reach the services over IPv4 and IPv6, which see the strangers' own addresses", async () => {
    await expectForwardsToAnswer();
    expect(await lab.operator.outputs()).toMatchObject({ ipv4Address: vps4, ipv6Address: vps6 });
  });

  test("the owner's page and container answer strangers as before", expectOwnersThingsToAnswer);

  test("the tables of others are as they were", async () => {
    expect(await foreignTables()).toBe(foreign);
  });

  test("nothing on the VPS is reached through the tunnel", async () => {
    const [reached] = await knock("home", [tcp("10.77.0.1", 8000)], 2);
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
    await lab.operator.configure({ relay: section, homes: [await home(forwards)] });
    expect(await refusal()).toContain(`leave out ${addresses.cgnatOutside}`);
    await lab.operator.configure({ relay: await relay(), homes: [await home(forwards)] });
    await must(ssh("operator", vps4, ["true"]));
  });

  test("another port for WireGuard that something has is refused, and the tunnel goes on at the one before", async () => {
    await shell("vps", "systemd-run --quiet --unit=taken nc -lku 51999 && sleep 1");
    const homes = [await home(forwards)];
    await lab.operator.configure({ relay: await relay(), homes, tunnel: { listenPort: 51999 } });
    expect(await refusal()).toMatch(
      /UDP port 51999, where WireGuard is to listen, is taken: nc \(process \d+\)/,
    );
    await shell("vps", "systemctl stop taken");
    expect(await shell("vps", "wg show homerelay listen-port")).toBe("51820\n");
    expect(await shell("vps", "nft list chain inet homerelay input")).not.toContain("51999");
    await expectForwardsToAnswer();
    await lab.operator.configure({ relay: await relay(), homes });
  });

  test("an interface that has gone keeps no step from running again", async () => {
    expect(await shell("vps", "cat /etc/homerelay/before")).toContain("/passing/");
    await shell("vps", "ip link delete passing");
    await lab.operator.up(["--replace", "**relay-prepare", "--replace", "**relay-system"]);
  });

  test("a check finds all as it should be, and names the owner's ufw where that swallows the forwards", async () => {
    const well = await lab.operator.check();
    await shell("vps", "ufw route delete allow out on homerelay");
    const ill = await lab.operator.check();
    await shell("vps", "ufw route allow out on homerelay");
    expect([well.code, well.stdout]).toEqual([0, expect.stringContaining("All is as the stack wants it")]);
    expect([ill.code, ill.stdout]).toEqual([
      1,
      expect.stringContaining(
        "    reaches the relay, whose ufw swallows it\n    -> on the relay: ufw route allow out on homerelay\n",
      ),
    ]);
  });

  test("a second up has nothing to do", async () => {
    const said = await lab.operator.up();
    expect(said).toMatch(/Resources:\n +\d+ unchanged\n/);
  });
});

describe("a second stack", () => {
  let said: string;

  beforeAll(async () => {
    await second.configure({ relay: await relay(), homes: [await home(forwards)] });
    said = await refusal(second);
  });

  test.each([
    ["the relay", vps4, "Relay", "deploy", "sudo -n rm"],
    ["nas", addresses.home, "nas", "root", "rm"],
  ])("is refused on %s, which says whose it is and how to mend that", (name, host, called, user, rm) => {
    expect(said).toContain(`${name} (${host} port 22) cannot be set up as it is. Nothing was changed there.`);
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
    expect(await lab.operator.up()).toMatch(/Resources:\n +\d+ unchanged\n/);
  });
});

describe("a home that is renamed", () => {
  test("goes on on the same machine under its new name", async () => {
    await lab.operator.configure({
      relay: await relay(),
      homes: [{ ...(await home(forwards)), name: "media" }],
    });
    expect(await lab.operator.up()).toContain("this host goes on as media; nothing was touched");
    await expectForwardsToAnswer();
    expect(await shell("home", "cat /etc/homerelay/owner")).toMatch(/^host media$/m);
  });

  test("and is at rest then", async () => {
    expect(await lab.operator.up()).toMatch(/Resources:\n +\d+ unchanged\n/);
  });
});

describe("destroy", () => {
  beforeAll(async () => {
    await lab.operator.destroy();
  });

  test("leaves the VPS byte for byte as it was, packages aside", async () => {
    const added = (await packages()).filter((name) => !owned.includes(name));
    expect(added).toEqual(expect.arrayContaining(["unattended-upgrades", "wireguard-tools"]));
    await shell("vps", `DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y ${added.join(" ")} >/dev/null`);
    const now = withoutUfwRules(await tracesOn("vps"));
    expect(now).toBe(traces.vps);
    expect(await foreignTables()).toBe(foreign);
    await expectOwnersThingsToAnswer();
  });

  test("leaves the home byte for byte as it was", async () => {
    expect(await tracesOn("home")).toBe(traces.home);
  });
});

describe("with a VPS that takes a password alone", () => {
  const password = randomBytes(12).toString("base64url");
  let before: string;

  beforeAll(async () => {
    await shell("vps", "echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/50-owner.conf");
    await shell("vps", "rm /home/deploy/.ssh/authorized_keys && systemctl restart ssh");
    await exec("vps", ["chpasswd"], { input: `deploy:${password}\n` });
    before = withoutUfwRules(await tracesOn("vps"));
    owned = await packages();
    await lab.operator.configure({
      relay: await relay({ identityFile: undefined }),
      homes: [await home(forwards)],
    });
    await lab.operator.setSecret("home-relay:relay.password", password);
    await lab.operator.up();
  });

  test("strangers reach the services, and the password opens the VPS as before", async () => {
    await expectForwardsToAnswer();
    expect(await shell("vps", "/usr/sbin/sshd -T")).toMatch(/^passwordauthentication yes$/m);
    expect((await lab.operator.pulumi(["stack", "export"])).stdout).not.toContain(password);
    expect(await lab.operator.up()).toMatch(/Resources:\n +\d+ unchanged\n/);
  });

  test("destroy leaves it as it was, packages aside", async () => {
    await lab.operator.destroy();
    const added = (await packages()).filter((name) => !owned.includes(name));
    await shell("vps", `DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y ${added.join(" ")} >/dev/null`);
    const now = withoutUfwRules(await tracesOn("vps"));
    expect(now).toBe(before);
  });
});
