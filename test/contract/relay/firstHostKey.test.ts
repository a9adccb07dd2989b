/**
 * The host key that a server boots with stands in its user data for ever: what a real sshd gets that shows it, at the
 * first contact and later.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Host } from "../../../components/host/Host.ts";
import { SshEndpoint } from "../../../components/relay/SshEndpoint.ts";
import {
  everybody,
  installationOnRelay,
  machine,
  owner,
  stackKeyAccess,
} from "../../unit/componentArguments.ts";
import { documentOf, named, register } from "../../unit/mockEngine.ts";
import { debianProgram } from "../debianFiles.ts";
import { runTool } from "../tool.ts";

jest.setTimeout(60_000);

const project = join(__dirname, "../../..");
const isRoot = process.getuid?.() === 0;
const { username } = userInfo();

let folder: string;
let port: number;
let sshd: ChildProcess | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-first-key-"));
  for (const key of ["login", "first", "lasting"])
    runTool("openssh-client", "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, key)]);
  writeFileSync(
    join(folder, "answer"),
    `#!/bin/sh
echo "$SSH_ORIGINAL_COMMAND" >>${folder}/asked
case $SSH_ORIGINAL_COMMAND in
  'sh -s -- '*) cat >/dev/null; set -- $SSH_ORIGINAL_COMMAND; echo "$4 end" ;;
  *ssh-keygen*) cat >${folder}/handed ;;
  *) cat >/dev/null ;;
esac
`,
    { mode: 0o755 },
  );
  writeFileSync(join(folder, "passwd"), "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  ({ port } = server.address() as AddressInfo);
  await new Promise((resolve) => server.close(resolve));
});
afterEach(async () => {
  if (sshd?.exitCode === null) {
    sshd.kill();
    await once(sshd, "exit");
  }
  for (const file of ["handed", "asked"]) rmSync(join(folder, file), { force: true });
});

const read = (name: string) => readFileSync(join(folder, name), "utf8");
const publicKey = (name: string) => read(`${name}.pub`).split(" ").slice(0, 2).join(" ").trim();

/** Somebody's sshd, which has this host key; it answers every command without doing anything. */
async function show(hostKey: "first" | "lasting"): Promise<void> {
  const { path, env } = debianProgram("/usr/sbin/sshd", ["openssh-server", "libwrap0"]);
  const options = {
    ListenAddress: `127.0.0.1:${port}`,
    HostKey: join(folder, hostKey),
    AuthorizedKeysFile: join(folder, "login.pub"),
    ForceCommand: join(folder, "answer"),
    PidFile: "none",
    StrictModes: "no",
    UsePAM: "no",
  };
  const args = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const command = [path, "-D", "-e", "-f", "/dev/null", ...args];
  // As root it wants a user and a folder that this machine may not have.
  const prepare = `cat /etc/passwd >>${folder}/passwd; mount --bind ${folder}/passwd /etc/passwd
    mount -t tmpfs none /run; mkdir /run/sshd; exec "$@"`;
  const [program = "", ...rest] = isRoot
    ? ["unshare", "--mount", "sh", "-ec", prepare, "sh", ...command]
    : command;
  sshd = spawn(program, rest, { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env }, stdio: "ignore" });
  for (let tries = 0; !(await listens()); tries++) {
    if (tries === 50 || sshd.exitCode !== null) throw new Error(`sshd does not answer at port ${port}`);
    await sleep(100);
  }
}

async function listens(): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Reaches a server as the relay's host does; `note`: what the run before left in the state. */
async function reach(server: string, note?: string) {
  const registered = await register(() => {
    new Host(
      "relay",
      {
        title: "the relay",
        nameOnHost: "Relay",
        owner,
        access: {
          ...stackKeyAccess(),
          host: "127.0.0.1",
          port,
          machine: server,
          hostKey: { publicKey: publicKey("lasting"), privateKey: "" },
          hostKeys: [publicKey("lasting")],
          firstHostKey: publicKey("first"),
          bootSeconds: 5,
        },
        installation: installationOnRelay,
        triggers: [server],
      },
      { parent: machine() },
    );
  });
  const document = documentOf(named(registered, "relay-reach"));
  return run("host/reach-host.ts", document, note, { hostKey: read("lasting") });
}

