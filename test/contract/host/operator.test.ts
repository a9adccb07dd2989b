/** What runs on the operator's machine, where no host answers; answers of real hosts are the lab's matter. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createApi } from "node:http";
import type { Server } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

const project = join(__dirname, "../../..");
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
let closedPort: number;

beforeAll(async () => {
  closedPort = await new Promise<number>((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
});

test("ssh gets one known_hosts line for each pinned key", () => {
  const { stdout } = run("print-known-hosts.sh", ["[nas.lan]:2222"], { HOST_KEYS: `${key}\n\n${key}x` });
  expect(stdout).toBe(`[nas.lan]:2222 ${key}\n[nas.lan]:2222 ${key}x\n`);
});

test("a host that does not answer is named, with what was tried, for how long, and what to look at", () => {
  const answer = run("reach-host.sh", [], { ...host(), WAIT_SECONDS: "2" });
  expect([answer.status, answer.stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(
        `^nas does not answer: tried ssh to 127\\.0\\.0\\.1 port ${closedPort} as root for [2-9] s, ` +
          "last answer: ssh: connect to host .* Connection refused\\s+" +
          "Is it switched on, is this the right address, and does a firewall let you through\\?\\n" +
          "To do meanwhile what does not need it: {2}pulumi up --continue-on-error\\n$",
      ),
    ),
  ]);
  expect(answer.stdout).toMatch(/^(waiting for nas \(127\.0\.0\.1 port \d+\): .*refused \(\d s\)\n)+$/);
});

test("a key in a folder with a space in its name is one file, also for the jump host", () => {
  const folder = mkdtempSync(join(tmpdir(), "home relay "));
  try {
    const keys = { IDENTITY: join(folder, "key"), JUMP_IDENTITY: join(folder, "other key") };
    for (const way of [{}, jump()])
      expect(run("reach-host.sh", [], { ...host(), ...way, ...keys, WAIT_SECONDS: "1" }).stderr).toContain(
        "Connection refused",
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a host that lets us in and then is away for a moment, as at the end of a first boot, is asked again", () => {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-ssh-"));
  try {
    // Its second connection is refused; all others tell what system it has.
    const ssh = `#!/bin/sh\necho >>${folder}/calls\nif [ "$(wc -l <${folder}/calls)" = 2 ]; then
      echo 'ssh: connect to host nas port 22: Connection refused' >&2; exit 255; fi
      case $* in *os-release*) printf 'debian \\nDebian 13\\n' ;; esac\n`;
    writeFileSync(join(folder, "ssh"), ssh, { mode: 0o755 });
    const env = { ...host(), WAIT_SECONDS: "5", PATH: `${folder}:${process.env["PATH"] ?? ""}` };
    expect(run("reach-host.sh", [], env)).toEqual({ status: 0, stdout: "nas is reached\n", stderr: "" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a host that knows what its silence may mean says so last", () => {
  const answer = run("reach-host.sh", [], {
    ...host(),
    WAIT_SECONDS: "1",
    SILENCE_MEND: "look into the tunnel",
  });
  expect(answer.stderr).toMatch(/Connection refused\r?\nlook into the tunnel\n$/);
});

test("a name that does not exist is told at once", () => {
  const answer = run("reach-host.sh", [], { ...host(), HOST: "nas.invalid", WAIT_SECONDS: "60" });
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr).toMatch(/^nas: ssh: Could not resolve hostname nas\.invalid: /);
});

test("a host that takes a connection and says nothing is given up when the wait is over", async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const answer = run("reach-host.sh", [], { ...host(), PORT: String(port), WAIT_SECONDS: "3" });
  silent.close();
  expect([answer.status, answer.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^nas does not answer: tried ssh to 127\.0\.0\.1 port \d+ as root for \d s, last answer: .*timed out/,
    ),
  ]);
}, 20_000);

test("a jump host that does not answer is named instead of the host behind it", () => {
  const answer = run("reach-host.sh", [], { ...host(), ...jump(), WAIT_SECONDS: "1" });
  expect([answer.status, answer.stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(
        `^the jump host of nas does not answer: tried ssh to 127\\.0\\.0\\.1 port ${closedPort} as root, ` +
          `through ops@127\\.0\\.0\\.1 port ${closedPort}, for \\d s, last answer: jump host: ssh: connect to host`,
      ),
    ),
  ]);
});

test("a jump host's name that does not exist is told at once", () => {
  const answer = run("reach-host.sh", [], {
    ...host(),
    ...jump(),
    JUMP_HOST: "gate.invalid",
    WAIT_SECONDS: "60",
  });
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr).toMatch(
    /^the jump host of nas \(gate\.invalid port \d+\): ssh: Could not resolve hostname gate\.invalid: /,
  );
});

test("a home behind a jump host that cannot be cleaned is told with the way through it", () => {
  const answer = run("uninstall-host.sh", ["components/home/uninstall-home.sh"], {
    ...host(),
    ...jump(),
    URN: "urn",
  });
  expect(answer.stderr).toContain(
    `components/home/uninstall-home.sh | ssh -J ops@127.0.0.1:${closedPort} -p ${closedPort} root@127.0.0.1 'bash -s 0123456789abcdef nas'\n`,
  );
});

test("a step on this very machine runs with no way to anywhere, and its document on stdin", () => {
  const { status, stdout } = spawnSync(
    "sh",
    ["-c", ". components/host/connect-host.sh; connect 'cat; exit 3'"],
    {
      cwd: project,
      encoding: "utf8",
      input: "document\n",
      env: { PATH: process.env["PATH"], WAY: "here", JUMP_HOST: "" },
    },
  );
  expect([status, stdout]).toEqual([3, "document\n"]);
});

test("this very machine is refused when it is no Debian, by its name alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-system-"));
  try {
    writeFileSync(join(folder, "os-release"), 'ID=alpine\nPRETTY_NAME="Alpine Linux v3.22"\n');
    const inside = `mount --bind ${folder}/os-release /etc/os-release && exec sh components/host/reach-host.sh`;
    const own = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
    const { status, stderr } = spawnSync("unshare", [...own, "--mount", "sh", "-c", inside], {
      cwd: project,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], WAY: "here", JUMP_HOST: "", NAME: "nas", WAIT_SECONDS: "1" },
    });
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^nas, this machine, is no Debian .*; found Alpine Linux v3\.22\. Nothing was/),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a step for a host that is away waits for it, and names it and how to go on without it", () => {
  const answer = run("run-step.sh", ["true"], { ...host(), WAIT_SECONDS: "2" });
  expect([answer.status, answer.stdout]).toEqual([
    1,
    expect.stringMatching(/^(waiting for nas \(\d s\)\n)+$/),
  ]);
  expect(answer.stderr).toMatch(
    new RegExp(
      `^nas was away for [2-9] s: ssh: connect to host 127\\.0\\.0\\.1 port ${closedPort}: Connection refused\\n` +
        "Switch it on, then run the same command again\\. To do meanwhile what does not need it:\\n" +
        " {2}pulumi up --continue-on-error\\n$",
    ),
  );
});

test("a step for a host that no resolver knows ends at once", () => {
  const answer = run("run-step.sh", ["true"], { ...host(), HOST: "nas.invalid", WAIT_SECONDS: "60" });
  expect([answer.status, answer.stdout]).toEqual([255, ""]);
  expect(answer.stderr).toMatch(/^ssh: Could not resolve hostname nas\.invalid: /);
});

test("a home that cannot be cleaned is told last, with every way to finish", () => {
  const script = "components/home/uninstall-home.sh";
  const answer = run("uninstall-host.sh", [script], {
    ...host(),
    LOGIN: "admin",
    URN: "urn:pulumi:dev::home-relay::x::nas-on-destroy",
  });
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr.replace(/ was not cleaned: .*\s*\n/, " was not cleaned: …\n")).toBe(`\
nas (127.0.0.1 port ${closedPort}) was not cleaned: …
It kept nothing alive that is billed: what this run was to take away at the provider is gone.
To finish when nas is back, run the same command again: pulumi destroy, or pulumi up if you took nas out of the settings.
To give it up for good, before that command:
  pulumi state delete 'urn:pulumi:dev::home-relay::x::nas-on-destroy'
What is on it then goes by hand:
  cat components/host/begin-uninstall.sh components/host/restore-sysctls.sh ${script} | ssh -p ${closedPort} admin@127.0.0.1 'sudo -n bash -s 0123456789abcdef nas'
`);
});

test("the script for a home is printed as it is, and for any other name what there is", () => {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-pulumi-"));
  try {
    const outputs = {
      nas: { next: "run it", script: "#!/bin/bash\n'a' \"b\"\n", wireguard: "[Interface]\n" },
    };
    writeFileSync(join(folder, "pulumi"), `#!/bin/sh\ncat <<'END'\n${JSON.stringify(outputs)}\nEND\n`, {
      mode: 0o755,
    });
    const print = (...args: string[]) =>
      spawnSync("sh", ["components/home/print-home.sh", ...args], {
        cwd: project,
        encoding: "utf8",
        env: { PATH: `${folder}:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}` },
      });
    expect(print("nas").stdout).toBe(outputs.nas.script);
    expect(print("nas", "wireguard").stdout).toBe("[Interface]\n");
    const { status, stdout, stderr } = print("nsa");
    expect([status, stdout, stderr]).toEqual([
      2,
      "",
      "usage: npm run -s home NAME [wireguard]; homes with install: manual: nas\n",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("a host that may be another machine than before", () => {
  const note = (changes: Record<string, string> = {}) =>
    Object.entries({
      ...{ WAY: "ssh", HOST: "127.0.0.1", PORT: String(closedPort), LOGIN: "root", HOST_KEYS: key },
      ...{
        IDENTITY: "",
        JUMP_HOST: "",
        JUMP_PORT: "",
        JUMP_LOGIN: "",
        JUMP_HOST_KEYS: "",
        JUMP_IDENTITY: "",
      },
      ...changes,
    })
      .map(([name, value]) => `${name}=${value}\n`)
      .join("");
  const clean = (env: Record<string, string>) =>
    run("clean-former.sh", ["components/home/uninstall-home.sh"], { ...host(), URN: "urn", ...env });

  test("is noted when it is new", () => {
    expect(clean({})).toMatchObject({ status: 0, stdout: note(), stderr: "" });
  });

  test("is the same at another address, with another login and another jump host", () => {
    const before = note({ HOST: "192.0.2.1", LOGIN: "admin", PORT: "1" });
    expect(clean({ PULUMI_COMMAND_STDOUT: before, ...jump() })).toMatchObject({
      status: 0,
      stdout: note(jump()),
      stderr: "",
    });
  });

  test("is another one with another host key; the one before it is named with every way to finish", () => {
    const before = note({ HOST_KEYS: `${key.slice(0, -1)}V`, LOGIN: "admin", IDENTITY: "~/keys/old nas" });
    const { status, stdout, stderr } = clean({ PULUMI_COMMAND_STDOUT: before });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      new RegExp(
        `^nas is another machine now, and the one before it \\(127\\.0\\.0\\.1 port ${closedPort}\\) was not cleaned: ssh: .*\\s+` +
          "Keep that one off until it is: .*\\n" +
          "To finish when it can be reached, .*: pulumi up\\.\\n" +
          "To give it up for good, before that command:\\n" +
          " {2}pulumi state delete --target-dependents 'urn'\\n" +
          "What is on it then goes by hand:\\n" +
          ` {2}cat \\S+ \\S+ \\S+ \\| ssh -p ${closedPort} admin@127\\.0\\.0\\.1 'sudo -n bash -s 0123456789abcdef nas'\\n$`,
      ),
    );
  });
});

describe("destroy looks for a server that is left", () => {
  let api: Server;
  let endpoint: string;
  let asked: { url: string | undefined; authorization: string | undefined };
  let answer: { status: number; body: string };

  beforeAll(async () => {
    api = createApi((request, response) => {
      asked = { url: request.url, authorization: request.headers.authorization };
      response.writeHead(answer.status).end(answer.body);
    }).listen(0, "127.0.0.1");
    await once(api, "listening");
    endpoint = `http://127.0.0.1:${(api.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => {
    api.close();
  });

  /** Not `spawnSync`: this process answers. */
  async function find(input: string, env: Record<string, string>): Promise<[number | null, string]> {
    const script = ["components/hetzner/find-stray-server.sh"];
    const environment = { PATH: process.env["PATH"], SERVER: "home-relay-dev", ...env };
    const child = spawn("sh", script, { cwd: project, env: environment });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return [code, text];
  }

  test("and is content when there is none", async () => {
    answer = { status: 200, body: '{ "servers": [], "meta": {} }' };
    expect(await find("token", { ENDPOINT: endpoint })).toEqual([0, ""]);
    expect(asked).toEqual({ url: "/v1/servers?name=home-relay-dev", authorization: "Bearer token" });
  });

  test("with token and address from the environment where it is given none", async () => {
    answer = { status: 200, body: '{"servers":[]}' };
    const env = { ENDPOINT: "", HCLOUD_ENDPOINT: endpoint, HCLOUD_TOKEN: "other" };
    expect(await find("", env)).toEqual([0, ""]);
    expect(asked.authorization).toBe("Bearer other");
  });

  test("and fails with its number and what to do", async () => {
    answer = { status: 200, body: '{\n "servers": [\n {\n "id": 1005,\n "name": "x", "image": {"id": 7}}]}' };
    const [code, text] = await find("token", { ENDPOINT: endpoint });
    expect([code, text]).toEqual([
      1,
      expect.stringContaining("still has a server home-relay-dev (number 1005)"),
    ]);
    expect(text).toContain("Delete it in Hetzner's console, then run the same command again.");
  });

  test("and says so when it cannot ask", async () => {
    answer = { status: 401, body: "{}" };
    const [code, text] = await find("token", { ENDPOINT: endpoint });
    expect([code, text]).toEqual([1, expect.stringMatching(/^Could not ask Hetzner .*401/)]);
    expect(text).not.toContain("token");
  });
});

