/** What the programs of the operator's machine hand to ssh, and what they leave behind: in odd paths, with secrets. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { fingerprint } from "../../../components/host/explainReach.ts";
import { uninstallParts } from "../../../components/host/scriptParts.ts";
import { sshArguments } from "../../../components/host/sshArguments.ts";
import { runTool } from "../tool.ts";

const project = join(__dirname, "../../..");
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
const quiet = "--disable-warning=ExperimentalWarning";

/** Spaces, quotes and what ssh or a shell would read as something else. */
const odd = "it's 100%h $HOME";
const programs = {
  reach: "reach-host.ts",
  step: "run-step.ts",
  clean: "uninstall-host.ts",
  cleanFormer: "clean-former.ts",
};

let closedPort: number;
let folder: string;
/** The operator's: the programs' own folders are made in there. */
let temporary: string;

beforeAll(async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  closedPort = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-ssh-"));
  temporary = join(folder, odd);
  mkdirSync(temporary);
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Started {
  readonly document: object;
  readonly args?: readonly string[];
  readonly path?: string;
  readonly checkout?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function start(
  program: keyof typeof programs,
  { document, args = [], path = folder, checkout = project, env = {} }: Started,
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [quiet, join("components/host", programs[program]), ...args], {
    cwd: checkout,
    env: {
      ...{ PATH: path, HOME: temporary, TMPDIR: temporary, HOMERELAY_DOCUMENT: JSON.stringify(document) },
      XDG_RUNTIME_DIR: folder,
      ...env,
    },
  });
}

async function run(program: keyof typeof programs, started: Started, input = "") {
  const child = start(program, started);
  child.stdin.end(input);
  const [[status], stdout, stderr] = await Promise.all([
    once(child, "close") as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { status, stdout, stderr };
}

/** Puts an `ssh` into the path that lets everybody in, and text otherwise is JavaScript; `folder` and `fs` are known there. */
function fakeSsh(script: string): void {
  const head = `#!${process.execPath}\nconst fs = require("fs");\nconst folder = ${JSON.stringify(folder)};
    if (process.argv.includes("ControlMaster=auto") && process.argv.at(-1) === "true") process.exit(0);\n`;
  writeFileSync(join(folder, "ssh"), head + script, { mode: 0o755 });
}

function access(more: object = {}): object {
  return { way: "ssh", host: "127.0.0.1", port: closedPort, user: "root", hostKeys: [key], ...more };
}

function reach(more: object = {}): object {
  const stack = { stackId: "0123456789abcdef", stack: "home-relay/dev" };
  return {
    title: "nas",
    access: access(more),
    ...stack,
    waitSeconds: 1,
    hostKeyMend: "mend",
    needs: { packages: [] },
  };
}

const jump = () => ({ host: "127.0.0.1", port: closedPort, user: "ops", hostKey: key });

/** A folder of commands with OpenSSH alone in it: no shell, no coreutils. */
function onlySsh(): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const { stdout } = spawnSync("sh", ["-c", "command -v ssh"], { encoding: "utf8" });
  if (stdout === "")
    throw new Error("ssh is not on this machine; install it: apt-get install openssh-client");
  symlinkSync(stdout.trim(), join(bin, "ssh"));
  return bin;
}

describe("with OpenSSH itself", () => {
  test("no shell has to be in the path, and a checkout may lie anywhere", async () => {
    const checkout = join(folder, `checkout ${odd}`);
    cpSync(join(project, "components"), join(checkout, "components"), { recursive: true });
    cpSync(join(project, "package.json"), join(checkout, "package.json"));
    const started = { document: reach({ jump: jump() }), path: onlySsh(), checkout };
    const { status, stderr } = await run("reach", started);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^the jump host of nas turns us away: .*, last answer: jump host: ssh: connect to host 127\.0\.0\.1 port \d+: Connection refused\n/,
      ),
    ]);
    expect(readdirSync(temporary)).toEqual([]);
  }, 30_000);

  test("a file with pinned keys is found wherever it lies, and no other counts, whatever the user's own settings say", () => {
    const config = join(folder, "config");
    writeFileSync(
      config,
      "Host *\n  UserKnownHostsFile /own\n  GlobalKnownHostsFile /all\n  KnownHostsCommand /bin/own %H\n" +
        "  StrictHostKeyChecking no\n  VerifyHostKeyDNS yes\n  NoHostAuthenticationForLocalhost yes\n" +
        "  UpdateHostKeys yes\n  HostKeyAlias other\n  HostKeyAlgorithms ssh-rsa\n  ControlPath /own\n",
    );
    const knownHosts = join(temporary, "known_hosts");
    const own = { ...access(), identityFile: undefined, jump: undefined } as Parameters<
      typeof sshArguments
    >[0];
    const args = sshArguments(own, { knownHosts }, 10, undefined, "true");
    const settings = runTool("openssh-client", "ssh", ["-G", "-F", config, ...args]).split("\n");
    expect(settings).toEqual(
      expect.arrayContaining([
        `userknownhostsfile ${knownHosts}`,
        "stricthostkeychecking true",
        "verifyhostkeydns false",
        "nohostauthenticationforlocalhost no",
        "updatehostkeys false",
        "hostkeyalias home-relay",
        "hostkeyalgorithms ssh-ed25519",
        "checkhostip no",
      ]),
    );
    const named = settings.filter((line) =>
      /^(?:globalknownhostsfile|knownhostscommand|controlpath) /.test(line),
    );
    expect(named.filter((line) => line.includes("/own") || line.includes("/all"))).toEqual([]);
  });

  test("a fingerprint is the one that ssh-keygen shows", () => {
    const shown = runTool("openssh-client", "ssh-keygen", ["-lf", "-"], { input: `${key}\n` });
    expect(shown.split(" ")[1]).toBe(fingerprint(key));
  });
});

