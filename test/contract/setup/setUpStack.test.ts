/**
 * `npm run setup` at a real terminal, with the stand-in cloud, and with an ssh, a pulumi and a home's tools that answer
 * what they are told to and note what they were called with.
 */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { parse } from "yaml";
import { startCloud } from "../../lab/cloud/cloud.ts";
import type { Cloud } from "../../lab/cloud/cloud.ts";

jest.setTimeout(300_000);

const project = join(__dirname, "../../..");
const program = join(project, "components/set-up-stack.ts");
const token = "t".repeat(64);
const passphrase = "correct horse battery";
const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
const fingerprint = "SHA256:LxI7MxLaFp3b5dI5jU9LdR3uKCthZBNqTKstNPtMbWE";
const apiAddress = "127.0.1.7";

let cloud: Cloud;
let folder: string;
let checkout: string;

beforeAll(async () => {
  const refuse = () => Promise.reject(new Error("it may only ask"));
  cloud = await startCloud({
    host: { create: refuse, destroy: refuse, powerOn: refuse, powerOff: refuse, setFirewall: refuse },
    apiAddress,
    apiPort: 18087,
    resolverAddress: apiAddress,
    resolverPort: 18057,
    token,
    log: () => undefined,
  });
  await cloud.control({ seedZone: { name: "example.org" } });
});
afterAll(() => cloud.close());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-setup-"));
  checkout = join(folder, "checkout");
  for (const one of ["bin", "checkout", "user"]) mkdirSync(join(folder, one));
  copyFileSync(join(project, "Pulumi.yaml"), join(checkout, "Pulumi.yaml"));
  for (const [name, text] of Object.entries(tools))
    writeFileSync(join(folder, "bin", name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  for (const [name, text] of Object.entries(answers)) writeFileSync(join(folder, name), text);
  await cloud.control({ reset: "requests" });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What each notes of its arguments, and answers; `$here` is the folder of the answers. */
const note = 'here=$(dirname "$(dirname "$0")")\nprintf "%s\\n" "${0##*/} $*" >>"$here/calls"';
const tools: Readonly<Record<string, string>> = {
  ssh: `${note}
if [[ " $* " == *" -G "* ]]; then printf 'hostname %s\\nport 22\\n' "\${!#}"; exit; fi
if [[ -s $here/refusal ]]; then cat "$here/refusal" >&2; exit 255; fi
exec bash -c "\${!#}"`,
  "ssh-keyscan": `${note}\ncat "$here/scan"`,
  "ssh-keygen": `${note}\ncat "$here/known"`,
  ss: `cat "$here/sockets"`.replace(/^/, `${note}\n`),
  ip: `${note}\nif [[ "$*" == *route* ]]; then echo "default via 127.0.0.9 dev eth0"; else echo "2: eth0 inet 192.168.1.10/24 brd x"; fi`,
  ping: `${note}
case " $* " in *" -t 1 "*) hop=192.168.1.1 ;; *" -t 2 "*) hop=100.64.0.1 ;; *) exit 1 ;; esac
echo "From $hop icmp_seq=1 Time to live exceeded"; exit 1`,
  uname: `${note}\necho nas.lan`,
  pulumi: `${note}
if [[ -e $here/fail && "$*" == $(cat "$here/fail")* ]]; then echo "error: something is wrong" >&2; exit 255; fi
case "$1 $2" in
"stack ls") cat "$here/stacks" ;;
"stack init")
  [[ $PULUMI_CONFIG_PASSPHRASE == "${passphrase}" ]] && touch "$here/stack-is-made"
  if [[ -e $here/slow ]]; then sleep 60; fi
  ;;
"stack rm") rm "$here/stack-is-made" ;;
"config set") printf '%s ' "$5" >>"$here/secrets"; cat >>"$here/secrets" ;;
esac`,
};
const answers = {
  calls: "",
  known: "",
  refusal: "",
  stacks: "[]",
  scan: `# 192.168.1.10:22 SSH-2.0-OpenSSH_10.0\n192.168.1.10 ${hostKey}\n`,
  sockets: [
    'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))',
    'tcp LISTEN 0 511 *:443 *:* users:(("caddy",pid=2,fd=3))',
    'tcp LISTEN 0 511 *:8096 *:* users:(("jellyfin",pid=3,fd=3))',
    'tcp LISTEN 0 511 127.0.0.1:5432 0.0.0.0:* users:(("postgres",pid=4,fd=3))',
    "",
  ].join("\n"),
};

const environment = (more: object = {}) => ({
  PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
  HOME: join(folder, "user"),
  LANG: "C.UTF-8",
  TERM: "xterm",
  HCLOUD_ENDPOINT: `http://${apiAddress}:18087/v1`,
  ...more,
});

const command = (words: readonly string[]) => [
  process.execPath,
  "--disable-warning=ExperimentalWarning",
  program,
  ...words,
];

interface Sitting {
  readonly code: number;
  /** As a person sees it at the end. */
  readonly screen: string;
  /** All that ever came. */
  readonly raw: string;
  /** Questions that never came. */
  readonly unasked: readonly string[];
}

/** Somebody at a terminal who types each answer when its question stands there. */
async function sit(
  words: readonly string[],
  steps: readonly (readonly [string, string])[],
  more = {},
): Promise<Sitting> {
  const task = { command: command(words), steps, seconds: 120 };
  const driver = ["python3", join(__dirname, "sit.py")];
  const { stdout, stderr } = await start(driver, JSON.stringify(task), more);
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout) as Sitting;
}

/** Nobody is there. */
const run = (words: readonly string[], more = {}) => start(command(words), "", more);

/** The stand-in cloud answers in this very process, so nobody may wait for the other one in vain. */
async function start([first = "", ...rest]: readonly string[], input: string, more: object) {
  const child = spawn(first, rest, { cwd: checkout, env: environment(more), stdio: "pipe" });
  child.stdin.end(input);
  const ended = once(child, "close") as Promise<[code: number]>;
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
}

const read = (name: string) => readFileSync(join(folder, name), "utf8");
const written = () => readFileSync(join(checkout, "Pulumi.home.yaml"), "utf8");
const untouched = () => ({
  files: readdirSync(checkout),
  user: readdirSync(join(folder, "user")),
  stack: existsSync(join(folder, "stack-is-made")),
});
const nothing = { files: ["Pulumi.yaml"], user: [], stack: false };

/** The usual way: a relay at Hetzner, a home over SSH. */
const usual = [
  ["Where is the relay", "<enter>"],
  ["The token", `${token}<enter>`],
  ["Where is it to stand", "<enter>"],
  ["How large", "<enter>"],
  ["And the home", "<enter>"],
  ["Your home server", "192.168.1.10<enter>"],
  ["Is it the same", "<up><enter>"],
  ["What is to be open", "<enter>"],
  ["By which name", "<enter>"],
  ["Which names", "@,www<enter>"],
  ["Laptops and phones", "phone<enter>"],
  ["The passphrase", `${passphrase}<enter>`],
  ["The same once more", `${passphrase}<enter>`],
  ["Write Pulumi.home.yaml", "<enter>"],
] as const;

const all = [
  ...["--relay", "hetzner", "--location", "nbg1", "--server-type", "cx23", "--home", "ssh", "--yes"],
  ...["--home-host", "192.168.1.10", "--home-key", fingerprint, "--forwards", "80:8080,443"],
  ...["--dns", "hetzner", "--zone", "example.org", "--names", "@,www", "--devices", "phone"],
];
const secretsAround = { HCLOUD_TOKEN: token, PULUMI_CONFIG_PASSPHRASE: passphrase };

test("asks, looks, writes and makes the stack; what is secret stands nowhere", async () => {
  const sitting = await sit([], usual);
  expect(sitting.unasked).toEqual([]);
  expect(sitting.screen).toMatchSnapshot("screen");
  expect(sitting.code).toBe(0);
  expect(written()).toMatchSnapshot("file");
  expect(read("secrets")).toBe(`hcloud:token ${token}`);
  const calls = read("calls");
  expect(calls.split("\n").filter((line) => line.startsWith("pulumi"))).toEqual([
    "pulumi stack ls --json --non-interactive",
    "pulumi stack init home --non-interactive",
    "pulumi config set --secret --path hcloud:token --stack home --non-interactive",
  ]);
  for (const text of [sitting.raw, calls, written()])
    for (const secret of [token, passphrase]) expect(text).not.toContain(secret);
});

/** Each question, what leaves it open of all that is answered by flags, and how it begins. */
const questions: readonly (readonly [string, string])[] = [
  ["--relay", "Where is the relay"],
  ["HCLOUD_TOKEN", "The token"],
  ["--location", "Where is it to stand"],
  ["--server-type", "How large"],
  ["--home", "And the home"],
  ["--home-host", "Your home server"],
  ["--home-key", "Is it the same"],
  ["--forwards", "What is to be open"],
  ["--dns", "By which name"],
  ["--names", "Which names"],
  ["--devices", "Laptops and phones"],
  ["PULUMI_CONFIG_PASSPHRASE", "The passphrase"],
  ["--yes", "Write Pulumi.home.yaml"],
];

test.each(questions)("Ctrl-C at the question for %s leaves nothing behind", async (open, question) => {
  const words = all.filter((word, i) => word !== open && (open === "--yes" || all[i - 1] !== open));
  const around = Object.entries(secretsAround).filter(([name]) => name !== open);
  const { code, screen, unasked } = await sit(words, [[question, "<ctrl-c>"]], Object.fromEntries(around));
  const [last] = screen.split("\n").slice(-2);
  expect([unasked, code, last]).toEqual([[], 1, "Stopped. Nothing was written, made or ordered."]);
  expect(untouched()).toEqual(nothing);
  expect(read("calls")).not.toContain("pulumi stack init");
});

test("with a flag for each question nothing is asked, and no terminal is needed", async () => {
  const { status, stdout, stderr } = await run(all, secretsAround);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("Very likely behind CGNAT");
  expect(stdout).toMatch(/^Next:\n {2}npm run preview/m);
  expect((parse(written()) as { config: unknown }).config).toEqual({
    "home-relay:relay": { location: "nbg1", serverType: "cx23" },
    "home-relay:homes": [
      { name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080", "443"] },
    ],
    "home-relay:dns": { zone: "example.org", names: ["@", "www"] },
    "home-relay:devices": [{ name: "phone", allow: ["nas"] }],
  });
  expect((await sit(["--stack", "away", ...all], [], secretsAround)).code).toBe(0);
});

test("without a terminal each missing flag is named at once, and nobody contacted", async () => {
  const { status, stderr } = await run(["--relay", "hetzner", "--home", "local", "--dns", "none"]);
  expect([status, stderr]).toMatchSnapshot();
  expect([read("calls"), await cloud.control({ get: "requests" })]).toEqual(["", []]);
});

test("what is wrong with the flags is told at once, and nobody contacted", async () => {
  const { status, stderr } = await run(
    [
      ...all,
      "--forwards",
      "80:8080,80",
      "--home-host",
      "-oProxyCommand=x",
      "--home-key",
      "abc",
      "--devices",
      "A",
    ],
    secretsAround,
  );
  expect([status, stderr]).toMatchSnapshot();
  expect([read("calls"), await cloud.control({ get: "requests" })]).toEqual(["", []]);
  expect((await run(["--locaton", "nbg1"])).status).toBe(2);
});

test("a file that is there is never overwritten, and a stack that is there is left alone", async () => {
  writeFileSync(join(checkout, "Pulumi.home.yaml"), "mine");
  const { status, stderr } = await run(all, secretsAround);
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/^Pulumi.home.yaml is there already, and is never/),
  ]);
  expect([written(), read("calls")]).toEqual(["mine", ""]);
  writeFileSync(join(folder, "stacks"), '[{"name":"organization/home-relay/other"}]');
  expect((await run([...all, "--stack", "other"], secretsAround)).stderr).toMatch(
    /^There is a stack other already/,
  );
});

