import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { Host } from "../../../components/host/Host.ts";
import type { HostArgs } from "../../../components/host/Host.ts";
import { installedFiles } from "../../../components/host/installedFiles.ts";
import {
  operatorAccess,
  operatorEnvironment,
  owner,
  ownerEnvironment,
  passwordAccess,
  passwordEnvironment,
  stackKeyAccess,
  stackKeyConnection,
} from "../componentArguments.ts";
import { named, plainTexts, register, tree } from "../mockEngine.ts";

const read = (source: string) => readFileSync(join(__dirname, "../../../components", source), "utf8");
/** What run-step.sh says of a host that is away, and how long it waits for it. */
const waiting = { NAME: "nas", WAIT_SECONDS: "25" };
const quiet = { addPreviousOutputInEnv: false };
const logged = { ...quiet, logging: "stdoutAndStderr", triggers: [expect.stringMatching(/^[0-9a-f]{12}$/)] };

describe("a home, by the operator's own OpenSSH", () => {
  const host = (): Host =>
    new Host("nas-host", { title: "nas", role: "home", owner, access: operatorAccess });

  test("is reached, then prepared", async () => {
    expect(tree(await register(host))).toEqual([
      "homerelay:host:Host nas-host",
      "command:local:Command nas-host-reach < homerelay:host:Host nas-host",
      "command:local:Command nas-host-prepare < homerelay:host:Host nas-host",
    ]);
  });

  test("reach knows what to say about a wrong host key, and takes no key of ours", async () => {
    expect(named(await register(host), "nas-host-reach").inputs).toEqual({
      ...quiet,
      triggers: [],
      create: "sh components/host/reach-host.sh",
      environment: {
        ...operatorEnvironment,
        ...ownerEnvironment,
        NAME: "nas",
        WAIT_SECONDS: "15",
        HOST_KEY_MEND: expect.stringContaining("into ssh.hostKey of nas"),
      },
    });
  });

  test("a step runs there through OpenSSH, with its document on stdin", async () => {
    const registered = await register(() =>
      host().step("nas-guard", { run: "apply-guard.sh", document: "guard\n" }, {}),
    );
    expect(named(registered, "nas-guard").inputs).toEqual({
      ...logged,
      create: "sh components/host/run-step.sh timeout 300 /usr/local/lib/homerelay/apply-guard.sh",
      environment: { ...operatorEnvironment, NAME: "nas", WAIT_SECONDS: "25" },
      stdin: "guard\n",
    });
  });

  test("without a key file ssh chooses for itself", async () => {
    const access = { ...operatorAccess, identityFile: undefined };
    const registered = await register(
      () => new Host("nas-host", { title: "nas", role: "home", owner, access }),
    );
    expect(named(registered, "nas-host-prepare").inputs["environment"]).toEqual({
      ...operatorEnvironment,
      IDENTITY: "",
      NAME: "nas",
      WAIT_SECONDS: "25",
    });
  });
});

describe("a home, with a password", () => {
  const host = (access = passwordAccess): Host =>
    new Host("nas-host", { title: "nas", role: "home", owner, access });

  test("reach gets it on stdin, and knows where a wrong one is mended", async () => {
    const { inputs } = named(await register(host), "nas-host-reach");
    expect(inputs["stdin"]).toEqual({ secret: "password nas" });
    expect(inputs["environment"]).toMatchObject(passwordEnvironment);
  });

  test("a step has it in its secret connection, tries it once, and leaves its document readable", async () => {
    const registered = await register(() =>
      host().step("nas-guard", { run: "apply-guard.sh", document: "guard\n" }, {}),
    );
    expect(named(registered, "nas-guard").inputs).toEqual({
      ...logged,
      connection: {
        secret: {
          host: "192.168.1.10",
          port: 2222,
          user: "admin",
          password: "password nas",
          hostKey: "ssh-ed25519 AAAAnas",
          dialErrorLimit: 0,
          perDialTimeout: 10,
        },
      },
      create:
        'sudo -n env SSH_CONNECTION="$SSH_CONNECTION" timeout 300 /usr/local/lib/homerelay/apply-guard.sh',
      stdin: "guard\n",
    });
  });

  test("root needs no sudo", async () => {
    const registered = await register(() => host({ ...passwordAccess, user: "root" }));
    expect(named(registered, "nas-host-prepare").inputs["create"]).toBe(
      "timeout 900 bash -s 0123456789abcdef home-relay/test nas",
    );
  });

  test("it stands nowhere in clear", async () => {
    const registered = await register(host);
    expect(registered.flatMap(({ inputs }) => plainTexts(inputs)).join("\n")).not.toContain("password nas");
  });
});

test("a home behind a jump host is reached with the operator's own OpenSSH through it", async () => {
  const jump = {
    host: "gate",
    port: 2200,
    user: "ops",
    hostKey: "ssh-ed25519 AAAAgate",
    identityFile: "keys/gate",
  };
  const environment = async (change: object) => {
    const access = { ...operatorAccess, jump: { ...jump, ...change } };
    const registered = await register(
      () => new Host("nas-host", { title: "nas", role: "home", owner, access }),
    );
    expect(named(registered, "nas-host-reach").inputs["environment"]).toMatchObject({ JUMP_HOST: "gate" });
    return named(registered, "nas-host-prepare").inputs["environment"];
  };
  const through = {
    ...operatorEnvironment,
    JUMP_HOST: "gate",
    JUMP_PORT: "2200",
    JUMP_LOGIN: "ops",
    ...waiting,
  };
  expect(await environment({})).toEqual({
    ...through,
    JUMP_HOST_KEYS: "ssh-ed25519 AAAAgate",
    JUMP_IDENTITY: "keys/gate",
  });
  expect(await environment({ hostKey: undefined, identityFile: undefined })).toEqual({
    ...through,
    JUMP_HOST_KEYS: "",
    JUMP_IDENTITY: "",
  });
});

