/** Which homes are told as away and as back, with WireGuard at both ends; a clock goes as the test wants. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { WatchingRelay } from "./watchingRelay.ts";

jest.setTimeout(120_000);

const nas = { name: "nas", address: "10.77.1.2" };
const attic = { name: "my-attic", address: "10.77.1.3" };
const post = { service: "post", url: "https://post.example.net/", token: undefined } as const;

let relay: WatchingRelay;
let boots = 1;

/** WireGuard at the relay, where `wghome` at the other end of a cable is the home. */
beforeAll(async () => {
  relay = await WatchingRelay.begin();
  relay.settings([post], [nas, attic]);
  relay.shell(`
    ip netns add home
    ip link add dev cable type veth peer name cable netns home
    ip address add 192.0.2.1/24 dev cable; ip link set dev cable up
    ip -n home address add 192.0.2.2/24 dev cable; ip -n home link set dev cable up; ip -n home link set dev lo up
    cd ${relay.folder}; umask 077
    for key in relay home attic preshared; do wg genkey >$key; done`);
  await begin("wghome", ["ip", "netns", "exec", "home"]);
  await startRelay();
  relay.shell(`
    ip netns exec home ip link set dev wghome up`);
});
afterAll(() => relay.end());

/** A tunnel's interface: the kernel's, or a program where that has none. */
async function begin(name: string, where: readonly string[] = []): Promise<void> {
  const add = `${where.join(" ")} ip link add dev ${name} type wireguard 2>/dev/null`;
  if (relay.shell(`if ${add}; then echo made; fi`) !== "") return;
  // It says at length that a kernel could do better.
  relay.start([...where, "sh", "-c", `exec wireguard-go --foreground ${name} 2>/dev/null`]);
  for (let i = 0; i < 200; i++) {
    if (relay.shell(`if ${where.join(" ")} wg show ${name} >/dev/null 2>&1; then echo there; fi`) !== "")
      return;
    await sleep(50);
  }
  throw new Error(`no ${name}`);
}

async function startRelay(): Promise<void> {
  await begin("homerelay");
  relay.shell(`
    cd ${relay.folder}
    wg set homerelay private-key relay listen-port 51820 \\
      peer $(wg pubkey <home) allowed-ips 10.77.1.2/32,fd77::2/128,0.0.0.0/0 \\
      peer $(wg pubkey <attic) allowed-ips 10.77.1.3/32
    ip link set dev homerelay up`);
}

const inHome = (command: string) => relay.shell(`cd ${relay.folder}; ip netns exec home ${command}`);
const handshake = () =>
  Number(relay.shell(`wg show homerelay latest-handshakes | sort -k2n | tail -1 | cut -f2`));
const received = () =>
  Number(relay.shell(`wg show homerelay transfer | awk '{ n += $2 } END { print n + 0 }'`));

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (holds()) return;
    await sleep(100);
  }
  throw new Error(`never: ${what}`);
}

/** The home begins anew, as after its own two minutes: a new handshake. */
async function call(preshared = ""): Promise<void> {
  const before = handshake();
  // WireGuard tells the time of a handshake in whole seconds.
  await until("another second", () => Math.floor(Date.now() / 1000) > before);
  hangUp();
  inHome(
    `wg set wghome private-key home peer $(wg pubkey <relay) ${preshared} endpoint 192.0.2.1:51820 ` +
      `persistent-keepalive 1 allowed-ips 0.0.0.0/0`,
  );
  if (preshared === "") await until("a handshake", () => handshake() !== before);
}

function hangUp(): void {
  inHome("wg set wghome peer $(wg pubkey <relay) remove");
}

/** Minutes in which the home is there: it makes a handshake every other one, and keeps the way open. */
async function minutesThere(count: number): Promise<string> {
  let said = "";
  for (let minute = 0; minute < count; minute++) {
    if (minute % 2 === 0) await call();
    else {
      const before = received();
      await until("a keepalive", () => received() > before);
    }
    relay.pass(60);
    said += relay.watch();
  }
  return said;
}

/** Minutes in which nothing comes. */
function minutesAway(count: number): string {
  let said = "";
  for (let minute = 0; minute < count; minute++) {
    relay.pass(60);
    said += relay.watch();
  }
  return said;
}

const titles = () => relay.waiting().map(({ title }) => title);

async function reboot(): Promise<void> {
  boots += 1;
  relay.reboot(boots);
  relay.shell("ip link delete dev homerelay");
  await startRelay();
}

test("a home that was never there is not away", () => {
  expect(minutesAway(12)).toBe("");
  expect(titles()).toEqual([]);
});

