/** How a program that a person starts reaches the stack's hosts: by the state alone, with a real sshd. */
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { stackHosts } from "../../../components/host/stackHosts.ts";
import { parseStackState } from "../../../components/host/stackState.ts";
import { RealSshd } from "./realSshd.ts";

jest.setTimeout(60_000);

const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

let sshd: RealSshd;
beforeEach(() => {
  sshd = new RealSshd();
});
afterEach(async () => {
  await sshd.stop();
  sshd.remove();
});

const secret = (text: string) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  plaintext: JSON.stringify(text),
});

const document = (title: string, access: object) => ({
  title,
  access,
  stackId: "0123456789abcdef",
  stack: "home-relay/dev",
  waitSeconds: 15,
  hostKeyMend: `Put its new line into ssh.hostKey of ${title}.`,
  needs: { packages: [] },
});

const urn = (types: string, name: string) => `urn:pulumi:dev::home-relay::${types}::${name}`;

/** As `pulumi stack export --show-secrets` prints it. */
function exported(
  hosts: readonly { parent: string; document: object; stdin?: object; delete?: true; outputs?: object }[],
) {
  const resources = hosts.map(({ parent, document: facts, stdin, ...more }, i) => ({
    urn: urn(`homerelay:index:HomeRelay$${parent}$command:local:Command`, `home-${i}-reach`),
    id: `home-${i}`,
    inputs: {
      create: "node --disable-warning=ExperimentalWarning components/host/reach-host.ts",
      environment: { HOMERELAY_DOCUMENT: JSON.stringify(facts, undefined, 2) },
      ...(stdin === undefined ? {} : { stdin: secret(JSON.stringify(stdin)) }),
    },
    created: "2026-11-29T16:12:48.729417017Z",
    modified: "2026-11-29T17:12:48.729417017Z",
    ...more,
  }));
  const stack = { urn: urn("pulumi:pulumi:Stack", "home-relay-dev"), outputs: { devices: secret("a") } };
  const other = { urn: urn("command:local:Command", "other"), inputs: { create: "exit 0" } };
  return JSON.stringify({ version: 3, deployment: { resources: [stack, ...resources, other] } });
}

/** Scripts that a host has of ours, in its own sshd's view of the machine. */
const scripts = `mount -t tmpfs none /usr/local/lib; mkdir -p /usr/local/lib/homerelay; cd /usr/local/lib/homerelay
  printf '#!/bin/sh\\necho "$1 \${SSH_CONNECTION:+from}"; cat\\n' >say.sh
  printf '#!/bin/sh\\necho broken >&2; exit 3\\n' >fail.sh
  printf '#!/bin/sh\\nexec sleep 30\\n' >hang.sh
  chmod +x *; cd /`;

