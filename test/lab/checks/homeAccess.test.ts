/** Every way to a home over SSH: by an agent, another port, an alias, a password, another host. */
import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { addMachine } from "../control.ts";
import { exec, machineNames } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, hostKeyOf, Operator, operatorSsh } from "../operator.ts";
import { paths } from "../paths.ts";
import { shell } from "../people.ts";
import { Progress } from "../progress.ts";
import { must, run } from "../shell.ts";
import type { RunOptions } from "../shell.ts";
import { down, ssh, until, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(4 * minute);

let operator: Operator;
let traces: string;

beforeAll(async () => {
  await down();
  await up(new Progress(process.stderr));
  await addMachine({ name: "attic" });
  await until("the attic's SSH answers", 60, () => must(ssh("operator", addresses.attic, ["true"])));
  await shell("home", "apt-get -qq update && apt-get -qq install -y sudo >/dev/null 2>&1");
  traces = await tracesAtHome();
  operator = await Operator.withStack("access", () => undefined);
}, 30 * minute);

afterAll(down, minute);

async function tracesAtHome(): Promise<string> {
  const script = await readFile(join(import.meta.dirname, "../traces.sh"), "utf8");
  const { code, stdout, stderr } = await exec("home", ["bash", "-s"], { input: script });
  if (code !== 0) throw new Error(`traces.sh: ${stderr}`);
  return stdout;
}

/** The home, with another way in; `undefined` takes a key of it away. */
async function configure(way: Record<string, unknown>): Promise<void> {
  const nas = await home(["80:8080"]);
  const written = Object.entries({ ...(nas["ssh"] as object), ...way });
  await operator.configure({
    homes: [{ ...nas, ssh: Object.fromEntries(written.filter(([, value]) => value !== undefined)) }],
  });
}

async function page(): Promise<string> {
  const url = `http://${String((await operator.outputs())["ipv4Address"])}/`;
  return (await run(asPerson("stranger", ["curl", "--silent", "--max-time", "3", url]))).stdout;
}

const stranger = `You are ${addresses.stranger}`;

/** An `up` that has to fail; what it said. */
async function refusal(options: RunOptions = {}): Promise<string> {
  const up = ["up", "--yes", "--skip-preview", "--non-interactive", "--color", "never"];
  const { code, stdout } = await operator.pulumi(up, options);
  expect(code).not.toBe(0);
  return stdout.slice(stdout.indexOf("Diagnostics:"));
}

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
    expect(await refusal()).toContain(`nas (${addresses.home} port 22) refuses the login of root`);
    await operator.up([], withAgent);
    expect(await page()).toContain(stranger);
  });

  test("opens it at another port", async () => {
    await shell("home", "echo 'Port 2022' >/etc/ssh/sshd_config.d/port.conf && systemctl restart ssh");
    await configure({ port: 2022 });
    await operator.up();
    expect(await page()).toContain(stranger);
    await shell("home", "rm /etc/ssh/sshd_config.d/port.conf && systemctl restart ssh");
  });

  test("and an address that only ~/.ssh/config knows, by an alias", async () => {
    const config = `Host my-nas\n  HostName ${addresses.home}\n  IdentityFile ${paths.operatorKey}\n`;
    await writeFile(join(operatorSsh, "config"), config, { mode: 0o600 });
    await configure({ host: "my-nas", identityFile: undefined });
    await operator.up();
    expect(await page()).toContain(stranger);
  });

  test("and destroy cleans it by that alias, too", async () => {
    await operator.destroy();
    expect(await tracesAtHome()).toBe(traces);
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
    traces = await tracesAtHome();
  });

  afterAll(() =>
    shell(
      "home",
      `userdel --remove ops; rm ${sudoers} /etc/ssh/sshd_config.d/ops.conf; systemctl restart ssh`,
    ),
  );

  test("in plain text is refused, with the command that mends it", async () => {
    await configure({ user: "ops", identityFile: undefined, password });
    const said = await refusal();
    expect(said).toContain(`${key}: stands in plain text in the stack file`);
    expect(said).toContain(`pulumi config set --secret --path '${key}'`);
    expect(said).not.toContain(password);
    await operator.setSecret("home-relay:homes[0].ssh.user", "ops");
    expect(await refusal()).toContain(`${key}: stands in plain text in the stack file`);
  });

  test("does not help where sudo asks for one, and the message says what does", async () => {
    await configure({ user: "ops", identityFile: undefined });
    await operator.setSecret(key, password);
    await shell("home", `echo 'ops ALL=(ALL) ALL' >${sudoers}`);
    expect(await refusal()).toContain("nas: sudo does not let ops become root without a question");
    await shell("home", `echo 'ops ALL=(ALL) NOPASSWD: ALL' >${sudoers}`);
  });

  test("opens the home, and is seen nowhere", async () => {
    const processes = new Set<string>();
    const watching = watchProcesses(processes);
    let output: string;
    try {
      output = await operator.up(["--diff"]);
    } finally {
      await watching.end();
    }
    expect(await page()).toContain(stranger);
    const exported = (await operator.pulumi(["stack", "export"])).stdout;
    expect(processes.size).toBeGreaterThan(20);
    // The search looks in the right place: there is the step that has the password.
    expect([...processes].some((line) => line.includes("PASSWORD_KEY="))).toBe(true);
    const places = { output, exported, processes: [...processes].join("\n") };
    for (const [place, text] of Object.entries(places))
      expect([place, text.includes(password)]).toEqual([place, false]);
    expect(output).not.toContain("getSecretObject");
  });

  test("is followed by an up that changes nothing", async () => {
    expect(await operator.up(["--expect-no-changes"])).toMatch(/unchanged/);
  });

  test("that is wrong is told at once, after a single try", async () => {
    await operator.setSecret(key, "wrong");
    await shell("home", "journalctl --rotate --vacuum-time=1s -q");
    const said = await refusal();
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
    await operator.setSecret(key, password);
    await operator.up();
    await operator.destroy();
    expect(await tracesAtHome()).toBe(traces);
  });
});

