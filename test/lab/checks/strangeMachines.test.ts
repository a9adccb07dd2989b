/**
 * Machines as people have them, each strange in a named way (`strangeness.ts`). A user is told at once what is in the way,
 * with what mends it, and nothing was changed; or it is not in the way, and a stranger is answered.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses, namespaces } from "../addresses.ts";
import { power } from "../control.ts";
import { expectNoChange, failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { initPid, relayMachine } from "../machines.ts";
import { home, hostKeyOf, Operator, operatorSsh } from "../operator.ts";
import { paths } from "../paths.ts";
import { clientOf, shell, strangerBy } from "../people.ts";
import { inNamespace, must } from "../shell.ts";
import { makeOrdinary, makeStrange, owner } from "../strangeness.ts";
import type { StrangenessName, StrangePlace } from "../strangeness.ts";
import { tracesOn } from "../traces.ts";
import { until, untilSshAnswers } from "../world.ts";

const machines = ["home", "vps"] as const;

const lab = raiseLab({
  stack: "strange",
  homeIpv6: "off",
  machines: [{ name: "vps" }],
  strange: { home: [], vps: [] },
  settings: async () => {
    const nas = await home(["80:8080"]);
    return {
      relay: {
        provider: "ssh",
        host: addresses.vps,
        ipv6: `${addresses.vps6}1`,
        user: owner,
        hostKey: await hostKeyOf("vps"),
        identityFile: paths.operatorKey,
      },
      homes: [{ ...nas, ssh: { ...(nas["ssh"] as object), user: owner } }],
    };
  },
});

/** Both ends at a time: one `up` tells of both. */
interface Refusal {
  readonly home: readonly [StrangenessName, ...said: string[]];
  readonly vps: readonly [StrangenessName, ...said: string[]];
}

const refusals: readonly Refusal[] = [
  {
    home: ["dpkgInterrupted", "dpkg --configure -a"],
    vps: ["noLogin", "This account is currently not available", `usermod --shell /bin/bash ${owner}`],
  },
  {
    home: ["noPackages", "needs packages that apt cannot install", "nftables"],
    vps: ["passwordExpired", "Your password has expired", "Log in once yourself"],
  },
  {
    home: ["noSystemd", "instead of systemd"],
    vps: ["pleaseLogin", 'Please login as the user "ubuntu"', "user: ubuntu"],
  },
  {
    home: ["diskFull", "Its disk is full: /usr/local has 0 MB left"],
    vps: ["sudoAsks", `sudo does not let ${owner} become root without a question`, "NOPASSWD: ALL"],
  },
  {
    home: ["noWireguard", "has no WireGuard"],
    vps: ["requireTty", `Defaults:${owner} !requiretty`],
  },
  {
    home: ["readOnlyUsr", "/usr or /etc is read-only"],
    vps: ["listenPortTaken", "UDP port 51820, where WireGuard is to listen, is taken", "listenPort: 51821"],
  },
];

async function traces(): Promise<Record<StrangePlace, string>> {
  return { home: await tracesBut("home"), vps: await tracesBut("vps") };
}

/** Without the copies that `usermod` keeps of what was before it. */
async function tracesBut(machine: StrangePlace): Promise<string> {
  return (await tracesOn(machine)).replaceAll(/^.* \/etc\/(?:passwd|shadow)-$/gm, "");
}

describe("before anything is changed, up refuses, and says why and what mends it", () => {
  let before: Record<StrangePlace, string>;
  beforeAll(async () => {
    before = await traces();
  });

  test.each(refusals.map((refusal) => [refusal.home[0], refusal.vps[0], refusal] as const))(
    "%s at home, and %s on the VPS",
    async (atHome, onVps, refusal) => {
      await makeStrange("home", [atHome]);
      await makeStrange("vps", [onVps]);
      const said = await failingUp(lab.operator, ["--continue-on-error"]).finally(async () => {
        await makeOrdinary("home", [atHome]);
        await makeOrdinary("vps", [onVps]);
      });
      const [previous, now] = [before, await traces()];
      // What was changed all the same is not the next ones' business.
      if (machines.some((machine) => now[machine] !== previous[machine])) {
        await lab.operator.destroy();
        before = await traces();
      }
      for (const machine of machines)
        for (const words of refusal[machine].slice(1)) expect(said).toContain(words);
      expect(now).toEqual(previous);
    },
  );
});

