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
  stackKeyAccess,
  stackKeyConnection,
} from "./examples.ts";
import { named, register, tree } from "./mockEngine.ts";

const read = (source: string) => readFileSync(join(__dirname, "../../../components", source), "utf8");
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
        WAIT_SECONDS: "20",
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
      environment: operatorEnvironment,
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
    });
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
        HOST: "203.0.113.5",
        PORT: "22",
        LOGIN: "root",
        HOST_KEYS: "ssh-ed25519 AAAAfirst\nssh-ed25519 AAAAhost",
        ...ownerEnvironment,
        NAME: "the relay",
        WAIT_SECONDS: "300",
        HOST_KEY_MEND: expect.stringContaining("pulumi up --replace"),
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

  test("a new machine gets every step again, however it came to be one", async () => {
    const registered = await register(() => {
      const machine = new random.RandomPassword("server", { length: 1 });
      new Host("relay-host", args(), { machine }).step(
        "s",
        { run: "true", document: "", triggers: ["more"] },
        {},
      );
    });
    const triggers = (name: string) => named(registered, name).inputs["triggers"] as string[];
    const id = triggers("relay-host-reach");
    expect(id).toEqual([expect.any(String)]);
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
