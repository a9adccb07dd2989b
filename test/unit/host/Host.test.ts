import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { Host } from "../../../components/host/Host.ts";
import type { SshAccess } from "../../../components/network/sshAccess.ts";
import type { HostArgs, StackKeyAccess } from "../../../components/host/Host.ts";
import { hostInstallation } from "../../../components/host/installation.ts";
import { renderManifest } from "../../../components/host/preparation.ts";
import { prepareParts } from "../../../components/host/scriptParts.ts";
import { joinInstallations } from "../../../components/network/installation.ts";
import { installationAtHome } from "../../../components/HomeRelay.ts";
import {
  describedAccess,
  describedOwner,
  describedPasswordAccess,
  earlier,
  installationOnRelay,
  machine,
  operatorAccess,
  owner,
  passwordAccess,
  stackKeyAccess,
  stackKeyConnection,
} from "../componentArguments.ts";
import { documentOf, named, plainTexts, register, secretsOf, tree } from "../mockEngine.ts";

const read = (source: string) => readFileSync(join(__dirname, "../../../components", source), "utf8");
const reach = "node --disable-warning=ExperimentalWarning components/host/reach-host.ts";
const runStep = "node --disable-warning=ExperimentalWarning components/host/run-step.ts";
const environment = { HOMERELAY_DOCUMENT: expect.any(String) };
const quiet = { addPreviousOutputInEnv: false };
const logged = { ...quiet, logging: "stdoutAndStderr", triggers: [expect.stringMatching(/^[0-9a-f]{12}$/)] };

describe("a home, by the operator's own OpenSSH", () => {
  const host = (): Host => homeHost(operatorAccess);

  test("is reached, then prepared, under what it belongs to", async () => {
    const registered = await register(host);
    expect(tree(registered)).toEqual([
      "homerelay:test:Machine machine",
      "command:local:Command nas-reach < homerelay:test:Machine machine",
      "command:local:Command nas-prepare < homerelay:test:Machine machine",
    ]);
    expect(named(registered, "nas-prepare").dependsOn).toEqual(["nas-reach"]);
  });

  test("is contacted only when what is to be there before is there", async () => {
    const registered = await register(() => {
      const dependsOn = [earlier("nas-uninstall")];
      new Host("nas", homeArgs(operatorAccess), { parent: machine(), dependsOn });
    });
    expect(named(registered, "nas-reach").dependsOn).toEqual(["nas-uninstall"]);
  });

  test("reach knows what to say about a wrong host key, and takes no key of ours", async () => {
    const command = named(await register(host), "nas-reach");
    expect(command.inputs).toEqual({ ...quiet, triggers: [], create: reach, environment });
    expect(documentOf(command)).toEqual({
      title: "nas",
      ...describedOwner,
      access: describedAccess,
      waitSeconds: 15,
      limitSeconds: 35,
      hostKeyMend: expect.stringContaining("into ssh.hostKey of nas"),
      needs: {
        packages: ["nft:nftables", "wg-quick:wireguard-tools", "ping:iputils-ping"],
        plainWireguard: "nas",
      },
    });
  });

  test("a step runs there through OpenSSH, with its document on stdin", async () => {
    const registered = await register(() =>
      host().step("nas-guard", { script: "apply-guard.sh", arguments: [], document: "guard\n" }, {}),
    );
    const command = named(registered, "nas-guard");
    expect(command.inputs).toEqual({
      ...logged,
      create: `${runStep} timeout 300 /usr/local/lib/homerelay/apply-guard.sh`,
      environment,
      stdin: "guard\n#end\n",
    });
    expect(documentOf(command)).toEqual({
      title: "nas",
      access: describedAccess,
      waitSeconds: 25,
      limitSeconds: 35,
    });
  });

  test("a step that stands for how the host lets in says by which connection it comes", async () => {
    const registered = await register(() => {
      const nas = host();
      const step = { script: "apply-guard.sh", arguments: [], document: "" };
      nas.step("nas-proof", { ...step, connection: "new" }, {});
      nas.removeLeftovers("nas-leftovers", {});
    });
    const connection = (name: string) => documentOf(named(registered, name))["connection"];
    expect(["nas-prepare", "nas-proof", "nas-leftovers"].map(connection)).toEqual([
      undefined,
      "new",
      "alone",
    ]);
  });

  test("without a key file ssh chooses for itself", async () => {
    const access = { ...operatorAccess, identityFile: undefined };
    const registered = await register(() => homeHost(access));
    const described: Partial<typeof describedAccess> = { ...describedAccess };
    delete described.identityFile;
    expect(documentOf(named(registered, "nas-prepare"))["access"]).toStrictEqual(described);
  });
});

