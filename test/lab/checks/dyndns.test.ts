import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { cloudRequests, deleteServersByHand, forgetCloudRequests } from "../cloudByHand.ts";
import { controlDynDns } from "../control.ts";
import type { DynDnsRequest } from "../dynDns.ts";
import { failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec, relayMachine } from "../machines.ts";
import { pageOf, shell } from "../people.ts";
import { until } from "../world.ts";

const freemyipToken = randomBytes(12).toString("hex");
const duckdnsToken = randomUUID();
/** Of characters that a shell, curl and a URL would read otherwise. */
const password = `correct "horse" \\ ${randomBytes(6).toString("hex")}`;
const ownKey = randomBytes(12).toString("hex");
const dyndns2 = { provider: "dyndns2", server: "https://dyn.example.net", user: "me" };

let ipv4: string;
let ipv6: string;

const lab = raiseLab({
  stack: "dyndns",
  before: () =>
    controlDynDns({
      claim: {
        "myhome.freemyip.com": freemyipToken,
        "myhome.duckdns.org": duckdnsToken,
        "second.duckdns.org": duckdnsToken,
        "home.example.net": `me:${password}`,
        "own.example.net": ownKey,
        "hidden.example.net": ownKey,
      },
    }),
});

/** Writes the stack file with these names, and sets the secret as a user does. */
async function configure(dns: object, secret?: { key: string; value: string }): Promise<void> {
  await lab.operator.forward(["80:8080"], { dns: { ...dns } });
  if (secret) await lab.operator.setSecret(`home-relay:dns.${secret.key}`, secret.value);
}

async function requests(): Promise<readonly DynDnsRequest[]> {
  return (await controlDynDns()).requests;
}

const queries = async () => (await requests()).map(({ query }) => query);

async function expectHome(name: string): Promise<void> {
  expect(await pageOf(`http://${name}/`, 4)).toContain(`<p>You are ${addresses.stranger}</p>`);
  expect(await pageOf(`http://${name}/`, 6)).toContain(`<p>You are ${addresses.stranger6}</p>`);
}

/** One tick of the timer; whether it failed. */
async function tick(): Promise<{ failed: boolean; said: string }> {
  const machine = await relayMachine();
  // The timer is slower than what systemd allows.
  await exec(machine, ["systemctl", "reset-failed", "homerelay-dyndns.service"]);
  const { code } = await exec(machine, ["systemctl", "start", "homerelay-dyndns.service"]);
  const said = await shell(machine, "journalctl --unit homerelay-dyndns.service --lines 5 --output cat");
  return { failed: code !== 0, said };
}

/** As if so many seconds had passed since the relay sent. */
async function age(seconds: number): Promise<void> {
  const edit = `awk '{ $2 -= ${seconds}; print }' requests >older && mv older requests`;
  await shell(await relayMachine(), `cd /var/lib/homerelay/dyndns && ${edit}`);
}

const failedUp = () => failingUp(lab.operator);

describe("a token in plain text", () => {
  test("is refused with the command that encrypts it, and not shown", async () => {
    await configure({ provider: "freemyip", names: ["myhome.freemyip.com"], token: freemyipToken });
    const said = await failedUp();
    expect(said).toContain("home-relay:dns.token: is a secret, and stands in the stack file in plain text");
    expect(said).toContain("pulumi config set --secret --path home-relay:dns.token");
    expect(said).not.toContain(freemyipToken);
  });
});

