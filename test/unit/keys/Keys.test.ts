import { beforeAll, beforeEach, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import type { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import { Keys } from "../../../components/keys/Keys.ts";
import {
  deriveSshKey,
  deriveStackId,
  deriveWireguardKey,
  derivePresharedKey,
} from "../../../components/keys/deriveKeys.ts";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: unknown;
}

const passwordType = "random:index/randomPassword:RandomPassword";
let registered: Registered[] = [];
/** The note of a state from before, which stays. */
let madeBefore: object | undefined;

beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs }) {
        registered.push({ type, name, inputs });
        if (type === "homerelay:keys:Keys") return { id: "", state: {} };
        if (type === passwordType)
          return {
            id: "none",
            state: {
              ...(inputs as object),
              ...(madeBefore && { keepers: madeBefore }),
              result: `random ${name}`,
            },
          };
        throw new Error(`unexpected resource ${type} ${name}`);
      },
      call({ token }) {
        throw new Error(`unexpected call ${token}`);
      },
    },
    "home-relay",
    "test",
  ),
);
beforeEach(() => {
  registered = [];
  madeBefore = undefined;
});

test("makes one seed for each end and one for SSH, and one for each of the last two generations after the first", async () => {
  const seeds = async (generation: number) => {
    registered = [];
    const keys = new Keys("keys", { peers: ["nas", "media"], generation, sshGeneration: 1 });
    const pairs = [
      keys.relay,
      keys.peer("nas"),
      keys.peer("media"),
      keys.adminSshKey,
      keys.firstHostSshKey,
      keys.hostSshKey,
    ];
    await valueOf(pulumi.all([keys.urn, ...pairs.map(({ publicKey }) => publicKey)]));
    return [...registered].sort((a, b) => a.name.localeCompare(b.name));
  };
  const kept = { length: 64, special: false };
  const own = { ...kept, keepers: { generation: "1" } };
  const always = [
    { type: passwordType, name: "keys-peer-media", inputs: own },
    { type: passwordType, name: "keys-peer-nas", inputs: own },
    { type: passwordType, name: "keys-relay", inputs: own },
    { type: passwordType, name: "keys-ssh", inputs: kept },
  ];
  const component = (generation: number) => ({
    type: "homerelay:keys:Keys",
    name: "keys",
    inputs: { peers: ["nas", "media"], generation, sshGeneration: 1 },
  });
  const of = (generation: number) => ({
    type: passwordType,
    name: `keys-generation-${generation}`,
    inputs: kept,
  });
  expect(await seeds(1)).toEqual([component(1), ...always]);
  expect(await seeds(2)).toEqual([component(2), of(2), ...always]);
  expect(await seeds(4)).toEqual([component(4), of(3), of(4), ...always]);
  const monitor = pulumi.runtime.getMonitor() as unknown as MockMonitor;
  const children = [...monitor.getRegisteredResources().keys()].filter((urn) => urn.includes(passwordType));
  expect(children.filter((urn) => !urn.includes("homerelay:keys:Keys$"))).toEqual([]);
});

test("each generation has keys of its own, and the SSH keys are the same in all", async () => {
  const [first, second, third] = await Promise.all(
    [1, 2, 3].map(async (generation) => {
      const keys = new Keys("keys", { peers: ["nas"], generation, sshGeneration: 1 });
      return Promise.all([
        valueOf(keys.relay.publicKey),
        valueOf(keys.peer("nas").publicKey),
        valueOf(keys.peer("nas").presharedKey),
        valueOf(keys.adminSshKey.publicKey),
        valueOf(keys.stackId),
      ]);
    }),
  );
  const tunnel = [first, second, third].flatMap((keys) => keys?.slice(0, 3) ?? []);
  expect(new Set(tunnel).size).toBe(9);
  expect([second?.slice(3), third?.slice(3)]).toEqual([first?.slice(3), first?.slice(3)]);
});

test("seeds that an older version made for a generation give the keys that they gave", async () => {
  madeBefore = { generation: "2" };
  const keys = new Keys("keys", { peers: ["nas"], generation: 2, sshGeneration: 1 });
  const nas = deriveWireguardKey("random keys-peer-nas", "wireguard peer");
  expect(await valueOf(keys.peer("nas").publicKey)).toBe(nas.publicKey);
  const next = new Keys("keys", { peers: ["nas"], generation: 3, sshGeneration: 1 });
  expect(await valueOf(next.peer("nas").publicKey)).not.toBe(nas.publicKey);
});