test("a home that is this machine gets the same steps, with no way to anywhere", async () => {
  const registered = await register(() =>
    new Host("nas-host", { title: "nas", role: "home", owner, access: "here" }).step(
      "nas-guard",
      { run: "apply-guard.sh", document: "guard\n" },
      {},
    ),
  );
  expect(named(registered, "nas-guard").inputs).toEqual({
    ...logged,
    create: "sh components/host/run-step.sh timeout 300 /usr/local/lib/homerelay/apply-guard.sh",
    environment: { WAY: "here", JUMP_HOST: "", ...waiting },
    stdin: "guard\n",
  });
  expect(named(registered, "nas-host-reach").inputs["environment"]).toMatchObject({
    WAY: "here",
    NAME: "nas",
  });
});

describe("a relay, by the stack's own key", () => {
  const args = (): HostArgs => ({ title: "the relay", role: "relay", owner, access: stackKeyAccess() });

  test("reach gets the login key and the lasting host key on stdin, and accepts the first host key too", async () => {
    const { inputs } = named(await register(() => new Host("relay-host", args())), "relay-host-reach");
    expect(inputs).toEqual({
      ...quiet,
      triggers: [],
      create: "sh components/host/reach-host.sh",
      environment: {
        WAY: "ssh",
        JUMP_HOST: "",
        HOST: "203.0.113.5",
        PORT: "22",
        LOGIN: "root",
        HOST_KEYS: "ssh-ed25519 AAAAfirst\nssh-ed25519 AAAAhost",
        ...ownerEnvironment,
        NAME: "the relay",
        WAIT_SECONDS: "300",
        HOST_KEY_MEND: expect.stringContaining("pulumi up --replace"),
        SILENCE_MEND: expect.stringContaining("pulumi up --replace"),
      },
      stdin: { secret: "private admin\nprivate host\n" },
    });
  });

  test("a step connects with the pinned host key and gives up soon", async () => {
    const registered = await register(() =>
      new Host("relay-host", args()).step(
        "relay-rules",
        { run: "apply-firewall.sh now", document: "rules\n", timeoutSeconds: 7 },
        {},
      ),
    );
    expect(named(registered, "relay-rules").inputs).toEqual({
      ...logged,
      connection: stackKeyConnection,
      create: "timeout 7 /usr/local/lib/homerelay/apply-firewall.sh now",
      stdin: "rules\n",
    });
  });

  test("a restart has it waited for again, as long as its boot may take, and no step run again", async () => {
    const registered = await register(() => {
      new Host("relay-host", { ...args(), restarts: ["cx33"], bootSeconds: pulumi.output(20) });
    });
    const { inputs } = named(registered, "relay-host-reach");
    expect(inputs["triggers"]).toEqual(["cx33"]);
    expect(inputs["environment"]).toMatchObject({ WAIT_SECONDS: "20" });
    expect(named(registered, "relay-host-prepare").inputs["triggers"]).toHaveLength(1);
  });

  test("reach says what a silence means, where the host knows more", async () => {
    const { inputs } = named(
      await register(() => new Host("relay-host", { ...args(), silenceMend: "look into the tunnel" })),
      "relay-host-reach",
    );
    expect(inputs["environment"]).toMatchObject({ SILENCE_MEND: "look into the tunnel" });
  });

  test("a new machine gets every step again, however it came to be one", async () => {
    const registered = await register(() => {
      const machine = new random.RandomPassword("server", { length: 1 });
      new Host("relay-host", { ...args(), triggers: ["door"] }, { machine }).step(
        "s",
        { run: "true", document: "", triggers: ["more"] },
        {},
      );
    });
    const triggers = (name: string) => named(registered, name).inputs["triggers"] as string[];
    const id = triggers("relay-host-reach");
    expect(id).toEqual([expect.any(String), "door"]);
    expect(triggers("relay-host-prepare").slice(1)).toEqual(id);
    expect(triggers("s").slice(1)).toEqual([...id, "more"]);
  });
});

test("a secret hides its document, and a plain document stays plain", async () => {
  const registered = await register(() => {
    const host = new Host("nas-host", { title: "nas", role: "home", owner, access: operatorAccess });
    host.step(
      "nas-keys",
      { run: "store-keys.sh", document: pulumi.interpolate`a ${pulumi.secret("b")}` },
      {},
    );
    host.step("nas-guard", { run: "apply-guard.sh", document: pulumi.interpolate`a ${"b"}` }, {});
  });
  expect(["nas-keys", "nas-guard"].map((name) => named(registered, name).inputs["stdin"])).toEqual([
    { secret: "a b" },
    "a b",
  ]);
});

test("preparing brings every file of the role behind the script that unpacks them, then the host's own", async () => {
  const files = [{ name: "/etc/sysctl.d/60-homerelay.conf", text: "a=1\n" }];
  const registered = await register(
    () =>
      new Host("relay-host", { title: "the relay", role: "relay", owner, access: stackKeyAccess(), files }),
  );
  const { inputs } = named(registered, "relay-host-prepare");
  const installed = installedFiles.relay.map(
    ({ source, path, mode }) => `#file ${mode} ${path}\n${read(source)}`,
  );
  expect(inputs["create"]).toBe("timeout 900 bash -s 0123456789abcdef home-relay/test the relay");
  expect(inputs["stdin"]).toBe(
    `${read("host/unpack-scripts.sh")}${installed.join("")}#file 0644 /etc/sysctl.d/60-homerelay.conf\na=1\n`,
  );
});