describe("freemyip", () => {
  let output: string;

  beforeAll(async () => {
    await configure(
      { provider: "freemyip", names: ["myhome.freemyip.com"] },
      { key: "token", value: freemyipToken },
    );
    output = await lab.operator.up(["--diff"]);
    ({ 4: ipv4, 6: ipv6 } = await lab.operator.published());
    expect((await lab.operator.outputs())["names"]).toEqual(["myhome.freemyip.com"]);
  });

  test("is told both addresses, and a stranger gets home by the name over either", async () => {
    const request = { domain: "myhome.freemyip.com", token: freemyipToken };
    expect(await queries()).toEqual([
      { ...request, myip: ipv4 },
      { ...request, myip: ipv6 },
    ]);
    await expectHome("myhome.freemyip.com");
  });

  test("the token is in one file of the relay, for root alone, and nowhere else", async () => {
    const machine = await relayMachine();
    const found = await shell(
      machine,
      `grep -rl '${freemyipToken}' /etc /root /usr/local /var /run /tmp || true`,
    );
    expect(found.trim()).toBe("/etc/homerelay/dyndns/secret");
    expect(await shell(machine, "stat -c '%a %U' /etc/homerelay/dyndns/secret")).toBe("600 root\n");
    expect(await shell(machine, "journalctl --output cat")).not.toContain(freemyipToken);
    expect(output).not.toContain(freemyipToken);
    const exported = (await lab.operator.pulumi(["stack", "export"])).stdout;
    expect(exported).toContain("myhome.freemyip.com");
    expect(exported).not.toContain(freemyipToken);
  });

  test("a further up and preview change nothing and ask nobody", async () => {
    await controlDynDns({ reset: true });
    await forgetCloudRequests();
    await lab.operator.up(["--expect-no-changes"]);
    const preview = await lab.operator.pulumi(["preview", "--expect-no-changes", "--non-interactive"]);
    expect(preview.code).toBe(0);
    expect(await cloudRequests()).toEqual([]);
    expect(await requests()).toEqual([]);
  });

  test("a preview shows the request that changes, and not the token", async () => {
    await controlDynDns({ claim: { "other.freemyip.com": freemyipToken } });
    await configure(
      { provider: "freemyip", names: ["other.freemyip.com"] },
      { key: "token", value: freemyipToken },
    );
    const { stdout } = await lab.operator.pulumi([
      "preview",
      "--diff",
      "--non-interactive",
      "--color",
      "never",
    ]);
    expect(stdout).toMatch(
      /\+ +request other\.freemyip\.com [\d.]+ https:\/\/freemyip\.com\/update\?token=\{token\}&/,
    );
    expect(stdout).not.toContain(freemyipToken);
    await configure(
      { provider: "freemyip", names: ["myhome.freemyip.com"] },
      { key: "token", value: freemyipToken },
    );
  });

  describe("and the timer", () => {
    beforeAll(async () => {
      const machine = await relayMachine();
      const timers = await shell(
        machine,
        "systemctl show --property ActiveState,UnitFileState homerelay-dyndns.timer",
      );
      expect(timers).toBe("ActiveState=active\nUnitFileState=enabled\n");
      // Seconds stand for minutes.
      const faster =
        "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\nOnActiveSec=1\nOnUnitActiveSec=1\nRandomizedDelaySec=0\nAccuracySec=100ms\n";
      const folder = "/run/systemd/system/homerelay-dyndns.timer.d";
      await shell(machine, `mkdir -p ${folder} && printf '${faster}' >${folder}/lab.conf`);
      await shell(machine, "systemctl daemon-reload && systemctl restart homerelay-dyndns.timer");
    });

    afterAll(async () => {
      const machine = await relayMachine();
      await shell(machine, "rm -r /run/systemd/system/homerelay-dyndns.timer.d && systemctl daemon-reload");
      await shell(machine, "systemctl restart homerelay-dyndns.timer");
    });

    const lastRun = async () => {
      const property = "--property ExecMainStartTimestampMonotonic --value";
      return shell(await relayMachine(), `systemctl show ${property} homerelay-dyndns.service`);
    };

    test("asks nobody while nothing has changed", async () => {
      await controlDynDns({ reset: true });
      const runs = new Set<string>();
      await until("the timer has come three times", 60, async () => {
        runs.add(await lastRun());
        expect(runs.size).toBeGreaterThan(3);
      });
      expect(await requests()).toEqual([]);
    });

    test("sends again when the relay's memory was lost", async () => {
      await shell(await relayMachine(), "rm /var/lib/homerelay/dyndns/requests");
      await until("both addresses are sent", 30, async () => expect(await requests()).toHaveLength(2));
      await sleep(3000);
      expect(await requests()).toHaveLength(2);
    });

    test("brings back a name that the service has lost, within a week", async () => {
      await controlDynDns({ forget: ["myhome.freemyip.com"], reset: true });
      expect(await pageOf("http://myhome.freemyip.com/", 4)).toBe("");
      await age(7 * 86_400 - 600);
      await sleep(3000);
      expect(await requests()).toEqual([]);
      await age(600);
      await until("both addresses are sent", 30, async () => expect(await requests()).toHaveLength(2));
      await expectHome("myhome.freemyip.com");
    });
  });
});

