/** What runs on the operator's machine, where no host answers; answers of real hosts are the lab's matter. */
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";

const project = join(__dirname, "../..");
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
  const answer = run("reach-host.sh", [], { ...host(), WAIT_SECONDS: "1" });
  expect([answer.status, answer.stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(
        `^nas does not answer: tried ssh to 127\\.0\\.0\\.1 port ${closedPort} as root for [12] s, ` +
          "last answer: ssh: connect to host .* Connection refused\\s+" +
          "Is it switched on, is this the right address, and does a firewall let you through\\?\\n$",
      ),
    ),
  ]);
  expect(answer.stdout).toMatch(/^waiting for nas \(127\.0\.0\.1 port \d+\): .*refused \(0 s\)\n$/);
});

test("a host that knows what its silence may mean says so last", () => {
  const answer = run("reach-host.sh", [], {
    ...host(),
    WAIT_SECONDS: "1",
    SILENCE_MEND: "look into the tunnel",
  });
  expect(answer.stderr).toMatch(/firewall let you through\?\nlook into the tunnel\n$/);
});

test("a name that does not exist is told at once", () => {
  const answer = run("reach-host.sh", [], { ...host(), HOST: "nas.invalid", WAIT_SECONDS: "60" });
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr).toMatch(/^nas: ssh: Could not resolve hostname nas\.invalid: /);
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
All else is removed; nothing is billed any more. To finish, when nas is back:
  pulumi destroy
or there, by hand:
  ssh -p ${closedPort} admin@127.0.0.1 'sudo -n bash -s' < ${script}
To give it up for good:
  pulumi state delete 'urn:pulumi:dev::home-relay::x::nas-on-destroy'
`);
});

describe("a door for SSH", () => {
  const move = (env: Record<string, string>) =>
    run("../relay/move-ssh-door.sh", [], {
      ...{ NAME: "the relay", LOGIN: "root", HOST_KEYS: key },
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
    HOST: "127.0.0.1",
    PORT: String(closedPort),
    LOGIN: "root",
    HOST_KEYS: key,
    IDENTITY: "",
    NAME: "nas",
    HOST_KEY_MEND: "mend",
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
