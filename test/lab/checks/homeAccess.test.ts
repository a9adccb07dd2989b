/** Every way to a home over SSH: by an agent, another port, an alias, a password, another host. */
import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec, machineNames } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, hostKeyOf, operatorSsh } from "../operator.ts";
import { paths } from "../paths.ts";
import { installPackages, pageOf, shell } from "../people.ts";
import { must, run } from "../shell.ts";
import { tracesOn } from "../traces.ts";

let traces: string;

const lab = raiseLab({
  stack: "access",
  machines: [{ name: "attic" }],
  packages: { home: ["sudo"] },
  before: async () => {
    traces = await tracesOn("home");
  },
});

/** The home, with another way in; `undefined` takes a key of it away. */
async function configure(way: Record<string, unknown>): Promise<void> {
  const nas = await home(["80:8080"]);
  const written = Object.entries({ ...(nas["ssh"] as object), ...way });
  await lab.operator.configure({
    homes: [{ ...nas, ssh: Object.fromEntries(written.filter(([, value]) => value !== undefined)) }],
  });
}

async function page(): Promise<string> {
  return pageOf(`http://${(await lab.operator.published())[4]}/`);
}

const stranger = `You are ${addresses.stranger}`;

describe("a key", () => {
  const socket = join(paths.run, "agent.sock");
  const withAgent = { env: { SSH_AUTH_SOCK: socket } };

  beforeAll(async () => {
    const agent = [
      "sh",
      "-c",
      'ssh-agent -D -a "$0" >/dev/null 2>&1 & while ! [ -S "$0" ]; do sleep 0.1; done',
      socket,
    ];
    await must(asPerson("operator", agent));
    await must(["ssh-add", "-q", paths.operatorKey], { env: { ...process.env, ...withAgent.env } });
  });

  test("that only the agent has opens the home", async () => {
    await configure({ identityFile: undefined });
    expect(await failingUp(lab.operator)).toContain(
      `nas (${addresses.home} port 22) refuses the login of root`,
    );
    await lab.operator.up([], withAgent);
    expect(await page()).toContain(stranger);
  });

  test("opens it at another port", async () => {
    await shell("home", "echo 'Port 2022' >/etc/ssh/sshd_config.d/port.conf && systemctl restart ssh");
    await configure({ port: 2022 });
    await lab.operator.up();
    expect(await page()).toContain(stranger);
    await shell("home", "rm /etc/ssh/sshd_config.d/port.conf && systemctl restart ssh");
  });

  test("and an address that only ~/.ssh/config knows, by an alias", async () => {
    const config = `Host my-nas\n  HostName ${addresses.home}\n  IdentityFile ${paths.operatorKey}\n`;
    await writeFile(join(operatorSsh, "config"), config, { mode: 0o600 });
    await configure({ host: "my-nas", identityFile: undefined });
    await lab.operator.up();
    expect(await page()).toContain(stranger);
  });

  test("and destroy cleans it by that alias, too", async () => {
    await lab.operator.destroy();
    expect(await tracesOn("home")).toBe(traces);
    await rm(join(operatorSsh, "config"));
  });
});

describe("a password", () => {
  const password = randomBytes(12).toString("base64url");
  const key = "home-relay:homes[0].ssh.password";
  const sudoers = "/etc/sudoers.d/ops";

  beforeAll(async () => {
    const allow = "PasswordAuthentication yes\\n";
    await shell("home", `useradd --create-home ops && printf '${allow}' >/etc/ssh/sshd_config.d/ops.conf`);
    await exec("home", ["chpasswd"], { input: `ops:${password}\n` });
    await shell("home", `echo 'ops ALL=(ALL) NOPASSWD: ALL' >${sudoers} && systemctl restart ssh`);
    traces = await tracesOn("home");
  });

  afterAll(() =>
    shell(
      "home",
      `userdel --remove ops; rm ${sudoers} /etc/ssh/sshd_config.d/ops.conf; systemctl restart ssh`,
    ),
  );

  test("in plain text is refused, with the command that mends it", async () => {
    await configure({ user: "ops", identityFile: undefined, password });
    const said = await failingUp(lab.operator);
    expect(said).toContain(`${key}: stands in plain text in the stack file`);
    expect(said).toContain(`pulumi config set --secret --path '${key}'`);
    expect(said).not.toContain(password);
    await lab.operator.setSecret("home-relay:homes[0].ssh.user", "ops");
    expect(await failingUp(lab.operator)).toContain(`${key}: stands in plain text in the stack file`);
  });

  test("does not help where sudo asks for one, and the message says what does", async () => {
    await configure({ user: "ops", identityFile: undefined });
    await lab.operator.setSecret(key, password);
    await shell("home", `echo 'ops ALL=(ALL) ALL' >${sudoers}`);
    expect(await failingUp(lab.operator)).toContain("sudo does not let ops become root without a question");
    await shell("home", `echo 'ops ALL=(ALL) NOPASSWD: ALL' >${sudoers}`);
  });

  test("opens the home, and is seen nowhere", async () => {
    const processes = new Set<string>();
    const watching = watchProcesses(processes);
    let output: string;
    try {
      output = await lab.operator.up(["--diff"]);
    } finally {
      await watching.end();
    }
    expect(await page()).toContain(stranger);
    const exported = (await lab.operator.pulumi(["stack", "export"])).stdout;
    expect(processes.size).toBeGreaterThan(20);
    // The search looks in the right place: there is the step that has the password.
    expect([...processes].some((line) => line.includes('"passwordKey":'))).toBe(true);
    const places = { output, exported, processes: [...processes].join("\n") };
    for (const [place, text] of Object.entries(places))
      expect([place, text.includes(password)]).toEqual([place, false]);
    expect(output).not.toContain("getSecretObject");
  });

  test("is followed by an up that changes nothing", async () => {
    expect(await lab.operator.up(["--expect-no-changes"])).toMatch(/unchanged/);
  });

  test("that is wrong is told at once, after a single try", async () => {
    await lab.operator.setSecret(key, "wrong");
    await shell("home", "journalctl --rotate --vacuum-time=1s -q");
    const said = await failingUp(lab.operator);
    expect(said).toContain(
      `nas (${addresses.home} port 22) refuses the password of ops. Set the right one:\n` +
        `      pulumi config set --secret --path '${key}'`,
    );
    const tries = await shell(
      "home",
      "journalctl -u 'ssh*' -o cat --no-pager | grep -c 'Failed password for ops'",
    );
    expect(Number(tries)).toBe(1);
  });

  test("is how destroy cleans the home", async () => {
    await lab.operator.setSecret(key, password);
    await lab.operator.up();
    await lab.operator.destroy();
    expect(await tracesOn("home")).toBe(traces);
  });
});