describe("duckdns", () => {
  test("is told two names and both addresses in one request", async () => {
    await controlDynDns({ reset: true });
    await configure(
      { provider: "duckdns", names: ["myhome", "second.duckdns.org"] },
      { key: "token", value: duckdnsToken },
    );
    await lab.operator.up();
    expect(await queries()).toEqual([{ domains: "myhome,second", token: duckdnsToken, ip: ipv4, ipv6 }]);
    await expectHome("myhome.duckdns.org");
    await expectHome("second.duckdns.org");
  });

  test("is told anew by the step alone, which asks apt for curl where there is none", async () => {
    const machine = await relayMachine();
    // The lab's mirror has no package that its systems begin with, so this apt has to do.
    const apt = "#!/bin/sh\\ncase $* in *install*curl*) mv /usr/bin/curl.away /usr/bin/curl ;; esac\\n";
    const stub = "/usr/local/sbin/apt-get";
    await shell(machine, `mv /usr/bin/curl /usr/bin/curl.away; printf '${apt}' >${stub}; chmod 755 ${stub}`);
    await controlDynDns({ reset: true });
    await lab.operator.up(["--replace", "**relay-dyndns-updates"]);
    await shell(machine, `rm ${stub}`);
    expect(await requests()).toHaveLength(1);
  });

  test("its token is not in the list of processes while it is asked", async () => {
    await controlDynDns({ reset: true });
    await controlDynDns({ answerNext: [{ status: 200, text: "OK", delayMs: 3000 }] });
    const machine = await relayMachine();
    const start = "systemctl start --no-block homerelay-dyndns.service";
    await shell(machine, `rm /var/lib/homerelay/dyndns/requests && ${start}`);
    const processes = await until("curl runs", 3, async () => {
      const list = await shell(machine, "ps axwwe -o args=");
      expect(list).toContain("curl --disable --config -");
      return list;
    });
    expect(processes).not.toContain(duckdnsToken);
    await until("it is answered", 60, async () => expect(await requests()).toHaveLength(1));
  });

  test("fails up when it answers KO, which names the setting, and asks no more until the settings change", async () => {
    await controlDynDns({ reset: true });
    await configure({ provider: "duckdns", names: ["myhome"] }, { key: "token", value: "wrong" });
    const said = await failedUp();
    expect(said).toContain('myhome.duckdns.org: www.duckdns.org answered "KO"');
    expect(said).toContain("pulumi config set --secret --path home-relay:dns.token");
    const { failed, said: ticked } = await tick();
    expect([failed, ticked.includes("refused before")]).toEqual([true, true]);
    const status = await shell(await relayMachine(), "systemctl status homerelay-dyndns || :");
    expect(status).toContain("refused before");
    expect(await requests()).toHaveLength(1);
  });
});

