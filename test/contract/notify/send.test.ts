/** What services are told, by the real curl, over HTTPS, to stand-ins as strict as they are. */
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { NotifyService } from "../../../components/network/notifyService.ts";
import { WatchingRelay } from "./watchingRelay.ts";

const check = "/0d338dcc-a054-11ec-b909-0242ac120002";
const claim = {
  ...{ gotify: "app-t0ken", "/services/T0/B0/s1": "", "/api/webhooks/7/s2": "", [check]: "" },
  ...{ "/beat-s3": "", "/mine-s4": "tk_s5", "/mine-s6": "s7" },
};
const of = (service: NotifyService["service"], url: string, token?: string): NotifyService => ({
  ...{ service, url: `https://${url}`, token },
});
const ntfy = of("ntfy", "ntfy.sh/topic-s0");
const healthchecks = of("healthchecks", `hc-ping.com${check}`);
const heartbeat = of("heartbeat", "beat.example.net/beat-s3");
const homes = [{ name: "nas", address: "10.77.1.2" }];

jest.setTimeout(60_000);

let relay: WatchingRelay;
beforeAll(async () => {
  relay = await WatchingRelay.begin();
  await relay.serve();
});
afterAll(() => relay.end());

beforeEach(async () => {
  relay.shell(`rm -rf ${relay.folder}/var/notify`);
  await relay.control({ reset: true, claim });
});

const queue = (kind = "away", title = "nas is away", text = "Nothing is heard.") =>
  relay.shell(
    `cd ${relay.folder}/lib; . ./messages.sh; . ./files.sh; . ./outbox.sh; take_turn; queue_message '${kind}' '${title}' '${text}'`,
  );
const told = async () => (await relay.control()).notices;
/** A run of the timer, a minute later. */
const tick = (seconds = 60) => {
  relay.pass(seconds);
  return relay.send();
};

describe("a message", () => {
  const rest = { status: 200, title: "nas is away", text: "Nothing is heard." };
  const both = "nas is away\nNothing is heard.";

  test.each([
    [ntfy, { ...rest, host: "ntfy.sh", path: "/topic-s0", priority: 4, tags: "rotating_light" }],
    [
      of("ntfy", "ntfy.sh/mine-s4", "tk_s5"),
      { ...rest, host: "ntfy.sh", path: "/mine-s4", priority: 4, tags: "rotating_light" },
    ],
    [
      of("gotify", "gotify.example.net/", "app-t0ken"),
      { ...rest, host: "gotify.example.net", path: "/message", priority: 8 },
    ],
    [
      of("slack", "hooks.slack.com/services/T0/B0/s1"),
      { status: 200, host: "hooks.slack.com", path: "/services/T0/B0/s1", text: both },
    ],
    [
      of("discord", "discord.com/api/webhooks/7/s2"),
      { status: 204, host: "discord.com", path: "/api/webhooks/7/s2", text: both },
    ],
    [
      of("post", "post.example.net/in?key=a%22b\\"),
      { status: 200, host: "post.example.net", path: "/in?key=a%22b\\", text: both },
    ],
    [
      of("post", "post.example.net/mine-s6", "s7"),
      { status: 200, host: "post.example.net", path: "/mine-s6", text: both },
    ],
  ])("to %j is what that service takes, and goes once", async (service, notice) => {
    relay.settings([service], homes);
    queue();
    expect(tick()).toEqual({ status: 0, said: "" });
    expect(tick()).toEqual({ status: 0, said: "" });
    expect(await relay.control()).toEqual({ notices: [notice], unexpected: [] });
  });

  test("goes to all, in order, whatever becomes of one of them, and by other settings in another order", async () => {
    const dead = of("slack", "hooks.slack.com/services/T0/B0/gone");
    relay.settings([dead, ntfy], homes);
    queue();
    queue("back", "nas is back", "It is heard.");
    expect(tick().said).toBe("");
    expect((await told()).map(({ host, status }) => `${host} ${status}`).sort()).toEqual([
      ...["hooks.slack.com 404", "ntfy.sh 200", "ntfy.sh 200"],
    ]);
    relay.settings([ntfy, dead], homes);
    await relay.control({ reset: true, claim: { "/services/T0/B0/gone": "" } });
    tick();
    expect((await told()).map(({ text }) => text)).toEqual([
      "nas is away\nNothing is heard.",
      "nas is back\nIt is heard.",
    ]);
  });

  test("has quotes and backslashes as they are, wherever JSON or curl would read them otherwise", async () => {
    const slack = of("slack", "hooks.slack.com/services/T0/B0/s1");
    relay.settings([ntfy, slack], homes);
    queue("away", 'a "b" \\n', 'c \\"d" @e');
    tick();
    expect((await told()).map(({ title, text }) => [title, text]).sort()).toEqual(
      [
        ['a "b" \\n', 'c \\"d" @e'],
        [undefined, 'a "b" \\n\nc \\"d" @e'],
      ].sort(),
    );
  });
});

