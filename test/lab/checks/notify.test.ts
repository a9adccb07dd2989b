import { randomBytes, randomUUID } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { controlNotices, power } from "../control.ts";
import { failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec, relayMachine } from "../machines.ts";
import { renumber } from "../network.ts";
import { pageOf, shell } from "../people.ts";
import { until } from "../world.ts";

const topic = `nas-${randomBytes(8).toString("hex")}`;
const check = randomUUID();
const secrets = new RegExp(`${topic}|${check}`);
const services = [{ service: "ntfy" }, { service: "healthchecks" }];

const lab = raiseLab({ stack: "notify", before: () => controlNotices({ claim: { [`/${check}`]: "" } }) });

async function configure(
  settings: object = {},
  forwards = ["80:8080"],
  urls = [`https://ntfy.sh/${topic}`, `https://hc-ping.com/${check}`],
): Promise<void> {
  await lab.operator.forward(forwards, { notify: services, ...settings });
  for (const [i, url] of urls.entries()) await lab.operator.setSecret(`home-relay:notify[${i}].url`, url);
}

/** What was told since the last time that this was asked, shortened: the title of a message, the path of a ping. */
async function told(): Promise<string[]> {
  const { notices } = await controlNotices();
  await controlNotices({ reset: true });
  return notices.map(({ title, path }) => title ?? path.replace(check, "check"));
}

/** One run of the timer's service, as if a minute had passed since the last one. What is due every five minutes is. */
async function minute(): Promise<void> {
  const machine = await relayMachine();
  await shell(
    machine,
    `cd /var/lib/homerelay/notify
     if [ -f heard ]; then awk -v up="$(cut -d. -f1 /proc/uptime)" 'NR == 1 { $2 = up - 60 } { print }' heard >older && mv older heard; fi
     for file in services/*/progress; do awk '{ $5 -= 60; print }' $file >older && mv older $file; done`,
  );
  await exec(machine, ["systemctl", "reset-failed", "homerelay-notify.service"]);
  expect((await exec(machine, ["systemctl", "start", "homerelay-notify.service"])).code).toBe(0);
}

/** The home sends something in each of them. */
async function minutesThere(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await shell("home", "ping -c 1 -W 5 10.77.0.1 >/dev/null || ping -c 1 -W 5 10.77.0.1 >/dev/null || true");
    await minute();
  }
}

async function minutesAway(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await minute();
}

/** A new session, as a home begins one every two minutes. */
async function newSession(): Promise<void> {
  await shell("home", "systemctl restart wg-quick@homerelay");
  await untilServed();
}

async function untilServed(): Promise<void> {
  const page = `http://${(await lab.operator.published())[4]}/`;
  await until("the page is there", 60, async () => {
    expect(await pageOf(page, 4)).toContain(`You are ${addresses.stranger}`);
  });
}

async function rebootRelay(): Promise<void> {
  const machine = await relayMachine();
  const boot = ["cat", "/proc/sys/kernel/random/boot_id"];
  const before = (await exec(machine, boot)).stdout;
  await power(machine, "reboot");
  await until("the relay runs again", 60, async () => {
    const { code, stdout } = await exec(machine, boot);
    expect([code, stdout === before]).toEqual([0, false]);
    expect((await exec(machine, ["systemctl", "is-active", "homerelay-notify.timer"])).code).toBe(0);
  });
}

describe("a url in plain text", () => {
  test("is refused with the command that encrypts it, and not shown", async () => {
    await lab.operator.forward(["80:8080"], {
      notify: [{ service: "ntfy", url: `https://ntfy.sh/${topic}` }],
    });
    const said = await failingUp(lab.operator);
    expect(said).toContain(
      "home-relay:notify[0].url: is a secret, and stands in the stack file in plain text",
    );
    expect(said).toContain("pulumi config set --secret --path 'home-relay:notify[0].url'");
    expect(said).not.toMatch(secrets);
  });
});

