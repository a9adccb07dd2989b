/** New SSH keys of the relay: what its real sshd admits and shows while they change, and when a change ends half-way. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { debianProgram } from "../debianFiles.ts";
import { runTool } from "../tool.ts";

jest.setTimeout(120_000);

const project = join(__dirname, "../../..");
const components = join(project, "components");
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;
const names = ["admin1", "admin2", "admin3", "host1", "host2", "host3", "owner", "born"] as const;
type Name = (typeof names)[number];
const port = 22;

let folder: string;
let sshd: ChildProcess;
/** The notes of the endpoint's program and of the one that reaches the host, as the state has them. */
let noted: string;
let reached: string;

const read = (name: string) => readFileSync(join(folder, name), "utf8");
const publicKey = (name: Name) => read(`${name}.pub`).split(" ").slice(0, 2).join(" ").trim();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-ssh-keys-"));
  for (const name of names)
    runTool("openssh-client", "ssh-keygen", [
      ...["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(folder, name)],
    ]);
  for (const part of ["root/.ssh", "etc-ssh", "bin", "tmp"])
    mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, "root/.ssh/authorized_keys"), `${publicKey("admin1")}\n${read("owner.pub")}`);
  for (const suffix of ["", ".pub"])
    writeFileSync(join(folder, `etc-ssh/ssh_host_ed25519_key${suffix}`), read(`host1${suffix}`), {
      mode: 0o600,
    });
  const { path, env } = debianProgram("/usr/sbin/sshd", ["openssh-server", "libwrap0"]);
  const fakes = {
    systemctl: `case $1 in reload*) kill -HUP "$(cat ${folder}/pid)" ;; *) exit 3 ;; esac`,
    "cloud-init": "exit 0",
    bash: `case "$1 $2" in "-s open") cat >/dev/null ;; *) exec /bin/bash "$@" ;; esac`,
    sh: `[ "$1 $2" = "-s --" ] || exec /bin/sh "$@"\ncat >/dev/null; echo "$3 end"`,
    ss: `echo 'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))'`,
    sshd: `case $* in -T) echo port 22 ;; esac`,
  };
  for (const [name, text] of Object.entries(fakes))
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  writeFileSync(join(folder, "passwd"), "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n");
  const options = {
    Port: String(port),
    HostKey: "/etc/ssh/ssh_host_ed25519_key",
    AuthorizedKeysFile: "/root/.ssh/authorized_keys",
    PidFile: join(folder, "pid"),
    StrictModes: "no",
    UsePAM: "no",
    MaxAuthTries: "3",
    SetEnv: `PATH=${folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  };
  const args = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const ground = `cp -a /etc ${folder}/etc; mount --bind ${folder}/etc /etc; mkdir -p /etc/ssh
    cat /etc/passwd >>${folder}/passwd; mount --bind ${folder}/passwd /etc/passwd
    mount -t tmpfs none /run; mkdir /run/sshd /run/lock; ip link set lo up
    mkdir -p /root/.ssh; mount --bind ${folder}/root/.ssh /root/.ssh; mount --bind ${folder}/etc-ssh /etc/ssh
    exec "$@"`;
  sshd = spawn(
    "unshare",
    [
      ...["--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", ground, "sh"],
      // -r: with the keys that it has in memory for each connection, as from 9.8 on, and not those on the disk by then.
      ...[path, "-D", "-e", "-r", "-f", "/dev/null", ...args],
    ],
    { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env }, stdio: "ignore" },
  );
  [noted, reached] = [`127.0.0.1 ${port}\n`, "the relay is reached\nreached: 301\n"];
  for (let tries = 0; !comesIn("admin1"); tries++) {
    if (tries === 50 || sshd.exitCode !== null) throw new Error("sshd does not answer");
    await sleep(100);
  }
});
afterEach(async () => {
  if (sshd.exitCode === null) {
    sshd.kill("SIGKILL");
    await once(sshd, "exit");
  }
  rmSync(folder, { recursive: true });
});

/** In sshd's network; `inside`: with its files too. */
function run(command: readonly string[], input = "", env: NodeJS.ProcessEnv = {}, inside = false) {
  const child = readFileSync(`/proc/${sshd.pid ?? 0}/task/${sshd.pid ?? 0}/children`, "utf8").trim();
  const spaces = [`--net=/proc/${child}/ns/net`, ...(inside ? [`--mount=/proc/${child}/ns/mnt`] : [])];
  const { status, stdout, stderr } = spawnSync("nsenter", [...spaces, ...command], {
    ...{ cwd: project, encoding: "utf8", input, timeout: 60_000 },
    env: { PATH: process.env["PATH"], HOME: folder, TMPDIR: join(folder, "tmp"), ...env },
  });
  return { status, stdout, stderr };
}

function comesIn(name: Name): boolean {
  const options = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=no"];
  const flags = [...options, "UserKnownHostsFile=/dev/null"].flatMap((option) => ["-o", option]);
  const args = [
    "-F",
    "none",
    "-i",
    join(folder, name),
    ...flags,
    "-p",
    String(port),
    "root@127.0.0.1",
    "true",
  ];
  return run(["ssh", ...args]).status === 0;
}

const whoComesIn = () => (["admin1", "admin2", "admin3", "owner"] as const).filter(comesIn);

function shownHostKey(): Name | undefined {
  const { stdout } = run(["ssh-keyscan", "-t", "ed25519", "-p", String(port), "127.0.0.1"]);
  return names.find((name) => stdout.includes(publicKey(name).split(" ")[1] ?? "none"));
}

const keysOf = (generation: 1 | 2 | 3) => ({
  admin: publicKey(`admin${generation}`),
  host: publicKey(`host${generation}`),
});

/** The endpoint's program; `commits`: whether what it says comes into the state. */
function move(generation: 1 | 2 | 3, commits = true) {
  const document = {
    ...{ title: "the relay", wanted: { host: "127.0.0.1", port }, publicAddress: "127.0.0.1", user: "root" },
    ...{ sshVia: "public", sshPeers: [], keys: keysOf(generation), firstKeys: keysOf(1), lostMend: "mend" },
  };
  const secrets = {
    loginKey: read(`admin${generation}`),
    firstLoginKey: read("admin1"),
    noteSecret: "secret",
  };
  const { status, stdout, stderr } = run(
    [
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      join(components, "relay/move-ssh-endpoint.ts"),
    ],
    JSON.stringify(secrets),
    { HOMERELAY_DOCUMENT: JSON.stringify(document), PULUMI_COMMAND_STDOUT: noted },
  );
  expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
  if (commits) noted = stdout;
}

function reach(generation: 1 | 2 | 3, commits = true) {
  const hostKeys = noted
    .split("\n")
    .filter((line) => line.startsWith("host-key "))
    .map((line) => line.slice("host-key ".length));
  const document = {
    title: "the relay",
    access: {
      ...{ way: "ssh", host: "127.0.0.1", port, user: "root" },
      hostKeys: hostKeys.length > 0 ? hostKeys : [publicKey("host1")],
    },
    ...{ stackId: "0123456789abcdef", stack: "home-relay/dev", needs: { packages: [] } },
    ...{
      waitSeconds: 15,
      hostKeyMend: "",
      made: { machine: "301", firstHostKey: publicKey("born"), again: [] },
    },
  };
  const secrets = { loginKey: read(`admin${generation}`), hostKey: read(`host${generation}`) };
  const { status, stdout, stderr } = run(
    [process.execPath, "--disable-warning=ExperimentalWarning", join(components, "host/reach-host.ts")],
    JSON.stringify(secrets),
    { HOMERELAY_DOCUMENT: JSON.stringify(document), PULUMI_COMMAND_STDOUT: reached },
  );
  expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
  if (commits) reached = stdout;
}

/** What the last step of sshd does with keys. */
function keep(generation: 1 | 2 | 3) {
  const parts = ["host/paths.sh", "host/messages.sh", "host/files.sh", "relay/stack-keys.sh"];
  const sources = parts.map((part) => `. ${join(components, part)}`).join("; ");
  const key = publicKey(`admin${generation}`).split(" ")[1] ?? "";
  const { status, stderr } = run(["bash", "--norc", "-euc", `${sources}; keep_key ${key}`], "", {}, true);
  expect([status, stderr]).toEqual([0, ""]);
}

asRoot("new SSH keys", () => {
  test("open the relay beside the old ones, and alone in the end; the owner's own key is never touched", () => {
    move(2);
    expect([whoComesIn(), shownHostKey()]).toEqual([["admin1", "admin2", "owner"], "host1"]);
    expect(noted).not.toContain(read("admin2").split("\n")[1]);
    reach(2);
    expect([whoComesIn(), shownHostKey()]).toEqual([["admin1", "admin2", "owner"], "host2"]);
    keep(2);
    expect([whoComesIn(), shownHostKey()]).toEqual([["admin2", "owner"], "host2"]);
    expect(read("etc-ssh/ssh_host_ed25519_key.pub").startsWith(publicKey("host2"))).toBe(true);
    expect(read("etc-ssh/ssh_host_ed25519_key")).toBe(read("host2"));
  });

  test("change again, and back to the first", () => {
    for (const generation of [2, 3, 1] as const) {
      move(generation);
      reach(generation);
      keep(generation);
      expect([whoComesIn(), shownHostKey()]).toEqual([[`admin${generation}`, "owner"], `host${generation}`]);
    }
  });

  const half: Readonly<Record<string, readonly (() => void)[]>> = {
    "after the new key was admitted": [() => move(2, false)],
    "after that was noted": [() => move(2)],
    "after the new host key was handed over": [() => move(2), () => reach(2, false)],
    "after that was noted too": [() => move(2), () => reach(2)],
    "after the old key was removed": [() => move(2), () => reach(2), () => keep(2)],
  };

  test.each(Object.entries(half))(
    "that end half-way %s change to yet others, and back to the first",
    (_, parts) => {
      for (const generation of [3, 1] as const) {
        for (const part of parts) part();
        move(generation);
        reach(generation);
        keep(generation);
        expect([whoComesIn(), shownHostKey()]).toEqual([
          [`admin${generation}`, "owner"],
          `host${generation}`,
        ]);
      }
    },
  );

  test("leave no older key of the stack's, also where the relay was put back as it was before them", () => {
    const before = read("root/.ssh/authorized_keys");
    for (const part of [() => move(2), () => reach(2), () => keep(2)]) part();
    writeFileSync(join(folder, "root/.ssh/authorized_keys"), before);
    move(3);
    reach(3);
    keep(3);
    expect(whoComesIn()).toEqual(["admin3", "owner"]);
  });

  test("that were admitted and never noted go with the next step, and lock nobody out", () => {
    move(2, false);
    keep(1);
    expect(whoComesIn()).toEqual(["admin1", "owner"]);
  });

  test("are on the disk and not in sshd when a run ended in between: the next one tells sshd", () => {
    move(2);
    for (const suffix of ["", ".pub"])
      writeFileSync(join(folder, `etc-ssh/ssh_host_ed25519_key${suffix}`), read(`host2${suffix}`));
    expect(shownHostKey()).toBe("host1");
    reach(2);
    expect(shownHostKey()).toBe("host2");
  });
});