describe("a door for SSH", () => {
  const move = (env: Record<string, string>) =>
    run("../host/move-ssh-door.sh", [], {
      ...{ WAY: "ssh", JUMP_HOST: "", NAME: "the relay", LOGIN: "root", HOST_KEYS: key },
      ...{ DOOR: "127.0.0.1 2222", PUBLIC_ADDRESS: "127.0.0.1", SSH_VIA: "public", SSH_PEERS: "" },
      ...env,
    });

  test("of a relay that is not there yet is noted, and nobody is asked", () => {
    expect(move({})).toEqual({ status: 0, stdout: "127.0.0.1 2222\n", stderr: "" });
  });

  test("through the tunnel of such a relay is refused", () => {
    const { status, stdout, stderr } = move({ SSH_VIA: "tunnel" });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("first run up with\nsshVia: public");
  });

  test("cannot be moved where none is open: all that were tried are named, and the mends", () => {
    const known = `127.0.0.1 ${closedPort}\n127.0.0.2 ${closedPort}`;
    const { status, stdout, stderr } = move({ PULUMI_COMMAND_STDOUT: known });
    expect([status, stdout]).toEqual([1, ""]);
    for (const address of ["127.0.0.1", "127.0.0.2"])
      expect(stderr).toMatch(new RegExp(`\n  ${address} port ${closedPort}: ssh: .* Connection refused\n`));
    expect(stderr).toContain("nothing has changed");
    expect(stderr).toContain("pulumi up --refresh --replace '**relay-ssh-door'\n");
  }, 60_000);

  test("that was one before, at the port that the newest has, is no reason to go on", () => {
    const known = `127.0.0.2 ${closedPort}\n127.0.0.1 ${closedPort}`;
    const { status } = move({ DOOR: `127.0.0.1 ${closedPort}`, PULUMI_COMMAND_STDOUT: known });
    expect(status).toBe(1);
  }, 60_000);

  test("that was one before is tried even when none is open, for Hetzner's wall may be all that closes it", () => {
    const known = `127.0.0.1 ${closedPort}\n127.0.0.1 2222`;
    const { status, stdout } = move({ PULUMI_COMMAND_STDOUT: known });
    expect([status, stdout]).toEqual([0, `127.0.0.1 2222\n127.0.0.1 ${closedPort}\n`]);
  }, 60_000);
});

function host(): Record<string, string> {
  return {
    WAY: "ssh",
    HOST: "127.0.0.1",
    JUMP_HOST: "",
    PORT: String(closedPort),
    LOGIN: "root",
    HOST_KEYS: key,
    IDENTITY: "",
    NAME: "nas",
    STACK_ID: "0123456789abcdef",
    STACK: "home-relay/dev",
    HOST_KEY_MEND: "mend",
  };
}

function jump(): Record<string, string> {
  return {
    JUMP_HOST: "127.0.0.1",
    JUMP_PORT: String(closedPort),
    JUMP_LOGIN: "ops",
    JUMP_HOST_KEYS: key,
    JUMP_IDENTITY: "",
  };
}

function run(script: string, args: readonly string[], env: Record<string, string>) {
  const { status, stdout, stderr, error } = spawnSync("sh", [`components/host/${script}`, ...args], {
    cwd: project,
    encoding: "utf8",
    input: "",
    env: { PATH: process.env["PATH"], LC_ALL: "C", ...env },
  });
  if (error) throw error;
  if (/ssh: not found/.test(stderr + stdout))
    throw new Error("ssh is not on this machine; install it: apt-get install openssh-client");
  return { status, stdout, stderr };
}
