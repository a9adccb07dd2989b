/** A home all of whose own traffic goes into a VPN of its owner's, by the same wg-quick as our tunnel. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { power } from "../control.ts";
import { expectEchoToAnswer } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { initPid } from "../machines.ts";
import { home } from "../operator.ts";
import { clientOf, seenAs, shell, strangerBy } from "../people.ts";
import { seenFromVpn, startVpnAtBoot, vpn } from "../vpn.ts";
import { until, untilSshAnswers } from "../world.ts";

const families = [4, 6] as const;
const echo = 64738;

const lab = raiseLab({
  stack: "vpn",
  homeIpv6: "native",
  vpn: "up",
  settings: async () => ({ homes: [await home(["80:8080", `${echo}:${echo}/tcp+udp`])] }),
});

const hidden = [seenFromVpn[4], seenFromVpn[6]];
const seen = () => Promise.all(families.map((family) => seenAs("home", family)));

/** Strangers reach every kind of service by the relay, and the home itself is nowhere but in its VPN. */
async function expectBoth(): Promise<void> {
  expect(await seen()).toEqual(hidden);
  const page = { 4: `http://${lab.published[4]}/`, 6: `http://[${lab.published[6]}]/` };
  expect([await clientOf(page[4]), await clientOf(page[6])]).toEqual([strangerBy[4], strangerBy[6]]);
  await expectEchoToAnswer(lab.published, echo);
  expect(await seen()).toEqual(hidden);
}

test("the world is as it says: the home is seen where its VPN ends", async () => {
  expect(await seen()).toEqual(hidden);
});

describe("with the VPN up before our tunnel", () => {
  beforeAll(async () => {
    await lab.operator.up();
    await lab.readRelay();
  });

  test("forwards work, and the home stays in its VPN", expectBoth);

  test("the home stays in its VPN while our tunnel is down, and when it is up again", async () => {
    await shell("home", "systemctl stop wg-quick@homerelay");
    expect(await seen()).toEqual(hidden);
    await shell("home", "systemctl start wg-quick@homerelay");
    await until("forwards work", 30, expectBoth);
  });
});

test("with the VPN up after our tunnel, forwards work, and the home is in its VPN", async () => {
  await vpn("restart");
  await until("forwards work", 30, expectBoth);
});

test("with the VPN down, forwards work, and the home is seen at its own line", async () => {
  await vpn("stop");
  expect(await seenAs("home", 6)).toBe(addresses.home6);
  // Where the tunnel went through the VPN, the relay hears of its other way with the next packet from home.
  await until("forwards work", 30, () => expectEchoToAnswer(lab.published, echo));
});

test.each(["Before", "After"] as const)(
  "after a boot at which the VPN starts %s our tunnel, forwards work, and the home is in its VPN",
  async (order) => {
    await startVpnAtBoot(order);
    const before = await initPid("home");
    await power("home", "reboot");
    await until("the home is another one", 60, async () => expect(await initPid("home")).not.toBe(before));
    await untilSshAnswers("home");
    await until("forwards work", 30, expectBoth);
  },
);

test("another up finds nothing to mend, and all goes on", async () => {
  await lab.operator.up(["--expect-no-changes"]);
  await expectBoth();
});
