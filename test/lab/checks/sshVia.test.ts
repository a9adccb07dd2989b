import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { controlCloud, power } from "../control.ts";
import { machineNames } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, Operator } from "../operator.ts";
import { keepBusy, knock, shell } from "../people.ts";
import type { FlowsReport, Place } from "../people.ts";
import { Progress } from "../progress.ts";
import { run } from "../shell.ts";
import type { Result } from "../shell.ts";
import { addresses } from "../addresses.ts";
import { down, ssh, until, up } from "../world.ts";
import { must } from "../shell.ts";

const minute = 60_000;
jest.setTimeout(10 * minute);

const flags = ["--yes", "--skip-preview", "--non-interactive", "--color", "never"];
const echo = 64738;
const inTunnel = "10.77.0.1";
const tunnelled = { sshVia: "tunnel", sshPeers: ["nas"] };
let operator: Operator;
/** The same one on the home, which is in the tunnel. */
let atHome: Operator;
let relay: `server-${string}`;
let address: string;

beforeAll(async () => {
  await down();
  await up(new Progress(process.stderr));
  operator = await Operator.withStack("via", () => undefined);
  atHome = operator.at("home");
}, 30 * minute);

afterAll(down, minute);

async function configure(relaySection: Readonly<Record<string, unknown>>, ...more: string[]): Promise<void> {
  await operator.configure({ relay: relaySection, homes: [await home([`${echo}:64738/tcp+udp`, ...more])] });
}

const changeOfMind = (who: Operator): Promise<Result> => who.pulumi(["up", ...flags]);

async function sshAnswers(place: Place, host: string, port = 22): Promise<boolean> {
  const [banner] = await knock(place, [{ protocol: "tcp", address: host, port }], 2);
  return banner?.startsWith("SSH-2.0-") ?? false;
}

/** Our own rules on the relay, without what nft counts and remembers. */
const rules = () =>
  shell(relay, "nft --stateless --terse list table inet homerelay; cat /etc/homerelay/firewall.nft");

async function page(port: number): Promise<string> {
  const url = `http://${address}:${port}/`;
  return (await run(asPerson("stranger", ["curl", "--silent", "--max-time", "3", url]))).stdout;
}