describe("a secret", () => {
  /** Notes what it and the programs above it were called with, and every file of theirs with its rights. */
  const noting = `
    const note = [];
    for (let id = process.pid; id > 1 && note.length < 3; ) {
      const read = (file) => fs.readFileSync("/proc/" + id + "/" + file, "utf8");
      note.push(read("cmdline"), read("environ"));
      id = Number(/^PPid:\\s*(\\d+)/m.exec(read("status"))[1]);
    }
    fs.appendFileSync(folder + "/note", note.join("\\n"));
    const temporary = process.env.TMPDIR;
    for (const name of fs.readdirSync(temporary)) {
      const mode = (path) => (fs.statSync(path).mode & 0o777).toString(8);
      const files = fs.readdirSync(temporary + "/" + name).sort();
      const modes = files.map((file) => file + " " + mode(temporary + "/" + name + "/" + file));
      fs.writeFileSync(folder + "/files", [mode(temporary + "/" + name), ...modes].join("\\n"));
      for (const file of files) fs.cpSync(temporary + "/" + name + "/" + file, folder + "/kept_" + file);
    }
    const [mark] = /home-relay-[0-9a-f]{12}/.exec(process.argv.at(-1)) ?? [];
    console.log(mark + " end");`;

  const read = (name: string) => readFileSync(join(folder, name), "utf8");

  test("is in no argument and no environment, and in files for the operator alone that go at the end", async () => {
    fakeSsh(noting);
    const secrets = { loginKey: `login ${random()}\n`, hostKey: `host ${random()}\n` };
    const answer = await run("reach", { document: reach() }, JSON.stringify(secrets));
    expect(answer).toMatchObject({ status: 0, stderr: "" });
    // The search looks in the right place.
    expect(read("note")).toContain("HOMERELAY_DOCUMENT=");
    expect(read("note")).toContain("UserKnownHostsFile=");
    for (const secret of Object.values(secrets)) expect(read("note")).not.toContain(secret.trim());
    expect(read("files").split("\n")).toEqual(["700", "known_hosts 600", "login_key 600"]);
    expect(read("kept_login_key")).toBe(secrets.loginKey);
    expect(readdirSync(temporary)).toEqual([]);
  }, 30_000);

  test("that is a password reaches ssh alone, as it is", async () => {
    const password = `${random()} '"\\$HOME %h \`id\``;
    fakeSsh(`${noting}
      const { spawnSync } = require("child_process");
      const { SSH_ASKPASS, SSH_ASKPASS_REQUIRE } = process.env;
      const { stdout } = spawnSync(SSH_ASKPASS, ["ops@nas's password:"], { env: { PATH: "" } });
      fs.writeFileSync(folder + "/answer", stdout);
      fs.writeFileSync(folder + "/require", SSH_ASKPASS_REQUIRE);`);
    const document = { ...reach({ way: "password" }), passwordKey: "home-relay:homes[0].ssh.password" };
    const answer = await run("reach", { document }, JSON.stringify({ password }));
    expect(answer).toMatchObject({ status: 0, stderr: "" });
    expect([read("answer"), read("require")]).toEqual([`${password}\n`, "force"]);
    expect(read("note")).not.toContain(password.split(" ")[0]);
    expect(read("files").split("\n")).toEqual(["700", "askpass 700", "known_hosts 600", "password 600"]);
    expect(readdirSync(temporary)).toEqual([]);
  }, 30_000);

  describe("that is a password opens a host only where the steps find it too, which do not go by ~/.ssh/config:", () => {
    const told = async (host: string, config = "") => {
      writeFileSync(join(folder, "config"), config);
      fakeSsh(`if (process.argv.includes("-G")) {
          const args = ["-F", folder + "/config", ...process.argv.slice(2)];
          process.stdout.write(require("child_process").spawnSync(folder + "/bin/ssh", args).stdout);
        } else console.log(/home-relay-[0-9a-f]{12}/.exec(process.argv.at(-1))?.[0] + " end");`);
      const document = {
        ...reach({ way: "password", host, user: "me" }),
        passwordKey: "home-relay:homes[0].ssh.password",
      };
      const { status, stderr } = await run("reach", { document }, JSON.stringify({ password: "p" }));
      return [status, stderr];
    };
    beforeEach(() => void onlySsh());

    test("at an address, or at a name that everybody knows", async () => {
      expect(await told("192.0.2.7")).toEqual([0, ""]);
      expect(await told("localhost")).toEqual([0, ""]);
    });

    test("not at an alias, nor through another host", async () => {
      const mends = `With a password the steps have no such way, and would not find it\\. Write the address into host of nas at which it answers from here\\.
Or log in with a key, which goes every way that ssh does:
  ssh-copy-id -p \\d+ me@box
  pulumi config rm --path 'home-relay:homes\\[0\\]\\.ssh\\.password'\n$`;
      const way = (words: string) => [
        1,
        expect.stringMatching(new RegExp(`^nas \\(box port \\d+\\) lets you in ${words}\\. ${mends}`)),
      ];
      expect(await told("box", "Host box\n  HostName 192.0.2.7\n")).toEqual(
        way("at 192\\.0\\.2\\.7, as your ~/\\.ssh/config has it"),
      );
      expect(await told("box", "Host box\n  ProxyJump gate\n")).toEqual(
        way("through gate, as your ~/\\.ssh/config has it"),
      );
    });

    test("not at a name that DNS does not have, such as one of mDNS", async () => {
      expect(await told("nas.invalid")).toEqual([
        1,
        expect.stringMatching(
          / lets you in by a name that neither DNS nor \/etc\/hosts has, such as one of mDNS\. /,
        ),
      ]);
    });
  });

  test("that is missing is told, and ssh is not tried", async () => {
    fakeSsh(noting);
    expect(await run("reach", { document: reach({ way: "password" }) })).toEqual({
      status: 1,
      stdout: "",
      stderr: "stdin has no password\n",
    });
    expect(existsSync(join(folder, "note"))).toBe(false);
  });
});