describe("when pulumi fails, all goes as it was", () => {
  test.each(["stack init", "config set"])("at %s", async (what) => {
    writeFileSync(join(folder, "fail"), what);
    const { status, stderr } = await run(all, secretsAround);
    expect([status, stderr]).toEqual([
      1,
      `pulumi ${what} failed, and nothing of this set-up is kept:\nerror: something is wrong\n`,
    ]);
    expect(untouched()).toEqual(nothing);
  });
});

test("Ctrl-C while pulumi works takes back what was made", async () => {
  writeFileSync(join(folder, "slow"), "");
  const steps = [
    ["Write Pulumi.home.yaml", "<enter>"],
    ["Yes", "<ctrl-c>"],
  ] as const;
  const words = all.filter((word) => word !== "--yes");
  expect(await sit(words, steps, secretsAround)).toMatchObject({ unasked: [], code: 130 });
  expect(read("calls")).toMatch(/^pulumi stack rm --yes --non-interactive home$/m);
  expect(untouched()).toEqual(nothing);
});

describe("a token", () => {
  test("that may only read is told", async () => {
    await cloud.control({ readOnly: true });
    const { status, stderr } = await run(all, secretsAround);
    await cloud.control({ reset: "faults" });
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^This token may only read. Make one with read AND write/),
    ]);
    expect(untouched()).toEqual(nothing);
  });

  test("that Hetzner does not know is told, and asked for again", async () => {
    const { screen, raw } = await sit(
      [],
      [
        ["Where is the relay", "<enter>"],
        ["The token", `${"x".repeat(64)}<enter>`],
        ["does not know it", "<ctrl-c>"],
      ],
    );
    expect(screen).toContain("Hetzner does not know it");
    expect(raw).not.toContain("xxxx");
  });

  test("of a wrong form is told before anybody is asked", async () => {
    const { status, stderr } = await run(all, { ...secretsAround, HCLOUD_TOKEN: "short" });
    expect([status, stderr]).toEqual([1, "HCLOUD_TOKEN: must have exactly 64 characters; found 5\n"]);
  });
});