async function moveEndpoint() {
  const registered = await register(() => {
    new SshEndpoint("endpoint", {
      title: "the relay",
      admission: { port: port + 1, via: "public", adminCidrs: everybody, peers: [] },
      publicAddress: "127.0.0.1",
      tunnelAddress: "127.0.0.2",
      keys: {
        admin: { publicKey: publicKey("login"), privateKey: "" },
        host: { publicKey: publicKey("lasting"), privateKey: "" },
        first: {
          admin: { publicKey: publicKey("login"), privateKey: "" },
          hostPublicKey: publicKey("lasting"),
        },
        noteSecret: "",
      },
      lostMend: "take a new server",
    });
  });
  const document = documentOf(named(registered, "endpoint"));
  const secrets = { firstLoginKey: read("login"), noteSecret: "" };
  return run("relay/move-ssh-endpoint.ts", document, `127.0.0.1 ${port}\n`, secrets);
}

function run(
  program: string,
  document: Record<string, unknown>,
  note: string | undefined,
  secrets: object = {},
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const access = document["access"];
  const asMe = typeof access === "object" ? { access: { ...access, user: username } } : { user: username };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join("components", program)],
    {
      cwd: project,
      encoding: "utf8",
      timeout: 60_000,
      input: JSON.stringify({ loginKey: read("login"), ...secrets }),
      env: {
        PATH: process.env["PATH"],
        HOMERELAY_DOCUMENT: JSON.stringify({ ...document, ...asMe }),
        ...(note === undefined ? {} : { PULUMI_COMMAND_STDOUT: note }),
      },
    },
  );
  return { status, stdout, stderr };
}

const handed = () => (existsSync(join(folder, "handed")) ? read("handed") : undefined);

describe("the host key of a server's first boot", () => {
  test("is accepted from a server that was never reached, which is handed the lasting one", async () => {
    await show("first");
    const { status, stderr } = await reach("301");
    expect([status, stderr]).toEqual([0, ""]);
    expect(handed()).toBe(read("lasting"));
  });

  test("is refused weeks later, with a word on whose it is, and nothing is handed out", async () => {
    await show("lasting");
    const { stdout } = await reach("301");
    sshd?.kill();
    await once(sshd ?? process, "exit");
    rmSync(join(folder, "handed"), { force: true });
    rmSync(join(folder, "asked"), { force: true });
    await show("first");
    const { status, stderr } = await reach("301", stdout);
    expect(handed()).toBeUndefined();
    expect(existsSync(join(folder, "asked"))).toBe(false);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /shows a host key that is not the pinned one\. Nothing was sent to it\.[^]*first boot[^]*take a new server/,
      ),
    ]);
  });

  test("is accepted from the server that takes its place", async () => {
    await show("first");
    const { stdout } = await reach("301");
    const { status, stderr } = await reach("302", stdout);
    expect([status, stderr]).toEqual([0, ""]);
    expect(handed()).toBe(read("lasting"));
  });

  test("opens no other way for SSH: whoever shows it is told of none, and the operator what to do", async () => {
    await show("first");
    const { status, stderr } = await moveEndpoint();
    expect(existsSync(join(folder, "asked"))).toBe(false);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/another host key[^]*sshPort, sshVia and sshPeers as they were/),
    ]);
  });
});

test("a server that was reached before shows the lasting host key, and is handed none again", async () => {
  await show("first");
  const { stdout } = await reach("301");
  sshd?.kill();
  await once(sshd ?? process, "exit");
  rmSync(join(folder, "handed"));
  await show("lasting");
  const again = await reach("301", stdout);
  expect([again.status, again.stderr, again.stdout]).toEqual([0, "", stdout]);
  expect(handed()).toBeUndefined();
});