describe("a step", () => {
  const document = () => ({ title: "nas", access: access(), waitSeconds: 1 });

  test("gets its document byte by byte, shows each line at once, and ends as the host's command did", async () => {
    const sent = Buffer.concat([Buffer.from("a\r\n\n"), randomBytes(200_000)]);
    fakeSsh(`
      console.log("first");
      const input = fs.readFileSync(0);
      fs.writeFileSync(folder + "/input", input);
      while (!fs.existsSync(folder + "/go")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      console.error("last");
      process.exitCode = 7;`);
    const child = start("step", { document: document(), args: ["timeout", "300", "true"] });
    child.stdin.end(sent);
    const [first] = (await once(child.stdout, "data")) as [Buffer];
    expect([first.toString(), child.exitCode]).toEqual(["first\n", null]);
    const ended = Promise.all([once(child, "close") as Promise<[number]>, text(child.stderr)]);
    writeFileSync(join(folder, "go"), "");
    const [[code], stderr] = await ended;
    expect([code, stderr]).toEqual([7, "last\n"]);
    expect(readFileSync(join(folder, "input")).equals(sent)).toBe(true);
    expect(readdirSync(temporary)).toEqual([]);
  }, 30_000);

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "that is ended by %s takes ssh and its own folder with it",
    async (signal) => {
      fakeSsh(`fs.writeFileSync(folder + "/pid", String(process.pid)); setInterval(() => {}, 1000);`);
      const child = start("step", { document: document(), args: ["true"] });
      const ended = once(child, "close");
      const pidFile = join(folder, "pid");
      await until(() => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "");
      expect(readdirSync(temporary)).toHaveLength(1);
      child.kill(signal);
      expect(await ended).toEqual([130, null]);
      expect(readdirSync(temporary)).toEqual([]);
      const pid = Number(readFileSync(pidFile, "utf8"));
      await until(() => !existsSync(`/proc/${pid}`));
    },
    30_000,
  );

  test("without a document, or with half of one, says what is missing", async () => {
    fakeSsh("");
    const { title, access: way } = document();
    expect(await run("step", { document: { title, access: way } })).toEqual({
      status: 1,
      stdout: "",
      stderr: "the document has no waitSeconds\n",
    });
  });
});