describe("a home that can be reached through the attic alone", () => {
  const gate = { host: addresses.attic, user: "root", identityFile: paths.operatorKey };
  const rule = `table inet lab { chain input { type filter hook input priority 0; ip saddr ${addresses.operator} tcp dport 22 drop; }; }`;

  beforeAll(async () => {
    await installPackages("home", ["nftables"]);
    traces = await tracesOn("home");
    await shell("home", `nft '${rule}'`);
  });

  test("is told within half a minute, with all that was tried, where no jump host is named", async () => {
    await configure({});
    const told = new RegExp(
      `nas does not answer: tried ssh to ${addresses.home} port 22 as root for (\\d+) s`,
    );
    expect(Number(told.exec(await failingUp(lab.operator))?.[1])).toBeLessThan(30);
  });

  test("gets the stranger's packets when set up through it", async () => {
    await configure({ jump: { ...gate, hostKey: await hostKeyOf("attic") } });
    await lab.operator.up();
    expect(await page()).toContain(stranger);
  });

  test("and where the jump host's key is not pinned, the operator's known hosts decide", async () => {
    await configure({ jump: gate });
    expect(await failingUp(lab.operator)).toContain(
      `the jump host of nas (${addresses.attic} port 22) shows a host key that your known_hosts does not have for it`,
    );
    await writeFile(join(operatorSsh, "known_hosts"), `${addresses.attic} ${await hostKeyOf("attic")}\n`);
    await lab.operator.up();
    expect(await page()).toContain(stranger);
  });

  test("a jump host with another key gets nothing, and is told apart from the home", async () => {
    await configure({ jump: { ...gate, hostKey: await hostKeyOf("home") } });
    const said = await failingUp(lab.operator);
    expect(said).toContain(
      `the jump host of nas (${addresses.attic} port 22) shows a host key that is not the pinned one`,
    );
    expect(said).toMatch(/pinned: {2}SHA256:\S+\s+offered: SHA256:\S+/);
  });

  test("a jump host that refuses us is told apart from a home that does", async () => {
    await configure({ jump: { ...gate, port: 23 } });
    expect(await failingUp(lab.operator)).toContain("the jump host of nas turns us away: tried ssh to");
    await configure({ port: 23, jump: { ...gate, hostKey: await hostKeyOf("attic") } });
    const said = await failingUp(lab.operator);
    expect(said).toContain("nas turns us away: tried ssh to");
    expect(said).not.toContain("the jump host of nas");
    expect(said).toContain(`through root@${addresses.attic} port 22`);
  });

  test("is cleaned by destroy, through the attic too", async () => {
    await configure({ jump: `root@${addresses.attic}` });
    await writeFile(
      join(operatorSsh, "config"),
      `Host ${addresses.attic}\n  IdentityFile ${paths.operatorKey}\n`,
    );
    await lab.operator.up();
    await lab.operator.destroy();
    await shell("home", "nft delete table inet lab");
    expect(await tracesOn("home")).toBe(traces);
  });
});

/**
 * Collects every command line and environment that is seen on the hosts and at the operator's while something runs.
 * One process is left out: Pulumi hands the settings, decrypted, to the program itself in its environment.
 */
function watchProcesses(seen: Set<string>): { end: () => Promise<void> } {
  const ending = new AbortController();
  const loop = (async () => {
    while (!ending.signal.aborted) {
      const machines = await machineNames().catch(() => []);
      const list = ["ps", "axeww", "-o", "comm=,args="];
      const lists = await Promise.all([
        ...machines.map((name) => exec(name, list).catch(() => undefined)),
        run(list),
      ]);
      for (const one of lists)
        for (const line of (one?.stdout ?? "").split("\n"))
          if (!line.includes(' PULUMI_CONFIG={"')) seen.add(line);
      await sleep(100);
    }
  })();
  return {
    end: () => {
      ending.abort();
      return loop;
    },
  };
}
