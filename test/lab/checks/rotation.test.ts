/** New keys of the tunnel and of SSH, while strangers use it and while the operator's own way to a home leads through it. */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { inCloud } from "../cloudByHand.ts";
import { power } from "../control.ts";
import { expectEchoToAnswer, expectNoChange, expectUnharmed, failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { home } from "../operator.ts";
import { paths } from "../paths.ts";
import { keepBusy, shell } from "../people.ts";
import { run } from "../shell.ts";
import { ssh, untilSshAnswers } from "../world.ts";

const echo = { nas: 64738, attic: 9000 };
const toSsh = { published: "2222", target: "22", protocol: "tcp", acknowledge: true };
const atNas = [`${echo.nas}:64738/tcp+udp`, toSsh];
const atAttic = [`${echo.attic}:64738/tcp+udp`];

const lab = raiseLab({
  stack: "rotation",
  images: ["debian-12"],
  machines: [{ name: "attic" }],
  settings: async () => ({ homes: [await home(atNas), await home(atAttic, "attic")] }),
  up: true,
});

let tunnelGeneration = 1;

/** The stack with keys of this generation; `nas` is reached at its own forward. */
async function configure(keyGeneration: number, relay = {}): Promise<void> {
  tunnelGeneration = keyGeneration;
  const nas = await home(atNas);
  const throughItself = { ...(nas["ssh"] as object), host: lab.published[4], port: 2222 };
  await lab.operator.configure({
    relay,
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

describe("the keys of SSH", () => {
  const setGeneration = (sshKeyGeneration: number, more = {}) =>
    configure(tunnelGeneration, { sshKeyGeneration, ...more });

  /** The key that the state has for the relay's steps, in a file, and the host key that they expect. */
  async function inState(name: string): Promise<{ readonly file: string; readonly hostKey: string }> {
    const { stdout } = await lab.operator.pulumi(["stack", "export", "--show-secrets"]);
    const { deployment } = JSON.parse(stdout) as {
      deployment: { resources: { urn: string; inputs?: { connection?: { plaintext: string } } }[] };
    };
    const prepare = deployment.resources.find(({ urn }) => urn.endsWith("-relay-prepare"));
    const { privateKey, hostKey } = JSON.parse(prepare?.inputs?.connection?.plaintext ?? "{}") as {
      privateKey: string | { plaintext: string };
      hostKey: string;
    };
    const login = typeof privateKey === "string" ? privateKey : (JSON.parse(privateKey.plaintext) as string);
    const file = join(paths.run, name);
    await writeFile(file, login);
    await chmod(file, 0o600);
    return { file, hostKey };
  }

  type Known = Awaited<ReturnType<typeof inState>>;

  /** Whether the relay lets somebody in with this key, and shows this host key. */
  async function isInForce({ file, hostKey }: Known): Promise<{ admin: boolean; host: boolean }> {
    const command = ssh("operator", lab.published[4], ["true"]).map((word) =>
      word === paths.operatorKey ? file : word,
    );
    const { code, stderr } = await run(command);
    if (code !== 0) expect(stderr).toContain("Permission denied");
    const shown = await shell("operator", `ssh-keyscan -t ed25519 ${lab.published[4]} 2>/dev/null`);
    return { admin: code === 0, host: shown.includes(hostKey.split(" ")[1] ?? "none") };
  }

  const yes = { admin: true, host: true };
  const no = { admin: false, host: false };

  /** The server stays, and one key is left at the cloud and on the relay beside the owner's own. */
  async function expectOneKey(server: unknown, onRelay = 2): Promise<void> {
    const { servers, ssh_keys: keys } = await inCloud();
    expect([servers?.map(({ id }) => id), keys?.length]).toEqual([server, 1]);
    expect(await shell(lab.relay, "grep -c ^ssh-ed25519 /root/.ssh/authorized_keys")).toBe(`${onRelay}\n`);
    expect(await shell(lab.relay, "grep -c owner@laptop /root/.ssh/authorized_keys")).toBe("1\n");
  }

  let known: Known;
  let server: unknown;
  beforeAll(async () => {
    known = await inState("ssh-1");
    server = (await inCloud())["servers"]?.map(({ id }) => id);
    await shell(
      lab.relay,
      "ssh-keygen -q -t ed25519 -N '' -C owner@laptop -f /root/owner && cat /root/owner.pub >>/root/.ssh/authorized_keys",
    );
  });

  test("change while a stranger talks; the old ones open nothing, and the server and the owner's own key stay", async () => {
    expect(await isInForce(known)).toEqual(yes);
    const busy = await keepBusy(lab.published[4], echo.nas);
    await setGeneration(2);
    await lab.operator.up();
    expectUnharmed(await busy.end());
    const second = await inState("ssh-2");
    expect([await isInForce(known), await isInForce(second)]).toEqual([no, yes]);
    await expectOneKey(server);
    await expectNoChange(lab.operator);
    // Not even sealed: whoever once held the first keys could open it.
    const { stdout: state } = await lab.operator.pulumi(["stack", "export"]);
    expect([state.includes("home-relay-ssh-endpoint"), state.includes("login-key")]).toEqual([true, false]);
    known = second;
  });

  test.each([
    ["when the relay has admitted the new key", "SSH keys of this stack have changed", 3, 3],
    ["when the relay has been reached", "the relay is reached", 4, 4],
    ["when the relay has its new host key, and the number is set back", "the relay is reached", 5, 4],
    ["when the relay has admitted the new key, and the number is set back", "SSH keys of this", 6, 4],
    ["before the old key is removed, and the number becomes yet another one", "relay-sshd", 7, 9],
    ["before the old key is removed, and the number is 1 again", "relay-sshd", 10, 1],
  ])("that are interrupted %s are whole after the next up", async (_, words, first, then) => {
    const busy = await keepBusy(lab.published[4], echo.nas);
    await setGeneration(first);
    let interrupt = () => {};
    let isIn = false;
    await lab.operator.attempt("up", [], {
      onStart: (stop) => (interrupt = stop),
      onLine: (line) => {
        if (!isIn && line.includes(words)) interrupt();
        isIn ||= line.includes(words);
      },
    });
    expect(isIn).toBe(true);
    await lab.operator.pulumi(["cancel", "--yes"]);
    await setGeneration(then);
    await lab.operator.up();
    expectUnharmed(await busy.end());
    const now = await inState(`ssh-${first}-${then}`);
    expect(await isInForce(now)).toEqual(yes);
    if (now.hostKey !== known.hostKey) expect(await isInForce(known)).toEqual(no);
    // A key that no state has noted is the state's no more: it opens to nobody, and goes with the next step of sshd.
    await expectOneKey(server, first === 6 ? 3 : 2);
    await expectNoChange(lab.operator);
    known = now;
  });

  test("are those of a new server that comes in the same up", async () => {
    await setGeneration(11, { image: "debian-12" });
    await lab.operator.up();
    await lab.readRelay();
    const now = await inState("ssh-11");
    expect([await isInForce(known), await isInForce(now)]).toEqual([no, yes]);
    expect((await inCloud())["ssh_keys"]).toHaveLength(1);
    await expectNoChange(lab.operator);
  });
});