describe("a service that does not take it", () => {
  test("is asked again, less and less often, also after a reboot; the journal says once that it fails, and once that it does not", async () => {
    relay.settings([ntfy], homes);
    queue();
    const answerNext = Array.from({ length: 400 }, () => ({ status: 503, text: "sorry" }));
    await relay.control({ answerNext });
    const asked: number[] = [];
    const said: string[] = [];
    for (let minute = 1; minute <= 70; minute++) {
      if (minute === 20) relay.reboot(9);
      const run = tick();
      if (run.said !== "") said.push(`${minute}: ${run.said}`);
      expect(run.status).toBe(0);
      const count = (await told()).length;
      if (count > asked.length) asked.push(minute);
    }
    expect(asked).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(said).toEqual([
      "4: warning: ntfy (home-relay:notify[0]) has a fault of its own (HTTP 503); the relay goes on trying, at least once an hour\n",
    ]);
    await relay.control({ reset: true });
    const later = [tick(45 * 60), tick(), tick(15 * 60), tick()].map((run) => run.said);
    expect(later).toEqual(["", "", "ntfy (home-relay:notify[0]) takes messages again\n", ""]);
    expect((await told()).map(({ text }) => text)).toEqual(["Nothing is heard."]);
  });

  const again = (key = "url") =>
    `. Set it again: pulumi config set --secret --path 'home-relay:notify[0].${key}', then: pulumi up\n`;
  test.each([
    [301, "sends us on to another address (HTTP 301), which is the one to set", "url"],
    [401, "does not let us in (HTTP 401)", "token"],
    [403, "does not let us in (HTTP 403)", "token"],
    [404, "knows nothing at this address (HTTP 404)", "url"],
    [400, "does not take the message (HTTP 400)", "url"],
  ])("fails up when it answers HTTP %i, and names the setting", async (status, words, key) => {
    relay.settings([ntfy], homes);
    await relay.control({ answerNext: [{ status, location: "https://other.example.net/" }] });
    expect(relay.send("new")).toEqual({
      status: 1,
      said: `ntfy (home-relay:notify[0]) ${words}${again(key)}`,
    });
    expect(relay.send("new").said).toBe(
      "told ntfy (home-relay:notify[0]), under the title: home-relay tells you here\n",
    );
  });

  test.each([
    ["cannot be found: its name has no address", of("ntfy", "nobody.invalid/topic"), again()],
    ["cannot be reached (error 7 of curl)", of("ntfy", "ntfy.sh:444/topic"), "\n"],
  ])("is a warning in up when it %s, and the message waits", (words, service, mend) => {
    relay.settings([service], homes);
    expect(relay.send("new")).toEqual({
      status: 0,
      said: `warning: ntfy (home-relay:notify[0]) ${words}; the relay goes on trying, at least once an hour${mend}`,
    });
    expect(relay.waiting().map(({ title }) => title)).toEqual(["home-relay tells you here"]);
  });

  test("fails up when its certificate is not its own, and is told nothing", async () => {
    relay.settings([of("ntfy", "other.example.net/topic-s0")], homes);
    expect(relay.send("new")).toEqual({
      status: 1,
      said: `ntfy (home-relay:notify[0]) shows a certificate that is not good for its name, or the relay's clock is wrong${again()}`,
    });
    expect(await told()).toEqual([]);
  });

  test("and hangs keeps nobody else waiting; while it does, no list of processes has where it is", async () => {
    relay.settings([of("slack", "hooks.slack.com/services/T0/B0/s1"), ntfy], homes);
    await relay.control({ answerNext: [{ status: 200, delayMs: 60_000 }] });
    queue();
    relay.pass(60);
    const run = relay.start(["bash", `${relay.folder}/lib/send-messages.sh`]);
    const ended = new Promise<number | null>((resolve) => run.on("exit", resolve));
    run.stdout?.resume();
    let list = "";
    for (let i = 0; i < 100 && !list.includes("curl --disable"); i++) {
      await sleep(50);
      list = spawnSync("ps", ["axwwe", "-o", "args="], { encoding: "utf8", maxBuffer: 2 ** 26 }).stdout;
    }
    const lines = list.split("\n");
    expect(lines.filter((line) => line.startsWith("curl --disable --config -"))).not.toEqual([]);
    expect(lines.filter((line) => /topic-s0|B0\/s1/.test(line))).toEqual([]);
    expect(await ended).toBe(0);
    expect(await told()).toHaveLength(2);
    expect(relay.waiting()).toHaveLength(1);
  });

  test("for good, keeps the newest twenty messages, and no secret is in what is said or written", () => {
    relay.settings([of("gotify", "gotify.example.net", "wrong-s9")], homes);
    for (let i = 1; i <= 25; i++) queue("away", `message ${i}`);
    const said = [tick().said, tick().said, tick(300).said].join("");
    expect(said).toContain("gotify (home-relay:notify[0]) does not let us in (HTTP 401)");
    expect(relay.waiting().map(({ title }) => title)).toEqual(
      Array.from({ length: 20 }, (_, i) => `message ${i + 6}`),
    );
    const where = relay.shell(`grep -rl 's9\\|gotify.example' ${relay.folder}/var ${relay.folder}/etc || :`);
    expect(
      where
        .trim()
        .split("\n")
        .map((path) => path.replace(relay.folder, "")),
    ).toEqual(["/etc/notify/secrets"]);
    expect(said).not.toContain("s9");
  });
});

