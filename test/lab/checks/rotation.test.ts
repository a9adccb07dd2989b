/** New keys of the tunnel, while strangers use it and while the operator's own way to a home leads through it. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { power } from "../control.ts";
import { expectEchoToAnswer, expectNoChange, expectUnharmed, failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { home } from "../operator.ts";
import { keepBusy, shell } from "../people.ts";
import { untilSshAnswers } from "../world.ts";

const echo = { nas: 64738, attic: 9000 };
const toSsh = { published: "2222", target: "22", protocol: "tcp", acknowledge: true };
const atNas = [`${echo.nas}:64738/tcp+udp`, toSsh];
const atAttic = [`${echo.attic}:64738/tcp+udp`];

const lab = raiseLab({
  stack: "rotation",
  machines: [{ name: "attic" }],
  settings: async () => ({ homes: [await home(atNas), await home(atAttic, "attic")] }),
  up: true,
});

/** The stack with keys of this generation; `nas` is reached at its own forward. */
async function configure(keyGeneration: number): Promise<void> {
  const nas = await home(atNas);
  const throughItself = { ...(nas["ssh"] as object), host: lab.published[4], port: 2222 };
  await lab.operator.configure({
    tunnel: { keyGeneration },
    homes: [{ ...nas, ssh: throughItself }, await home(atAttic, "attic")],
  });
}

/** Who is who in the tunnel, as each end knows it; no preshared key is one that is shown. */
async function keysInForce() {
  const [relay, nas, attic] = await Promise.all(
    ([lab.relay, "home", "attic"] as const).map(async (machine) => ({
      own: (await shell(machine, "wg show homerelay public-key")).trim(),
      peers: (await shell(machine, "wg show homerelay peers")).trim().split("\n").sort(),
      shared: (await shell(machine, "wg show homerelay preshared-keys | cut -f 2")).trim().split("\n").sort(),
      peersInFile: (await shell(machine, "sed -n 's/^PublicKey = //p' /etc/wireguard/homerelay.conf"))
        .trim()
        .split("\n")
        .sort(),
    })),
  );
  if (!relay || !nas || !attic) throw new Error("an end is missing");
  return { relay, nas, attic };
}

type Keys = Awaited<ReturnType<typeof keysInForce>>;

function expectOneTunnel({ relay, nas, attic }: Keys): void {
  expect(relay.peers).toEqual([nas.own, attic.own].sort());
  expect([nas.peers, attic.peers]).toEqual([[relay.own], [relay.own]]);
  for (const end of [relay, nas, attic]) expect(end.peersInFile).toEqual(end.peers);
  expect([...nas.shared, ...attic.shared].sort()).toEqual(relay.shared);
}

const publicKeys = ({ relay, nas, attic }: Keys) => [relay.own, nas.own, attic.own];
const allKeys = (keys: Keys) => [...publicKeys(keys), ...keys.relay.shared];

let first: Keys;
beforeAll(async () => {
  first = await keysInForce();
  await configure(1);
  await lab.operator.up();
});

test("nobody notices new keys at both ends, and nothing is left of the old ones", async () => {
  const busy = await Promise.all(Object.values(echo).map((port) => keepBusy(lab.published[4], port)));
  await configure(2);
  await lab.operator.up();
  for (const one of busy) expectUnharmed(await one.end());
  const second = await keysInForce();
  expectOneTunnel(second);
  expect(allKeys(second).filter((key) => allKeys(first).includes(key))).toEqual([]);
  for (const machine of [lab.relay, "home", "attic"] as const)
    expect(
      await shell(
        machine,
        "systemctl is-active homerelay-new-keys; nft list tables | grep key_change || true",
      ),
    ).toMatch(/^(inactive|failed)?\n?$/);
  expect(await shell("home", "journalctl -u homerelay-new-keys")).toContain("the tunnel has its new keys");
  await expectNoChange(lab.operator);
});

describe("while a home is off", () => {
  let before: Keys;
  beforeAll(async () => {
    before = await keysInForce();
    await power("attic", "power-off");
    await configure(3);
  });

  test("nobody's keys change, and the other home is served on", async () => {
    const busy = await keepBusy(lab.published[4], echo.nas);
    const diagnostics = await failingUp(lab.operator, ["--continue-on-error"]);
    expectUnharmed(await busy.end());
    expect(diagnostics).toContain("Not heard through the tunnel: attic.");
    expect((await shell(lab.relay, "wg show homerelay public-key")).trim()).toBe(before.relay.own);
    expect((await shell("home", "wg show homerelay public-key")).trim()).toBe(before.nas.own);
  });

  test("the next up with it back gives everybody new ones", async () => {
    await power("attic", "power-on");
    await untilSshAnswers("attic");
    const busy = await keepBusy(lab.published[4], echo.nas);
    await lab.operator.up();
    expectUnharmed(await busy.end());
    const after = await keysInForce();
    expectOneTunnel(after);
    expect(allKeys(after).filter((key) => allKeys(before).includes(key))).toEqual([]);
    await expectNoChange(lab.operator);
  });
});

test("an up that is ended in the middle of it leaves the tunnel as it works, and the next one ends it", async () => {
  const busy = await Promise.all(Object.values(echo).map((port) => keepBusy(lab.published[4], port)));
  await configure(4);
  let interrupt = () => {};
  let isIn = false;
  await lab.operator.attempt("up", [], {
    onStart: (stop) => (interrupt = stop),
    onLine: (line) => {
      if (!isIn && line.includes("new keys: waiting")) interrupt();
      isIn ||= line.includes("new keys: waiting");
    },
  });
  expect(isIn).toBe(true);
  await lab.operator.pulumi(["cancel", "--yes"]);
  await lab.operator.up();
  for (const one of busy) expectUnharmed(await one.end());
  expectOneTunnel(await keysInForce());
  await expectNoChange(lab.operator);
});

test("the number before brings the keys of before back, and nobody notices that either", async () => {
  const fourth = await keysInForce();
  const busy = await keepBusy(lab.published[4], echo.nas);
  await configure(5);
  await lab.operator.up();
  expect(publicKeys(await keysInForce()).filter((key) => allKeys(fourth).includes(key))).toEqual([]);
  await configure(4);
  await lab.operator.up();
  expectUnharmed(await busy.end());
  expect(await keysInForce()).toEqual(fourth);
  await expectEchoToAnswer(lab.published, echo.nas);
});