describe("nothing of this is in the way", () => {
  const strange = {
    home: ["fishShell", "appArmor", "brokenAptSource", "laterSysctlFile"],
    vps: ["noisyBashrc", "appArmor", "brokenAptSource", "laterSysctlFile", "limitSsh"],
  } as const satisfies Record<StrangePlace, readonly StrangenessName[]>;

  beforeAll(async () => {
    for (const machine of machines) await makeStrange(machine, strange[machine]);
    await writeFile(join(operatorSsh, "config"), operatorsOwnConfig, { mode: 0o600 });
    await lab.operator.useProgram(await checkoutOfWindows());
  });

  /** What a terminal is to do on whatever host, as people have it who work on their hosts all day. */
  const operatorsOwnConfig = `Host *
  RemoteCommand tmux new -A -s main
  RequestTTY yes
  LocalForward 8384 127.0.0.1:8384
  ExitOnForwardFailure yes
  SendEnv LANG LC_*
  ForwardAgent yes
  ControlMaster auto
  ControlPath ~/.ssh/%r@%h-%p
  ControlPersist 10
`;

  /** This very program, with the line ends that an editor or git on Windows has given it. */
  async function checkoutOfWindows(): Promise<string> {
    const folder = join(paths.run, "checkout-of-windows");
    const copy = `mkdir "$1" && cd "$0" && cp -r Pulumi.yaml package.json index.ts components "$1" &&
      ln -s "$0/node_modules" "$1" && find "$1" -type f -exec sed -i 's/$/\\r/' {} +`;
    await must(["sh", "-c", copy, join(import.meta.dirname, "../../.."), folder]);
    return folder;
  }

  async function expectStrangerToBeAnswered(): Promise<void> {
    expect(await clientOf(`http://${addresses.vps}/`)).toBe(strangerBy[4]);
    expect(await clientOf(`http://[${addresses.vps6}1]/`)).toBe(strangerBy[6]);
  }

  test(`${strange.home.join(", ")} at home, ${strange.vps.join(", ")} on the VPS: up ends well, and a stranger is answered`, async () => {
    // What this check itself asks of the VPS over SSH is not its owner's.
    await lab.operator.up().finally(() => makeOrdinary("vps", ["limitSsh"]));
    await expectStrangerToBeAnswered();
    await lab.operator.useProgram();
    await expectNoChange(lab.operator);
  });

  test.each(machines)("nor after a boot of the %s", async (machine) => {
    const pid = await initPid(machine);
    await power(machine, "reboot");
    await until(`${machine} boots`, 60, async () => expect(await initPid(machine)).not.toBe(pid));
    await untilSshAnswers(machine);
    await until("a stranger is answered", 30, expectStrangerToBeAnswered);
  });

  test("a firewall that rejects before a forwarded port is told from a service that does not run", async () => {
    await makeStrange("home", ["rejectingFirewall"]);
    const said = await failingUp(lab.operator, ["--replace", "**nas-proof"]).finally(() =>
      makeOrdinary("home", ["rejectingFirewall"]),
    );
    expect(said).toMatch(/80[^\n]*refused by a firewall/);
    await lab.operator.up();
  });

  test("and destroy leaves nothing of ours there", async () => {
    await lab.operator.destroy();
    const left = Object.values(await traces()).flatMap((all) => all.split("\n"));
    expect(left.filter((line) => /homerelay|18546/.test(line))).toEqual([]);
  });
});

describe("a server whose first boot found no package to install", () => {
  const cloud = namespaces.internet;
  const closed = `table inet closed { chain input { type filter hook input priority -300; ip daddr ${addresses.packageMirror} reject with tcp reset; }; }`;

  test("is set up all the same, and the message says what went wrong", async () => {
    const operator = await Operator.withStack("hiccup", () => undefined);
    await operator.configure({ homes: [{ name: "nas", install: "manual", forwards: ["80:8080"] }] });
    await must(inNamespace(cloud, ["nft", closed]));
    const up = operator.up();
    await until("cloud-init gives up", 120, async () => shell(await relayMachine(), gaveUp)).finally(() =>
      must(inNamespace(cloud, ["nft", "delete table inet closed"])),
    );
    expect(await up).toContain("its first boot ended with an error");
    await operator.destroy();
  });

  const gaveUp = "grep -q 'Failure when attempting to install packages' /var/log/cloud-init.log";
});