describe("the machine that a host was before", () => {
  const former = `${key.slice(0, -1)}V`;
  const clean = () => {
    const now = {
      title: "nas",
      nameOnHost: "nas",
      access: access(),
      stackId: "0123456789abcdef",
      urn: "urn",
    };
    const note = JSON.stringify(access({ host: "192.0.2.7", hostKeys: [former] }));
    const document = { ...now, script: "home/uninstall-home.sh" };
    const secrets = JSON.stringify({ noteSecret: "secret" });
    return run("cleanFormer", { document, env: { PULUMI_COMMAND_STDOUT: note } }, secrets);
  };
  const note = () => `${JSON.stringify(access(), undefined, 2)}\n`;

  test("is cleaned where it was and by its own key, and the new one is noted", async () => {
    fakeSsh(`fs.writeFileSync(folder + "/host", process.argv.at(-2)); console.log("cleaned");
      const file = process.argv.find((one) => one.startsWith("UserKnownHostsFile=")).split('"')[1];
      fs.cpSync(file.replaceAll("%%", "%"), folder + "/known_hosts");`);
    expect(await clean()).toEqual({ status: 0, stdout: note(), stderr: "nas: cleaned\n" });
    expect(readFileSync(join(folder, "host"), "utf8")).toBe("192.0.2.7");
    expect(readFileSync(join(folder, "known_hosts"), "utf8")).toBe(`home-relay ${former}\n`);
  });

  describe("that was opened by a password", () => {
    const cleanOver = (change: object, secrets: object, note?: string) =>
      run(
        "cleanFormer",
        {
          document: {
            ...{ title: "nas", nameOnHost: "nas", stackId: "0123456789abcdef", urn: "urn" },
            ...{ access: access(change), script: "home/uninstall-home.sh" },
          },
          env: note === undefined ? {} : { PULUMI_COMMAND_STDOUT: note },
        },
        JSON.stringify({ noteSecret: "secret", ...secrets }),
      );
    const before = { way: "password", hostKeys: [former] };
    const answering = `if (process.env.SSH_ASKPASS)
        fs.writeFileSync(folder + "/answer", require("child_process").spawnSync(process.env.SSH_ASKPASS).stdout);
      console.log("cleaned");`;

    test.each([
      ["another password", { way: "password" }, { password: "new one" }],
      ["a key", {}, {}],
    ])(
      "is cleaned with that one, though the new machine is opened by %s, and no note shows it",
      async (_what, now, secrets) => {
        fakeSsh(answering);
        const noted = await cleanOver(before, { password: "old one" });
        expect(noted).toMatchObject({ status: 0, stderr: "" });
        expect(noted.stdout).not.toContain("old one");
        expect(await cleanOver(now, secrets, noted.stdout)).toMatchObject({
          status: 0,
          stderr: "nas: cleaned\n",
        });
        expect(readFileSync(join(folder, "answer"), "utf8")).toBe("old one\n");
      },
    );

    test("and whose password an older version did not note is named with every way to finish", async () => {
      fakeSsh(answering);
      const { status, stdout, stderr } = await cleanOver({}, {}, JSON.stringify(access(before)));
      expect([status, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(
        /^nas is another machine now, and the one before it \(.*\) was not cleaned: it is opened by a password, which nobody knows any more\nKeep that one off/,
      );
    });
  });

  test("is gone where another machine has its address by now", async () => {
    fakeSsh(`console.error("Host key verification failed."); process.exitCode = 255;`);
    const stderr = "nas: another machine is at 192.0.2.7 by now, so nothing is cleaned there\n";
    expect(await clean()).toEqual({ status: 0, stdout: note(), stderr });
  });

  test("is not said to be gone where only its jump host is another one", async () => {
    fakeSsh(`console.error("jump host: Host key verification failed."); process.exitCode = 255;`);
    const { status, stdout, stderr } = await clean();
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("Keep that one off until it is: it has the keys of nas");
  });
});

test("scripts go to a host with the line ends that its shell knows, also from a checkout on Windows", async () => {
  fakeSsh(`fs.writeFileSync(folder + "/input", fs.readFileSync(0)); console.log("cleaned");`);
  const checkout = join(folder, "checkout");
  cpSync(join(project, "components"), join(checkout, "components"), { recursive: true });
  cpSync(join(project, "package.json"), join(checkout, "package.json"));
  for (const script of globSync("components/**/*.sh", { cwd: checkout })) {
    const path = join(checkout, script);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("\n", "\r\n"));
  }
  const document = {
    ...{ title: "nas", nameOnHost: "nas", access: access(), stackId: "0123456789abcdef", urn: "urn" },
    script: "home/uninstall-home.sh",
  };
  const answer = await run("clean", { document, checkout });
  expect(answer).toEqual({ status: 0, stdout: "nas: cleaned\n", stderr: "" });
  const sent = readFileSync(join(folder, "input"), "utf8");
  const script = (name: string) => readFileSync(join(project, "components", name), "utf8");
  expect(sent).toBe([...uninstallParts, "home/uninstall-home.sh"].map(script).join(""));
}, 30_000);

/** A word that a search finds; it unlocks nothing. */
function random(): string {
  return randomBytes(12).toString("hex");
}

/** Bounded by the time of the test. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}