describe("a home, with a password", () => {
  const host = (access = passwordAccess): Host => homeHost(access);

  test("reach gets it on stdin, and knows where a wrong one is mended", async () => {
    const command = named(await register(host), "nas-reach");
    expect(secretsOf(command)).toEqual({ password: "password nas" });
    expect(documentOf(command)).toMatchObject({
      access: describedPasswordAccess,
      passwordKey: "home-relay:homes[0].ssh.password",
    });
  });

  test("a step has it in its secret connection, tries it once, and leaves its document readable", async () => {
    const registered = await register(() =>
      host().step("nas-guard", { script: "apply-guard.sh", arguments: [], document: "guard\n" }, {}),
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
      stdin: "guard\n#end\n",
    });
  });

  test("root needs no sudo", async () => {
    const registered = await register(() => host({ ...passwordAccess, user: "root" }));
    expect(named(registered, "nas-prepare").inputs["create"]).toBe(
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
  const described = async (change: object) => {
    const access = { ...operatorAccess, jump: { ...jump, ...change } };
    const registered = await register(() => homeHost(access));
    const ofStep = documentOf(named(registered, "nas-prepare"))["access"];
    expect(documentOf(named(registered, "nas-reach"))["access"]).toEqual(ofStep);
    return ofStep;
  };
  expect(await described({})).toEqual({ ...describedAccess, jump });
  const { host, port, user } = jump;
  expect(await described({ hostKey: undefined, identityFile: undefined })).toStrictEqual({
    ...describedAccess,
    jump: { host, port, user },
  });
});

test("a home that is this machine gets the same steps, with no way to anywhere", async () => {
  const registered = await register(() =>
    homeHost("here").step("nas-guard", { script: "apply-guard.sh", arguments: [], document: "guard\n" }, {}),
  );
  const command = named(registered, "nas-guard");
  expect(command.inputs).toEqual({
    ...logged,
    create: `${runStep} timeout 300 /usr/local/lib/homerelay/apply-guard.sh`,
    environment,
    stdin: "guard\n#end\n",
  });
  const way = { title: "nas", access: { way: "here" } };
  expect(documentOf(command)).toEqual({ ...way, waitSeconds: 25, limitSeconds: 35 });
  expect(documentOf(named(registered, "nas-reach"))).toMatchObject(way);
});

describe("a relay, by the stack's own key", () => {
  const relayHost = (
    change: Partial<Pick<HostArgs, "restarts" | "triggers">> = {},
    access: Partial<StackKeyAccess> = {},
  ): Host =>
    new Host(
      "relay",
      {
        title: "the relay",
        nameOnHost: "Relay",
        owner,
        access: { ...stackKeyAccess(), ...access },
        installation: installationOnRelay,
        listenPort: 51820,
        ...change,
      },
      { parent: machine() },
    );

  test("reach gets the login key and the lasting host key on stdin, and may accept the first host key once", async () => {
    const command = named(await register(() => relayHost()), "relay-reach");
    expect(command.inputs).toEqual({
      addPreviousOutputInEnv: true,
      triggers: [],
      create: reach,
      environment,
      stdin: { secret: expect.any(String) },
    });
    expect(documentOf(command)).toEqual({
      title: "the relay",
      ...describedOwner,
      access: {
        way: "ssh",
        host: "203.0.113.5",
        port: 22,
        user: "root",
        hostKeys: ["ssh-ed25519 AAAAhost"],
      },
      waitSeconds: 300,
      hostKeyMend: "take a new server",
      silenceMend: "look into its console",
      needs: { packages: ["nft:nftables", "wg-quick:wireguard-tools"], listenPort: 51820 },
      made: { machine: "301", firstHostKey: "ssh-ed25519 AAAAfirst", again: [] },
    });
    expect(secretsOf(command)).toEqual({ loginKey: "private admin\n", hostKey: "private host\n" });
  });

  test("a step connects with the pinned host key and gives up soon", async () => {
    const registered = await register(() =>
      relayHost().step(
        "relay-rules",
        { script: "apply-firewall.sh", arguments: ["now"], document: "rules\n", timeoutSeconds: 7 },
        {},
      ),
    );
    expect(named(registered, "relay-rules").inputs).toEqual({
      ...logged,
      connection: stackKeyConnection,
      create: "timeout 7 /usr/local/lib/homerelay/apply-firewall.sh now",
      stdin: "rules\n#end\n",
    });
  });

  test("a restart has it waited for again, as long as its boot may take, and no step run again", async () => {
    const registered = await register(() => {
      relayHost({ restarts: ["cx33"] }, { bootSeconds: pulumi.output(20) });
    });
    const command = named(registered, "relay-reach");
    // Of a resource that a trigger makes anew, the next run would not know what was reached.
    expect(command.inputs["triggers"]).toEqual([]);
    expect(documentOf(command)).toMatchObject({ waitSeconds: 20, made: { again: ["cx33"] } });
    expect(named(registered, "relay-prepare").inputs["triggers"]).toEqual([]);
  });

  test("reach says what a silence and another host key mean, where whoever made the machine knows more", async () => {
    const mends = { silenceMend: "look into the tunnel", otherMachineMend: "take a new server" };
    const command = named(await register(() => relayHost({}, mends)), "relay-reach");
    expect(documentOf(command)).toMatchObject({
      silenceMend: "look into the tunnel",
      hostKeyMend: "take a new server",
    });
  });

  test("a new machine gets every step again, however it came to be one", async () => {
    const registered = await register(() => {
      const server = new random.RandomPassword("server", { length: 1 });
      relayHost({ triggers: [server.result, "endpoint"] }).step(
        "s",
        { script: "apply-firewall.sh", arguments: [], document: "", triggers: ["more"] },
        {},
      );
    });
    const triggers = (name: string) => named(registered, name).inputs["triggers"] as string[];
    const id = ["random server", "endpoint"];
    expect(documentOf(named(registered, "relay-reach"))).toMatchObject({ made: { again: id } });
    expect(triggers("relay-prepare")).toEqual(id);
    expect(triggers("s").slice(1)).toEqual([...id, "more"]);
  });
});

test("a secret hides its document, and a plain document stays plain", async () => {
  const registered = await register(() => {
    const host = homeHost(operatorAccess);
    const step = (name: string, script: string, document: pulumi.Input<string>) =>
      host.step(name, { script, arguments: [], document }, {});
    step("nas-keys", "store-keys.sh", pulumi.interpolate`a ${pulumi.secret("b")}`);
    step("nas-guard", "apply-guard.sh", pulumi.interpolate`a ${"b"}`);
  });
  expect(["nas-keys", "nas-guard"].map((name) => named(registered, name).inputs["stdin"])).toEqual([
    { secret: "a b\n#end\n" },
    "a b\n#end\n",
  ]);
});

test("preparing brings every file of the host and the list of them, behind the script that unpacks them", async () => {
  const installation = joinInstallations([
    hostInstallation,
    {
      files: [{ path: "/etc/sysctl.d/60-homerelay.conf", mode: "0644", text: "a=1\n" }],
      packages: [{ command: "nft", name: "nftables" }],
      folders: ["/etc/homerelay/somewhere"],
    },
  ]);
  const registered = await register(
    () =>
      new Host(
        "relay",
        { title: "the relay", nameOnHost: "Relay", owner, access: stackKeyAccess(), installation },
        { parent: machine() },
      ),
  );
  const { inputs } = named(registered, "relay-prepare");
  const files = installation.files.map((file) => ({
    name: file.path,
    mode: file.mode,
    text: "text" in file ? file.text : read(file.source),
  }));
  expect(files.map(({ name }) => name)).toContain("/usr/local/lib/homerelay/begin-step.sh");
  expect(inputs["create"]).toBe("timeout 900 bash -s 0123456789abcdef home-relay/test Relay");
  expect(inputs["stdin"]).toBe(
    prepareParts.map(read).join("") +
      `#file 0644 /etc/homerelay/wanted\n${renderManifest(installation, files)}` +
      files.map(({ name, mode, text }) => `#file ${mode} ${name}\n${text}`).join("") +
      "#end\n",
  );
});

test("a step whose script the host does not get is refused", async () => {
  const step = { script: "apply-firewall.sh", arguments: [], document: "" };
  await register(() => {
    expect(() => homeHost(operatorAccess).step("nas-rules", step, {})).toThrow(
      "apply-firewall.sh is installed by no room of this host",
    );
  });
});

test("a step runs again when its script is another one, and at no other's", async () => {
  const triggersWith = async (path: string) => {
    const files = installationAtHome.files.map((file) =>
      file.path.endsWith(path) ? { path: file.path, mode: file.mode, text: "#!/bin/bash\nother\n" } : file,
    );
    const installation = { ...installationAtHome, files };
    const registered = await register(() =>
      new Host("nas", { ...homeArgs(operatorAccess), installation }, { parent: machine() }).step(
        "nas-guard",
        { script: "apply-guard.sh", arguments: [], document: "guard\n" },
        {},
      ),
    );
    return named(registered, "nas-guard").inputs["triggers"];
  };
  const before = await triggersWith("no such file");
  expect(await triggersWith("/apply-guard.sh")).not.toEqual(before);
  expect(await triggersWith("/prove-forwards.sh")).toEqual(before);
});

function homeArgs(access: SshAccess | "here"): HostArgs {
  return {
    title: "nas",
    nameOnHost: "nas",
    owner,
    access,
    installation: installationAtHome,
    hostKeySetting: "ssh.hostKey",
    plainWireguard: "nas",
  };
}

function homeHost(access: SshAccess | "here"): Host {
  return new Host("nas", homeArgs(access), { parent: machine() });
}