async function expectNoChange(who: Operator): Promise<void> {
  const { code, stdout, stderr } = await who.pulumi(["preview", "--expect-no-changes", "--non-interactive"]);
  expect([code, code === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
}

function expectUnharmed({ connections, failed, lines, datagrams }: FlowsReport): void {
  expect(connections).toBeGreaterThan(10);
  expect(failed).toEqual([]);
  for (const { sent, answered, alive } of [lines, datagrams]) expect([answered, alive]).toEqual([sent, true]);
}

test("a relay that is not there yet cannot be made through its tunnel: up says so before it orders a server", async () => {
  await configure(tunnelled);
  const { code, stdout } = await changeOfMind(operator);
  expect(code).not.toBe(0);
  expect(stdout).toContain("first run up with\n    sshVia: public");
  const { servers } = (await controlCloud({ get: "everything" })) as { servers: unknown[] };
  expect(servers).toEqual([]);
});

describe("with SSH open to the public", () => {
  beforeAll(async () => {
    await configure({});
    await operator.up();
    address = String((await operator.outputs())["ipv4Address"]);
    relay = (await machineNames()).find((name) => name.startsWith("server-")) as typeof relay;
  }, 5 * minute);

  test("no peer may come in through the tunnel", async () => {
    expect(await sshAnswers("home", address)).toBe(true);
    expect(await sshAnswers("home", inTunnel)).toBe(false);
  });

  test("somebody outside the tunnel cannot move SSH into it, and nothing changes", async () => {
    const before = await rules();
    await configure(tunnelled);
    const { code, stdout } = await changeOfMind(operator);
    expect(code).not.toBe(0);
    expect(stdout).toContain(`does not answer through the tunnel at ${inTunnel} 22`);
    expect(await rules()).toBe(before);
    expect([await sshAnswers("operator", address), await sshAnswers("home", inTunnel)]).toEqual([
      true,
      false,
    ]);
  });
});

describe("with SSH through the tunnel", () => {
  let fared: FlowsReport;

  beforeAll(async () => {
    const flows = await keepBusy(address, echo);
    await atHome.up();
    fared = await flows.end();
  }, 5 * minute);

  test("the change costs the forwards nothing", () => {
    expectUnharmed(fared);
  });

  test("it is closed to the public and open to the peer that is named", async () => {
    for (const place of ["stranger", "operator", "home"] as const)
      expect([place, await sshAnswers(place, address)]).toEqual([place, false]);
    expect(await sshAnswers("home", inTunnel)).toBe(true);
    await expectNoChange(atHome);
  });

  test("a forward is added by the operator in the tunnel", async () => {
    await configure(tunnelled, "80:8080");
    await atHome.up();
    expect(await page(80)).toContain(`You are ${addresses.stranger}`);
  });

  test("the port changes by the operator in the tunnel", async () => {
    await configure({ ...tunnelled, sshPort: 2222 }, "80:8080");
    await atHome.up();
    expect([await sshAnswers("home", inTunnel, 2222), await sshAnswers("home", inTunnel, 22)]).toEqual([
      true,
      false,
    ]);
    expect(await sshAnswers("stranger", address, 2222)).toBe(false);
    await expectNoChange(atHome);
  });

  test("it stays closed while the tunnel is up, with the limit that the unit has", async () => {
    const unit = "homerelay-wayback.service";
    expect(await shell(relay, `systemctl show --property=ExecStart ${unit}`)).toContain(
      "open-way-back.sh 300",
    );
    await shell(relay, `systemctl start ${unit}`);
    expect(await shell(relay, "nft list set inet homerelay ssh_public")).not.toContain("elements");
  });
});

describe("the way back in", () => {
  const limitSeconds = 60;
  /** Until the next run of the timer, and until what it opened has lapsed. */
  const slackSeconds = 60;

  beforeAll(async () => {
    await shortenLimit();
    await power("home", "power-off");
  });

  async function shortenLimit(): Promise<void> {
    const folder = "/etc/systemd/system/homerelay-wayback.service.d";
    const text = `[Service]\\nExecStart=\\nExecStart=/usr/local/lib/homerelay/open-way-back.sh ${limitSeconds}\\n`;
    await shell(relay, `mkdir ${folder}; printf '${text}' >${folder}/limit.conf; systemctl daemon-reload`);
  }

  const untilPublic = (open: boolean) =>
    until(`SSH is ${open ? "open" : "closed"}`, limitSeconds + slackSeconds, async () =>
      expect(await sshAnswers("operator", address, 2222)).toBe(open),
    );

  test("opens when the home has been silent for as long as the limit", () => untilPublic(true));

  test("closes when the tunnel is back", async () => {
    await power("home", "power-on");
    await until("the forward answers", 60, async () => expect(await page(80)).toContain("You are"));
    await untilPublic(false);
  });

  test("waits as long again after a boot, and stays open over the next runs", async () => {
    await power("home", "power-off");
    await power(relay, "reboot");
    await untilPublic(true);
    await shell(
      relay,
      "systemctl start homerelay-wayback.service; systemctl start homerelay-wayback.service",
    );
    expect(await sshAnswers("operator", address, 2222)).toBe(true);
  });

  test("is the way to open SSH to the public for good, with the home still off", async () => {
    await configure({ sshPort: 2222 }, "80:8080");
    await operator.up();
    expect(await shell(relay, "systemctl is-enabled homerelay-wayback.timer || true")).toBe("disabled\n");
    expect(await shell(relay, "nft list set inet homerelay ssh_public")).toContain("elements = { 2222 }");
    expect(await sshAnswers("stranger", address, 2222)).toBe(true);
  });

  test("is not needed any more, and the tunnel comes back by itself", async () => {
    await power("home", "power-on");
    await until("the home's SSH answers", 60, () => must(ssh("operator", addresses.home, ["true"])));
    await until("the forward answers", 60, async () => expect(await page(80)).toContain("You are"));
    expect(await sshAnswers("home", inTunnel, 2222)).toBe(false);
    await expectNoChange(operator);
  });
});