describe("a home that was there", () => {
  test("is away after five minutes in which nothing came, and told once, with since when", async () => {
    await minutesThere(4);
    hangUp();
    const since = Date.parse(relay.shell("date -u -d @$(date +%s) '+%F %H:%MZ'").trim());
    expect(minutesAway(4)).toBe("");
    expect(titles()).toEqual([]);
    expect(minutesAway(1)).toMatch(/^nas is away: nothing was heard from it since [-\d]+ [\d:]+ UTC\n$/);
    expect(minutesAway(15)).toBe("");
    const [message, ...others] = relay.waiting();
    expect(others).toEqual([]);
    expect(message).toMatchObject({ kind: "away", title: "nas is away" });
    const [, moment = ""] =
      /^The relay of home-relay\/dev has heard nothing from nas since ([-\d]+ [\d:]+) UTC\. /.exec(
        message?.text ?? "",
      ) ?? [];
    expect(Math.abs(Date.parse(`${moment}Z`) - since)).toBeLessThanOrEqual(120_000);
    expect(message?.text).toMatch(
      /UTC\. Nobody reaches what is forwarded to it\. Is nas switched on, and does its line work\? Then, on nas, as root: systemctl restart wg-quick@homerelay$/,
    );
  });

  test("stays told over a reboot of the relay", async () => {
    relay.forgetWaiting();
    await reboot();
    expect(minutesAway(20)).toBe("");
    expect(titles()).toEqual([]);
  });

  test("is back when it has stayed for two minutes, and told once, with how long it was away", async () => {
    expect(await minutesThere(2)).toBe("");
    expect(titles()).toEqual([]);
    expect(await minutesThere(3)).toBe("nas is back\n");
    const [message, ...others] = relay.waiting();
    expect(others).toEqual([]);
    expect(message).toMatchObject({ kind: "back", title: "nas is back" });
    expect(message?.text).toMatch(
      /^The relay of home-relay\/dev hears from nas again, since [-\d]+ [\d:]+ UTC\. It was away for [34]\d minutes\.$/,
    );
  });

  test("and came back while the relay was off is told as back", async () => {
    relay.forgetWaiting();
    hangUp();
    minutesAway(6);
    expect(titles()).toEqual(["nas is away"]);
    await reboot();
    await minutesThere(6);
    expect(titles()).toEqual(["nas is away", "nas is back"]);
  });
});

describe("nobody is told of", () => {
  const nothing = async (change: () => void | Promise<void>, silent = 4) => {
    await minutesThere(2);
    relay.forgetWaiting();
    await change();
    expect(minutesAway(silent)).toBe("");
    expect(await minutesThere(4)).toBe("");
    expect(titles()).toEqual([]);
  };

  test("a reboot of the relay, however long it was off, with a home that calls within four minutes", () =>
    nothing(async () => {
      hangUp();
      relay.pass(200);
      relay.watch();
      await reboot();
      relay.pass(0, 7200);
    }));

  test("another address of the home's", () =>
    nothing(() => {
      relay.shell(
        `ip -n home address delete 192.0.2.2/24 dev cable; ip -n home address add 192.0.2.3/24 dev cable`,
      );
    }, 0));

  test("new keys at both ends", () =>
    nothing(() => {
      hangUp();
      relay.shell(`cd ${relay.folder}; wg set homerelay peer $(wg pubkey <home) remove; wg genkey >home
        wg set homerelay peer $(wg pubkey <home) allowed-ips 10.77.1.2/32,0.0.0.0/0`);
    }));

  test("other peers and other homes", async () => {
    await nothing(() => {
      relay.shell(`cd ${relay.folder}; wg set homerelay peer $(wg pubkey <attic) remove`);
      relay.settings([post], [nas, { name: "new", address: "10.77.1.9" }]);
    }, 1);
    relay.settings([post], [nas, attic]);
  });

  test.each([
    ["an hour ahead", 3600],
    ["a day behind", -86_400],
  ])("a clock that is set %s", (_, seconds) =>
    nothing(() => {
      relay.pass(0, seconds);
    }, 0),
  );

  test("a relay that was stopped for hours, as by its provider", () =>
    nothing(() => {
      hangUp();
      relay.pass(7200);
    }, 2));
});

test("a home that knocks with a wrong preshared key is away: no session comes of it", async () => {
  await minutesThere(2);
  relay.forgetWaiting();
  await call("preshared-key preshared");
  // Each of its knocks takes five seconds: now and then is enough to see that they do not count.
  for (let minute = 0; minute < 12; minute++) {
    const before = received();
    if (minute % 2 === 0) await until("another knock", () => received() > before);
    minutesAway(1);
  }
  expect(titles()).toEqual(["nas is away"]);
  await minutesThere(12);
  expect(titles()).toEqual(["nas is away", "nas is back"]);
});

test("a home whose tunnel somebody took away at the relay is away, without another line", async () => {
  await minutesThere(2);
  relay.forgetWaiting();
  relay.shell("ip link delete dev homerelay");
  expect(minutesAway(6)).toMatch(/^nas is away: .*\n$/);
  await startRelay();
});

test("a line that comes and goes is told less and less often, and is calm after a day", async () => {
  relay.shell(
    `echo 'nas there ${Math.floor(Date.now() / 1000)} 0' >${relay.folder}/var/notify/homes; rm ${relay.folder}/var/notify/heard`,
  );
  relay.pass(0, 0);
  await minutesThere(2);
  relay.forgetWaiting();
  const told: string[] = [];
  for (let round = 1; round <= 4; round++) {
    hangUp();
    minutesAway(6);
    await minutesThere(7);
    told.push(
      titles()
        .slice(
          told
            .join()
            .split(",")
            .filter((one) => one !== "").length,
        )
        .join(),
    );
  }
  // It has to stay for 2, 4, 8 and 16 minutes.
  expect(titles()).toEqual(["nas is away", "nas is back", "nas is away", "nas is back", "nas is away"]);
  expect(relay.waiting().at(-1)?.text).toMatch(
    / It comes and goes, 3 times within a day: you are told that it is back when it has stayed for 8 minutes\.$/,
  );
  await minutesThere(4);
  expect(titles().at(-1)).toBe("nas is back");
  relay.pass(0, 86_400);
  await minutesThere(1);
  expect(relay.file("var/notify/homes")).toMatch(/^nas there \d+ 0\n/);
});