test("no two keys are one, whichever seed they come from; private ones are secret, public ones are not", async () => {
  const keys = new Keys("keys", { peers: ["nas"], generation: 1, sshGeneration: 1 });
  const relay = deriveWireguardKey("random keys-relay", "wireguard relay");
  const nas = deriveWireguardKey("random keys-peer-nas", "wireguard peer");
  const admin = deriveSshKey("random keys-ssh", "ssh admin", "home-relay-admin");
  const firstHost = deriveSshKey("random keys-ssh", "ssh first host", "home-relay-first");
  const host = deriveSshKey("random keys-ssh", "ssh host", "home-relay");
  expect(await values(keys.relay)).toEqual({
    privateKey: [relay.privateKey, true],
    publicKey: [relay.publicKey, false],
  });
  expect(await values(keys.peer("nas"))).toEqual({
    privateKey: [nas.privateKey, true],
    publicKey: [nas.publicKey, false],
    presharedKey: [derivePresharedKey("random keys-peer-nas", "wireguard preshared key"), true],
  });
  expect(await values(keys.adminSshKey)).toEqual({
    privateKey: [admin.privateKeyOpenssh, true],
    publicKey: [admin.publicKey, false],
  });
  expect(await values(keys.firstHostSshKey)).toEqual({
    privateKey: [firstHost.privateKeyOpenssh, true],
    publicKey: [firstHost.publicKey, false],
  });
  expect(await values(keys.hostSshKey)).toEqual({
    privateKey: [host.privateKeyOpenssh, true],
    publicKey: [host.publicKey, false],
  });
  const publicKeys = [relay, nas, admin, firstHost, host].map(
    ({ publicKey }) => publicKey.split(" ")[1] ?? publicKey,
  );
  expect(new Set(publicKeys).size).toBe(publicKeys.length);
});

test("another SSH generation has keys and a seed of its own, and neither the stack's id nor any other key changes", async () => {
  const keysOf = async (sshGeneration: number) => {
    registered = [];
    const keys = new Keys("keys", { peers: ["nas"], generation: 1, sshGeneration });
    const changing = [keys.adminSshKey, keys.firstHostSshKey, keys.hostSshKey].flatMap((pair) => [
      pair.publicKey,
      pair.privateKey,
    ]);
    const staying = [
      keys.stackId,
      keys.firstAdminSshKey.privateKey,
      keys.firstGenerationHostKey,
      keys.sshNoteSecret,
      keys.relay.publicKey,
      keys.peer("nas").publicKey,
    ];
    const [changed, stayed] = await Promise.all([
      Promise.all(changing.map(valueOf)),
      Promise.all(staying.map(valueOf)),
    ]);
    const secret = await Promise.all(
      [keys.adminSshKey.privateKey, keys.firstAdminSshKey.privateKey, keys.sshNoteSecret].map((one) =>
        pulumi.isSecret(one),
      ),
    );
    expect(secret).toEqual([true, true, true]);
    return { changed, stayed, seeds: registered.map(({ name }) => name).sort() };
  };
  const [first, second, third] = [await keysOf(1), await keysOf(2), await keysOf(3)];
  expect(new Set([first, second, third].flatMap(({ changed }) => changed)).size).toBe(18);
  expect([second.stayed, third.stayed]).toEqual([first.stayed, first.stayed]);
  expect(first.changed[1]).toBe(first.stayed[1]);
  const always = ["keys", "keys-peer-nas", "keys-relay", "keys-ssh"];
  expect(first.seeds).toEqual(always);
  expect(second.seeds).toEqual([...always, "keys-ssh-generation-2"]);
  expect(third.seeds).toEqual([...always, "keys-ssh-generation-3"]);
});

test("the stack's id is public, and the admin key's alone", async () => {
  const keys = new Keys("keys", { peers: ["nas"], generation: 1, sshGeneration: 1 });
  const admin = deriveSshKey("random keys-ssh", "ssh admin", "home-relay-admin");
  expect(await values({ id: keys.stackId })).toEqual({ id: [deriveStackId(admin.publicKey), false] });
  expect(deriveStackId(admin.publicKey)).toMatch(/^[0-9a-f]{32}$/);
});

test("a peer that was not named has no keys", () => {
  const keys = new Keys("keys", { peers: ["nas"], generation: 1, sshGeneration: 1 });
  expect(() => keys.peer("media")).toThrow(new Error('no keys were made for a peer named "media"'));
});

function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

/** Each output's value, and whether it is secret. */
async function values(outputs: object): Promise<Record<string, [string, boolean]>> {
  const entries = Object.entries(outputs as Record<string, pulumi.Output<string>>);
  return Object.fromEntries(
    await Promise.all(
      entries.map(
        async ([name, output]) => [name, [await valueOf(output), await pulumi.isSecret(output)]] as const,
      ),
    ),
  ) as Record<string, [string, boolean]>;
}