describe("dyndns2", () => {
  const names = ["home.example.net"];

  test("fails up when it answers badauth, before it asks for another name", async () => {
    await controlDynDns({ reset: true });
    await configure(
      { ...dyndns2, names: [...names, "other.example.net"] },
      { key: "password", value: "wrong" },
    );
    const said = await failedUp();
    expect(said).toContain('home.example.net: dyn.example.net answered "badauth" (HTTP 401)');
    expect(said).toContain(
      "mend home-relay:dns.user, or: pulumi config set --secret --path home-relay:dns.password",
    );
    expect(await requests()).toHaveLength(1);
    expect((await tick()).failed).toBe(true);
    expect(await requests()).toHaveLength(1);
  });

  test("another password alone is enough to be asked again", async () => {
    await controlDynDns({ reset: true });
    await configure(
      { ...dyndns2, names: [...names, "other.example.net"] },
      { key: "password", value: password },
    );
    const said = await failedUp();
    expect(said).toContain('other.example.net: dyn.example.net answered "nohost"');
    expect(said).toContain("make the name in your account there, or mend home-relay:dns.names");
    expect((await requests()).map(({ answer }) => answer)).toEqual([`good ${ipv4},${ipv6}`, "nohost"]);
  });

  test("is told both addresses with the program's name, and a stranger gets home over either", async () => {
    await controlDynDns({ reset: true });
    await configure({ ...dyndns2, names }, { key: "password", value: password });
    await lab.operator.up();
    const query = { hostname: "home.example.net", myip: `${ipv4},${ipv6}` };
    const answer = `nochg ${ipv4},${ipv6}`;
    expect(await requests()).toMatchObject([{ path: "/nic/update", query, answer }]);
    expect((await requests())[0]?.agent).toMatch(/^home-relay\//);
    await expectHome("home.example.net");
    expect((await tick()).failed).toBe(false);
  });

  test.each([
    [200, "good 127.0.0.1", "stopped", "admits no updates from this program"],
    [200, "!donator", "stopped", "wants a paid account"],
    [200, "notfqdn", "stopped", "mend home-relay:dns.names"],
    [200, "abuse", "stopped", "has blocked the name"],
    [200, "badagent", "stopped", "admits no updates from this program"],
    [404, "<html>no such page</html>", "stopped", "mend home-relay:dns.server"],
    [302, "", "stopped", "(HTTP 302); mend home-relay:dns.server"],
    [200, "<html>welcome</html>", "odd", "mend home-relay:dns.server"],
    [200, "dnserr", "busy", "tries again in half an hour"],
    [503, "<html>sorry</html>", "busy", "tries again in half an hour"],
    [429, "slow down", "busy", "tries again in half an hour"],
  ])("takes HTTP %i with '%s' for %s", async (status, text, outcome, words) => {
    await controlDynDns({ reset: true, answerNext: [{ status, text }] });
    const machine = await relayMachine();
    await shell(machine, "rm /var/lib/homerelay/dyndns/requests");
    const { failed, said } = await tick();
    expect(failed).toBe(outcome !== "busy");
    expect(said).toContain(words);
    expect(await shell(machine, "cut -d' ' -f1 /var/lib/homerelay/dyndns/requests")).toBe(`${outcome}\n`);
    await tick();
    expect(await requests()).toHaveLength(1);
  });

  test("never repeats the password, should the service do it", async () => {
    await controlDynDns({ answerNext: [{ status: 200, text: `what is ${password}?` }] });
    await shell(await relayMachine(), "rm /var/lib/homerelay/dyndns/requests");
    const { said } = await tick();
    expect(said).toContain('answered "what is (secret)?"');
    expect(said).not.toContain("horse");
  });

  test("tries again at the next tick when nobody answers", async () => {
    const machine = await relayMachine();
    const block =
      "nft add table inet lab; nft add chain inet lab out '{ type filter hook output priority 0; }'";
    await shell(machine, `${block}; nft add rule inet lab out ip daddr ${addresses.dynDns} reject`);
    await shell(machine, "rm /var/lib/homerelay/dyndns/requests");
    const { failed, said } = await tick().finally(() => shell(machine, "nft delete table inet lab"));
    expect(failed).toBe(false);
    expect(said).toMatch(
      /warning: home\.example\.net: dyn\.example\.net cannot be reached: .*; the relay tries again in five/,
    );
    await controlDynDns({ reset: true });
    expect((await tick()).failed).toBe(false);
    expect(await requests()).toHaveLength(1);
  });

  test("fails up when the server's certificate is not its own, and tells it no password", async () => {
    await controlDynDns({ reset: true });
    const server = `https://${addresses.dynDns}`;
    await configure({ ...dyndns2, server, names }, { key: "password", value: password });
    const said = await failedUp();
    expect(said).toMatch(
      /home\.example\.net: 203\.0\.113\.70 cannot be reached: \(60\) .*; mend home-relay:dns\.server/,
    );
    expect(await requests()).toEqual([]);
  });

  test("an outage of the service's is a warning, and the timer tries again later", async () => {
    await controlDynDns({ reset: true, answerNext: [{ status: 200, text: "911" }] });
    const more = "two.example.net";
    await controlDynDns({ claim: { [more]: `me:${password}` } });
    await configure({ ...dyndns2, names: [more] }, { key: "password", value: password });
    const output = await lab.operator.up();
    expect(output).toContain(
      `warning: ${more}: dyn.example.net answered "911"; the relay tries again in half an hour`,
    );
    await tick();
    expect(await requests()).toHaveLength(1);
    await age(1800);
    expect((await tick()).failed).toBe(false);
    expect(await requests()).toHaveLength(2);
    await expectHome(more);
  });
});

describe("a service of one's own", () => {
  const query = "host={name}&ip={ip}&ip6={ip6}";

  test("gets the token in its URL", async () => {
    await controlDynDns({ reset: true });
    const url = `https://dns.example.net/update?key={token}&${query}`;
    const names = ["own.example.net"];
    await configure({ provider: "url", url, names, expect: "^OK" }, { key: "token", value: ownKey });
    await lab.operator.up();
    expect(await queries()).toEqual([{ key: ownKey, host: "own.example.net", ip: ipv4, ip6: ipv6 }]);
    await expectHome("own.example.net");
  });

  test("keeps a URL that is a secret as a whole", async () => {
    await controlDynDns({ reset: true });
    const url = `https://dns.example.net/update?key=${ownKey}&${query}`;
    const names = ["hidden.example.net"];
    await configure({ provider: "url", names, expect: "^OK" }, { key: "url", value: url });
    const output = await lab.operator.up(["--diff"]);
    expect(output).not.toContain(ownKey);
    expect(await queries()).toEqual([{ key: ownKey, host: "hidden.example.net", ip: ipv4, ip6: ipv6 }]);
    await expectHome("hidden.example.net");
    const found = await shell(
      await relayMachine(),
      `grep -rl '${ownKey}' /etc /root /usr/local /var /run /tmp || true`,
    );
    expect(found.trim()).toBe("/etc/homerelay/dyndns/secret");
  });

  test("fails up when the answer is not the expected one", async () => {
    const url = `https://dns.example.net/update?key={token}&${query}`;
    const names = ["own.example.net"];
    await configure({ provider: "url", url, names, expect: "^fine" }, { key: "token", value: ownKey });
    const said = await failedUp();
    expect(said).toContain(
      'own.example.net: dns.example.net answered "OK, thank you"; mend home-relay:dns.expect',
    );
  });

  test("is told again by a new server, which has the same address", async () => {
    const url = `https://dns.example.net/update?key={token}&${query}`;
    await configure({ provider: "url", url, names: ["own.example.net"] }, { key: "token", value: ownKey });
    await lab.operator.up();
    await controlDynDns({ reset: true });
    await deleteServersByHand();
    await lab.operator.up(["--refresh"]);
    expect(await queries()).toEqual([{ key: ownKey, host: "own.example.net", ip: ipv4, ip6: ipv6 }]);
    await expectHome("own.example.net");
  });

  test("is at work again when an up that failed had switched it off, and what it had done is gone", async () => {
    const url = `https://dns.example.net/update?key={token}&${query}`;
    const on = () =>
      configure({ provider: "url", url, names: ["own.example.net"] }, { key: "token", value: ownKey });
    await on();
    await lab.operator.up();
    // Also whoever is in already.
    await shell("home", "systemctl stop ssh; pkill sshd");
    try {
      await lab.operator.forward(["80:8080", "81:8080"]);
      await failedUp();
    } finally {
      await shell("home", "systemctl start ssh");
    }
    const machine = await relayMachine();
    const state =
      "cat /etc/homerelay/dyndns/secret 2>/dev/null; systemctl is-enabled homerelay-dyndns.timer || true";
    expect(await shell(machine, state)).toBe("not-found\n");
    await controlDynDns({ reset: true });
    await on();
    await lab.operator.up();
    const { 4: ip, 6: ip6 } = await lab.operator.published();
    expect(await queries()).toEqual([{ key: ownKey, host: "own.example.net", ip, ip6 }]);
    expect(await shell(machine, state)).toBe(`${ownKey}\nenabled\n`);
  });
});

test("no service has seen a request that it does not know", async () => {
  expect((await controlDynDns()).unexpected).toEqual([]);
});

test("without the section, the relay keeps neither secret nor timer", async () => {
  await configure({});
  await lab.operator.up();
  const machine = await relayMachine();
  const left =
    "ls -d /etc/homerelay/dyndns /var/lib/homerelay/dyndns 2>/dev/null; systemctl is-enabled homerelay-dyndns.timer || true";
  expect(await shell(machine, left)).toBe("not-found\n");
  expect(await shell(machine, "systemctl --failed --no-legend")).toBe("");
});