describe("with ntfy and healthchecks", () => {
  let output: string;

  beforeAll(async () => {
    await configure();
    output = await lab.operator.up(["--diff"]);
  });

  test("up tells each of them, and says so", async () => {
    expect(output).toContain("told ntfy (home-relay:notify[0]), under the title: home-relay tells you here");
    expect(output).toContain("told healthchecks (home-relay:notify[1]) that the relay lives");
    expect((await told()).sort()).toEqual(["/check", "home-relay tells you here"]);
  });

  test("where they are is in one file of the relay, for root alone, and nowhere else", async () => {
    const machine = await relayMachine();
    await minutesThere(2);
    for (const secret of [topic, check]) {
      const found = await shell(machine, `grep -rl '${secret}' /etc /root /usr/local /var /run /tmp || true`);
      expect(found.trim()).toBe("/etc/homerelay/notify/secrets");
    }
    expect(await shell(machine, "stat -c '%a %U' /etc/homerelay/notify/secrets")).toBe("600 root\n");
    expect(await shell(machine, "journalctl --output cat")).not.toMatch(secrets);
    expect(output).not.toMatch(secrets);
    const exported = (await lab.operator.pulumi(["stack", "export"])).stdout;
    expect(exported).toContain("home nas ");
    expect(exported).not.toMatch(secrets);
  });

  test("a further up and preview change nothing and tell nobody", async () => {
    await told();
    await lab.operator.up(["--expect-no-changes"]);
    expect((await lab.operator.pulumi(["preview", "--expect-no-changes", "--non-interactive"])).code).toBe(0);
    expect((await told()).filter((one) => one !== "/check")).toEqual([]);
  });

  test("a timer runs, and writes nothing into the journal while nothing is to be said", async () => {
    const machine = await relayMachine();
    expect(
      await shell(machine, "systemctl show --property ActiveState,UnitFileState homerelay-notify.timer"),
    ).toBe("ActiveState=active\nUnitFileState=enabled\n");
    expect(await shell(machine, "journalctl --unit homerelay-notify.service --output cat --quiet")).toBe("");
  });
});

describe("a home", () => {
  beforeEach(told);

  test("that is switched off is told once, and its check fails", async () => {
    await newSession();
    await minutesThere(3);
    await told();
    await power("home", "power-off");
    await minutesAway(4);
    expect((await told()).filter((one) => one !== "/check")).toEqual([]);
    await minutesAway(2);
    // A last good word may have been under way.
    const news = (await told()).filter((one) => one !== "/check");
    expect(news.sort()).toEqual(["/check/fail", "nas is away"]);
    await minutesAway(12);
    expect([...new Set(await told())]).toEqual(["/check/fail"]);
  });

  test("is not told again over a reboot of the relay", async () => {
    await rebootRelay();
    await minutesAway(8);
    expect([...new Set(await told())].filter((one) => one !== "/check/fail")).toEqual([]);
  });

  test("that is back is told once, with how long it was away, and its check is well", async () => {
    await power("home", "power-on");
    await untilServed();
    await minutesThere(4);
    const { notices } = await controlNotices();
    const messages = notices.filter(({ title }) => title !== undefined);
    expect(messages).toMatchObject([{ title: "nas is back", priority: 3, tags: "white_check_mark" }]);
    expect(messages[0]?.text).toMatch(
      /^The relay of home-relay\/notify hears from nas again, since .* It was away for /,
    );
    expect(notices.filter(({ host }) => host === "hc-ping.com").at(-1)?.path).toBe(`/${check}`);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["a reboot of the relay", rebootRelay],
    ["a power cut of the relay", async () => power(await relayMachine(), "power-cut")],
    ["another address of the home's line", renumber],
    [
      "new keys",
      async () => {
        await configure({ tunnel: { keyGeneration: 2 } });
        await lab.operator.up();
      },
    ],
    [
      "another device and another forward",
      async () => {
        await configure({ tunnel: { keyGeneration: 2 }, devices: ["phone"] }, ["80:8080", "81:8080"]);
        await lab.operator.up();
      },
    ],
  ])("is told nothing of at %s", async (_, change) => {
    await newSession();
    await minutesThere(1);
    await told();
    await change();
    await untilServed();
    await minutesThere(3);
    expect((await told()).filter((one) => one !== "/check")).toEqual([]);
  });
});

describe("settings that change", () => {
  test("an address that the service does not know fails up, which names the setting; the other one is not told again", async () => {
    await told();
    await configure({}, ["80:8080"], [`https://ntfy.sh/${topic}`, `https://hc-ping.com/${randomUUID()}`]);
    const said = await failingUp(lab.operator);
    expect(said).toContain(
      "healthchecks (home-relay:notify[1]) knows nothing at this address (HTTP 404). Set it again: " +
        "pulumi config set --secret --path 'home-relay:notify[1].url', then: pulumi up",
    );
    expect((await told()).filter((one) => one.includes("tells you"))).toEqual([]);
  });

  test("a message can be asked for at any time", async () => {
    await configure();
    await lab.operator.up();
    await told();
    const output = await lab.operator.up(["--replace", "**-notify-watch"]);
    expect(output).toContain("told ntfy (home-relay:notify[0])");
    expect(await told()).toContain("home-relay tells you here");
  });

  test("no service has seen a request that it does not know", async () => {
    expect((await controlNotices()).unexpected).toEqual([]);
  });

  test("without the section, the relay keeps neither secret nor timer nor memory", async () => {
    await lab.operator.forward(["80:8080"]);
    await lab.operator.up();
    const machine = await relayMachine();
    const left =
      "ls -d /etc/homerelay/notify /var/lib/homerelay/notify 2>/dev/null; systemctl is-enabled homerelay-notify.timer || true";
    expect(await shell(machine, left)).toBe("not-found\n");
    expect(await shell(machine, "systemctl --failed --no-legend")).toBe("");
  });
});