describe("a home that can be reached through the attic alone", () => {
  const gate = { host: addresses.attic, user: "root", identityFile: paths.operatorKey };
  const rule = `table inet lab { chain input { type filter hook input priority 0; ip saddr ${addresses.operator} tcp dport 22 drop; }; }`;

  beforeAll(async () => {
    await shell("home", "apt-get -qq install -y nftables >/dev/null 2>&1");
    traces = await tracesAtHome();
    await shell("home", `nft '${rule}'`);
  });

  test("is told within half a minute, with all that was tried, where no jump host is named", async () => {
    await configure({});
    const told = new RegExp(
      `nas does not answer: tried ssh to ${addresses.home} port 22 as root for (\\d+) s`,
    );
    expect(Number(told.exec(await refusal())?.[1])).toBeLessThan(30);
  });

  test("gets the stranger's packets when set up through it", async () => {
    await configure({ jump: { ...gate, hostKey: await hostKeyOf("attic") } });
    await operator.up();
    expect(await page()).toContain(stranger);
  });

  test("and where the jump host's key is not pinned, the operator's known hosts decide", async () => {
    await configure({ jump: gate });
    expect(await refusal()).toContain(
      `the jump host of nas (${addresses.attic} port 22) shows a host key that your known_hosts does not have for it`,
    );
    await writeFile(join(operatorSsh, "known_hosts"), `${addresses.attic} ${await hostKeyOf("attic")}\n`);
    await operator.up();
    expect(await page()).toContain(stranger);
  });

  test("a jump host with another key gets nothing, and is told apart from the home", async () => {
    await configure({ jump: { ...gate, hostKey: await hostKeyOf("home") } });
    const said = await refusal();
    expect(said).toContain(
      `the jump host of nas (${addresses.attic} port 22) shows a host key that is not the pinned one`,
    );
    expect(said).toMatch(/pinned: {2}SHA256:\S+\s+offered: SHA256:\S+/);
  });

  test("a jump host that does not answer is told apart from a home that does not", async () => {
    await configure({ jump: { ...gate, port: 23 } });
    expect(await refusal()).toContain("the jump host of nas does not answer: tried ssh to");
    await configure({ port: 23, jump: { ...gate, hostKey: await hostKeyOf("attic") } });
    const said = await refusal();
    expect(said).toContain("nas does not answer: tried ssh to");
    expect(said).not.toContain("the jump host of nas does not answer");
    expect(said).toContain(`through root@${addresses.attic} port 22`);
  });

  test("is cleaned by destroy, through the attic too", async () => {
    await configure({ jump: `root@${addresses.attic}` });
    await writeFile(
      join(operatorSsh, "config"),
      `Host ${addresses.attic}\n  IdentityFile ${paths.operatorKey}\n`,
    );
    await operator.up();
    await operator.destroy();
    await shell("home", "nft delete table inet lab");
    expect(await tracesAtHome()).toBe(traces);
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
