import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { inCloud } from "../cloudByHand.ts";
import { power } from "../control.ts";
import { expectNoChange, expectUnharmed, failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import type { Operator } from "../operator.ts";
import { keepBusy, knock, pageOf, shell } from "../people.ts";
import type { FlowsReport, Place } from "../people.ts";
import { until, untilSshAnswers } from "../world.ts";

const echo = 64738;
const inTunnel = "10.77.0.1";
const tunnelled = { sshVia: "tunnel", sshPeers: ["nas"] };
/** The operator on the home, which is in the tunnel. */
let atHome: Operator;

const lab = raiseLab({ stack: "via" });

beforeAll(() => {
  atHome = lab.operator.at("home");
});

async function configure(relay: Readonly<Record<string, unknown>>, ...more: string[]): Promise<void> {
  await lab.operator.forward([`${echo}:64738/tcp+udp`, ...more], { relay });
}

async function sshAnswers(place: Place, host: string, port = 22): Promise<boolean> {
  const [banner] = await knock(place, [{ protocol: "tcp", address: host, port }], 2);
  return banner?.startsWith("SSH-2.0-") ?? false;
}

/** Our own rules on the relay, without what nft counts and remembers. */
const rules = () =>
  shell(lab.relay, "nft --stateless --terse list table inet homerelay; cat /etc/homerelay/firewall.nft");

async function page(port: number): Promise<string> {
  return pageOf(`http://${lab.published[4]}:${port}/`);
}

test("a relay that is not there yet cannot be made through its tunnel: up says so before it orders a server", async () => {
  await configure(tunnelled);
  expect(await failingUp(lab.operator)).toContain("first run up with\n    sshVia: public");
  expect((await inCloud())["servers"]).toEqual([]);
});

describe("with SSH open to the public", () => {
  beforeAll(async () => {
    await configure({});
    await lab.operator.up();
    await lab.readRelay();
  });

  test("no peer may come in through the tunnel", async () => {
    expect(await sshAnswers("home", lab.published[4])).toBe(true);
    expect(await sshAnswers("home", inTunnel)).toBe(false);
  });

  test("somebody outside the tunnel cannot move SSH into it, and nothing changes", async () => {
    const before = await rules();
    await configure(tunnelled);
    expect(await failingUp(lab.operator)).toContain(`does not answer through the tunnel at ${inTunnel} 22`);
    expect(await rules()).toBe(before);
    expect([await sshAnswers("operator", lab.published[4]), await sshAnswers("home", inTunnel)]).toEqual([
      true,
      false,
    ]);
  });
});

describe("with SSH through the tunnel", () => {
  let fared: FlowsReport;

  beforeAll(async () => {
    const flows = await keepBusy(lab.published[4], echo);
    await atHome.up();
    fared = await flows.end();
  });

  test("the change costs the forwards nothing", () => {
    expectUnharmed(fared);
  });

  test("it is closed to the public and open to the peer that is named", async () => {
    for (const place of ["stranger", "operator", "home"] as const)
      expect([place, await sshAnswers(place, lab.published[4])]).toEqual([place, false]);
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
    expect(await sshAnswers("stranger", lab.published[4], 2222)).toBe(false);
    await expectNoChange(atHome);
  });

  test("it stays closed while the tunnel is up, with the limit that the unit has", async () => {
    const unit = "homerelay-ssh-fallback.service";
    expect(await shell(lab.relay, `systemctl show --property=ExecStart ${unit}`)).toContain(
      "open-ssh-fallback.sh 300",
    );
    await shell(lab.relay, `systemctl start ${unit}`);
    expect(await shell(lab.relay, "nft list set inet homerelay ssh_public")).not.toContain("elements");
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
    const folder = "/etc/systemd/system/homerelay-ssh-fallback.service.d";
    const text = `[Service]\\nExecStart=\\nExecStart=/usr/local/lib/homerelay/open-ssh-fallback.sh ${limitSeconds}\\n`;
    await shell(
      lab.relay,
      `mkdir ${folder}; printf '${text}' >${folder}/limit.conf; systemctl daemon-reload`,
    );
  }

  const untilPublic = (open: boolean) =>
    until(`SSH is ${open ? "open" : "closed"}`, limitSeconds + slackSeconds, async () => {
      expect(await sshAnswers("operator", lab.published[4], 2222)).toBe(open);
      // A relay that is only slow to answer is not closed.
      if (!open)
        expect(await shell(lab.relay, "nft list set inet homerelay ssh_public")).not.toContain("elements");
    });

  test("opens when the home has been silent for as long as the limit", () => untilPublic(true));

  test("closes when the tunnel is back", async () => {
    await power("home", "power-on");
    await until("the forward answers", 60, async () => expect(await page(80)).toContain("You are"));
    await untilPublic(false);
  });

  test("waits as long again after a boot, and stays open over the next runs", async () => {
    await power("home", "power-off");
    await power(lab.relay, "reboot");
    await untilPublic(true);
    await shell(
      lab.relay,
      "systemctl start homerelay-ssh-fallback.service; systemctl start homerelay-ssh-fallback.service",
    );
    expect(await sshAnswers("operator", lab.published[4], 2222)).toBe(true);
  });

  test("is the way to open SSH to the public for good, with the home still off", async () => {
    await configure({ sshPort: 2222 }, "80:8080");
    await lab.operator.up();
    expect(await shell(lab.relay, "systemctl is-enabled homerelay-ssh-fallback.timer || true")).toBe(
      "disabled\n",
    );
    expect(await shell(lab.relay, "nft list set inet homerelay ssh_public")).toContain("elements = { 2222 }");
    expect(await sshAnswers("stranger", lab.published[4], 2222)).toBe(true);
  });

  test("is not needed any more, and the tunnel comes back by itself", async () => {
    await power("home", "power-on");
    await untilSshAnswers("home");
    await until("the forward answers", 60, async () => expect(await page(80)).toContain("You are"));
    expect(await sshAnswers("home", inTunnel, 2222)).toBe(false);
    await expectNoChange(lab.operator);
  });
});