async function run(state: string, ...words: string[]) {
  const { status, stdout, stderr } = await sshd.run(
    "../../test/contract/host/run-on-hosts.ts",
    {},
    {
      args: words,
      input: state,
    },
  );
  expect([status, stderr]).toEqual([0, ""]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const relayAt = (access: object) => ({
  parent: "homerelay:hetzner:HetznerRelay",
  document: document("the relay", { ...access, identityFile: undefined }),
  stdin: { loginKey: sshd.read("login"), hostKey: "another" },
});
const homeAt = (access: object) => ({ parent: "homerelay:home:Home", document: document("nas", access) });

testAsRoot("each host is reached as its steps are, and no key is left in a file", async () => {
  await sshd.start({ prepare: scripts });
  const gone = { ...homeAt(sshd.access()), delete: true as const };
  const state = exported([relayAt(sshd.access()), homeAt(sshd.access()), gone]);
  expect(await run(state, "say.sh", "10", "hello")).toEqual([
    { title: "the relay", isRelay: true, said: "hello from\na document\n#end" },
    { title: "nas", isRelay: false, said: "hello from\na document\n#end" },
  ]);
  expect(readdirSync(sshd.folder).filter((name) => name.startsWith("home-relay-"))).toEqual([]);
});

test("a host key that was the relay's before a change of keys is accepted no more", () => {
  const [newer, older] = ["ssh-ed25519 NEWER 1", "ssh-ed25519 OLDER"];
  const access = { way: "ssh", host: "203.0.113.5", port: 22, user: "root", hostKeys: [newer, older] };
  const relay = (stdout: string) => ({
    parent: "homerelay:hetzner:HetznerRelay",
    document: {
      ...document("the relay", access),
      made: { machine: "301", firstHostKey: "ssh-ed25519 FIRST", again: [] },
    },
    outputs: { stdout },
  });
  const accepted = (stdout: string) =>
    stackHosts(parseStackState(exported([relay(stdout)]))).map(({ reach }) =>
      reach.access.way === "here" ? [] : reach.access.hostKeys,
    );
  expect(accepted(`the relay is reached\nreached: 301\nhost key: ${newer}\n`)).toEqual([[newer]]);
  expect(accepted(`the relay is reached\nreached: 301\nhost key: ${older}\n`)).toEqual([[newer, older]]);
});

testAsRoot("more hosts than Node wants listeners for are reached without a word of Node's", async () => {
  await sshd.start({ prepare: scripts });
  const hosts = Array.from({ length: 12 }, () => homeAt(sshd.access()));
  expect(await run(exported(hosts), "say.sh", "10", "hello")).toHaveLength(12);
});

testAsRoot(
  "what goes wrong is told in the words of a step, and a host that hangs costs seconds",
  async () => {
    await sshd.start({ prepare: scripts });
    const nas = homeAt(sshd.access());
    const problems = async (state: string, ...words: string[]) =>
      (await run(state, ...words)).map(({ problem, reached }) => [reached, problem]);
    expect(await problems(exported([nas]), "fail.sh", "10")).toEqual([
      [
        true,
        expect.stringMatching(/^nas \(127\.0\.0\.1 port \d+\): fail\.sh ended with exit code 3: broken$/),
      ],
    ]);
    expect(await problems(exported([nas]), "absent.sh", "10")).toEqual([
      [true, expect.stringMatching(/has no absent\.sh: [^]*\n {2}pulumi up --replace '\*\*-prepare'$/)],
    ]);
    expect(await problems(exported([nas]), "hang.sh", "1")).toEqual([
      [
        true,
        expect.stringMatching(
          /was not done with hang\.sh after 1 s\.[^]*ssh -p \d+ root@127\.0\.0\.1 'uptime; df -h \/'$/,
        ),
      ],
    ]);
    const wrongKey = homeAt(
      sshd.access({
        hostKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U"],
      }),
    );
    const silent = homeAt(sshd.access({ host: "198.51.100.1" }));
    const closed = homeAt(sshd.access({ port: 1 }));
    expect(await problems(exported([wrongKey, silent, closed]), "say.sh", "10")).toEqual([
      [
        true,
        expect.stringMatching(
          /shows a host key that is not the pinned one[^]*Put its new line into ssh\.hostKey of nas\.$/,
        ),
      ],
      [
        false,
        expect.stringMatching(
          /^nas does not answer: tried ssh to 198\.51\.100\.1 [^]*does a firewall let you through\?$/,
        ),
      ],
      [false, expect.stringMatching(/^nas turns us away: [^]*unbanip ADDRESS$/)],
    ]);
  },
);

test("the state is read with its secrets, without what is about to go, and as nothing where nothing was made", () => {
  const { stack, outputs, resources } = parseStackState(exported([relayAt({})]));
  expect([stack, outputs]).toEqual(["dev", { devices: "a" }]);
  expect(resources[1]).toMatchObject({
    name: "home-0-reach",
    id: "home-0",
    changedAt: Date.UTC(2026, 10, 29, 17, 12, 48, 729),
  });
  for (const empty of ['{"version":3,"deployment":{"manifest":{}}}', '{"version":3}'])
    expect(parseStackState(empty)).toEqual({ stack: "", outputs: {}, resources: [] });
});