describe("a home", () => {
  test("that shows another key than the one that was named is sent nothing", async () => {
    const other = `SHA256:${"A".repeat(43)}`;
    const { status, stderr } = await run([...all, "--home-key", other], secretsAround);
    expect([status, stderr]).toEqual([
      1,
      `--home-key: 192.168.1.10 shows another key, ${fingerprint}. Either it is another machine, or somebody stands between.\n`,
    ]);
    expect(read("calls")).not.toMatch(/^ssh (?!-G)/m);
  });

  test("whose key known_hosts have otherwise is warned of", async () => {
    writeFileSync(join(folder, "known"), `192.168.1.10 ${hostKey.slice(0, -1)}V\n`);
    const steps = [
      ...usual.slice(0, 6),
      ["ANOTHER key", "<enter>"],
      ["Then nothing is sent", "<ctrl-c>"],
    ] as const;
    expect((await sit([], steps)).unasked).toEqual([]);
    expect(untouched()).toEqual(nothing);
  });

  test("that lets nobody in says what to type, and can be tried again", async () => {
    writeFileSync(join(folder, "refusal"), "root@192.168.1.10: Permission denied (publickey).");
    const { screen, unasked } = await sit(
      [],
      [...usual.slice(0, 7), ["And now", "<enter>"], ["And now", "<ctrl-c>"]],
    );
    expect(unasked).toEqual([]);
    expect(screen).toContain("ssh-copy-id root@192.168.1.10");
    expect((await run(all, secretsAround)).stderr).toContain("ssh-copy-id root@192.168.1.10");
  });

  test("that gives nothing away of its line says so", async () => {
    writeFileSync(join(folder, "bin/ping"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const { status, stdout } = await run(all, secretsAround);
    expect(status).toBe(0);
    expect(stdout).toContain("cannot be told from here: the way out could not be looked at");
  });

  test("whose router names its address on the internet has a line of its own", async () => {
    const router = createSocket("udp4").bind(5351, "127.0.0.9");
    // RFC 6886, 3.2: version 0, the answer to 0, no error, seconds, the address.
    router.on("message", (_, { port, address }) =>
      router.send(Buffer.from([0, 128, 0, 0, 0, 0, 1, 0, 203, 0, 113, 7]), port, address),
    );
    const { stdout } = await run(all, secretsAround);
    router.close();
    expect(stdout).toContain(
      "Not behind CGNAT, says the router: its address on the internet is 203.0.113.7.",
    );
  });

  test("that is not there says so", async () => {
    writeFileSync(join(folder, "scan"), "");
    expect((await run(all, secretsAround)).stderr).toMatch(
      /^No host key came from 192.168.1.10, port 22, within 5 s/,
    );
  });

  test("opens what is dangerous only when somebody says so", async () => {
    const dangerous = [...all, "--forwards", "2222:22"];
    expect((await run(dangerous, secretsAround)).stderr).toMatch(
      /2222:22: the whole internet will try passwords .*\nAnswer with --dangerous/,
    );
    expect(untouched()).toEqual(nothing);
    expect((await run([...dangerous, "--dangerous"], secretsAround)).status).toBe(0);
    expect(written()).toContain("{published: 2222, target: 22, acknowledge: true}");
  });
});

test("a zone has to be there, or not to be there", async () => {
  const named = (dns: string, zone: string) => run([...all, "--dns", dns, "--zone", zone], secretsAround);
  expect((await named("hetzner", "example.net")).stderr).toBe(
    "--zone: this Hetzner project has no zone example.net. It has: example.org. To have it made: --dns new-zone\n",
  );
  expect((await named("new-zone", "example.org")).stderr).toBe(
    "--zone: this Hetzner project has the zone example.org already. To use it: --dns hetzner\n",
  );
  expect((await named("new-zone", "example.net")).stdout).toContain("npx pulumi stack output nameservers");
  expect(written()).toContain("createZone: true");
});

test("a VPS of one's own and a name at a DynDNS service need no token of Hetzner's", async () => {
  writeFileSync(join(folder, "token"), "0123-abcd\n");
  const { status, stderr } = await run(
    [
      ...[
        "--relay",
        "ssh",
        "--relay-host",
        "me@203.0.113.5:2222",
        "--relay-key",
        hostKey,
        "--home",
        "manual",
      ],
      ...[
        "--home-name",
        "nas",
        "--forwards",
        "443",
        "--dns",
        "duckdns",
        "--names",
        "myhome",
        "--devices",
        "none",
      ],
      ...["--dns-token-file", join(folder, "token"), "--yes"],
    ],
    { PULUMI_CONFIG_PASSPHRASE: passphrase },
  );
  expect([status, stderr]).toEqual([0, ""]);
  expect((parse(written()) as { config: unknown }).config).toEqual({
    "home-relay:relay": { provider: "ssh", host: "203.0.113.5", port: 2222, user: "me", hostKey },
    "home-relay:homes": [{ name: "nas", install: "manual", forwards: ["443"] }],
    "home-relay:dns": { provider: "duckdns", names: ["myhome"] },
  });
  expect(read("secrets")).toBe("home-relay:dns.token 0123-abcd");
  expect(await cloud.control({ get: "requests" })).toEqual([]);
});