describe("who hears that the relay lives", () => {
  const away = () =>
    relay.shell(`mkdir -p ${relay.folder}/var/notify; echo 'nas away 1 1' >${relay.folder}/var/notify/homes`);
  const there = () => relay.shell(`echo 'nas there 1 1' >${relay.folder}/var/notify/homes`);
  const beats = async () =>
    (await told())
      .map(({ host, path, status }) => `${host}${path.replace(check, "/check")} ${status}`)
      .sort();

  test("does every five minutes", async () => {
    relay.settings([healthchecks, heartbeat], homes);
    for (let minute = 0; minute < 11; minute++) expect(tick()).toEqual({ status: 0, said: "" });
    const three = ["", "", ""];
    expect(await beats()).toEqual([
      ...three.map(() => "beat.example.net/beat-s3 200"),
      ...three.map(() => "hc-ping.com/check 200"),
    ]);
  });

  test("and what is so of the homes, where it wants to know: at once, and as often", async () => {
    relay.settings([healthchecks, heartbeat], homes);
    tick();
    away();
    await relay.control({ reset: true });
    tick();
    expect(await told()).toMatchObject([
      { path: `${check}/fail`, text: "The relay of home-relay/dev hears nothing from: nas." },
    ]);
    for (let minute = 0; minute < 5; minute++) tick();
    expect(await beats()).toEqual([
      ...["beat.example.net/beat-s3 200", "hc-ping.com/check/fail 200", "hc-ping.com/check/fail 200"],
    ]);
    there();
    await relay.control({ reset: true });
    tick();
    expect(await beats()).toEqual(["hc-ping.com/check 200"]);
  });

  test("gets no message, and one that it missed not later; a clock that is set back silences nobody", async () => {
    relay.settings([heartbeat], homes);
    queue();
    tick();
    await relay.control({ reset: true, answerNext: [500, 500, 500].map((status) => ({ status })) });
    tick(300);
    tick();
    tick(120);
    expect(await beats()).toEqual([500, 500, 500].map((status) => `beat.example.net/beat-s3 ${status}`));
    await relay.control({ reset: true });
    relay.pass(60, -86_400);
    expect(relay.send().said).toBe("heartbeat (home-relay:notify[0]) takes messages again\n");
    expect(await beats()).toEqual(["beat.example.net/beat-s3 200"]);
  });

  test("is told by up what it would be told anyway, so that a home that is away stays so", async () => {
    relay.settings([healthchecks], homes);
    away();
    expect(relay.send("new").said).toBe("told healthchecks (home-relay:notify[0]) that the relay lives\n");
    expect(await beats()).toEqual(["hc-ping.com/check/fail 200"]);
  });
});

describe("a first message", () => {
  test("goes to who is new, and to all where nobody is and it is asked for; a service that is gone leaves nothing", async () => {
    relay.settings([ntfy], homes);
    const line = (n: number, service = "ntfy") =>
      `told ${service} (home-relay:notify[${n}]), under the title: home-relay tells you here\n`;
    expect(relay.send("new")).toEqual({ status: 0, said: line(0) });
    expect(relay.send("new")).toEqual({ status: 0, said: "" });
    const slack = of("slack", "hooks.slack.com/services/T0/B0/s1");
    relay.settings([slack, ntfy], homes);
    expect(relay.send("everybody").said).toBe(line(0, "slack"));
    expect(relay.send("everybody").said.split("\n").sort().join("\n").trim()).toBe(
      [line(0, "slack"), line(1)].sort().join("").trim(),
    );
    relay.settings([ntfy], homes);
    relay.send("new");
    expect(relay.shell(`ls ${relay.folder}/var/notify/services | wc -l`).trim()).toBe("1");
    expect((await told()).map(({ text }) => text)).toContain(
      "This is a test. The relay of home-relay/dev tells you here when a home is away for more than five minutes, and when it is back.",
    );
  });
});
