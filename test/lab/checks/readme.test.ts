/**
 * Somebody with a clean machine in the home's LAN does what README and docs/setup.md say, word for word, and ends with a
 * page. Hetzner's address in the environment is all that differs; the programs that npm and `npx pulumi` fetch come from
 * where this repository has them.
 */
import { copyFile, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { addresses, cloudApiUrl } from "../addresses.ts";
import { callCloud, inCloud } from "../cloudByHand.ts";
import { cloneRepository, commitAll, placeCli, repository } from "../clone.ts";
import { controlCloud } from "../control.ts";
import { blocksOf, sectionOf, withoutComment } from "../documents.ts";
import { raiseLab } from "../fixture.ts";
import { relayMachine } from "../machines.ts";
import { atOwnMachine, makeOperatorHome, operatorHome, operatorSsh, zone } from "../operator.ts";
import { paths } from "../paths.ts";
import { pageOf, shell } from "../people.ts";
import { must, run } from "../shell.ts";
import type { Result, RunOptions } from "../shell.ts";
import { sit } from "../sitting.ts";
import type { Answers, Sitting } from "../sitting.ts";
import { tracesOn } from "../traces.ts";
import { cloudToken, until } from "../world.ts";

/** What is typed here. */
const commands = {
  clone: "git clone REPOSITORY home-relay",
  enter: "cd home-relay",
  install: "npm ci --omit=dev",
  copy: "cp examples/hetzner.yaml Pulumi.home.yaml",
  scan: "ssh-keyscan -t ed25519 192.168.1.10",
  init: "npx pulumi stack init home",
  token: "npx pulumi config set --secret hcloud:token",
  preview: "npm run preview",
  up: "npx pulumi up",
  status: "npm run status",
  check: "npm run check",
  mend: "npm run check -- --mend",
  device: "npm run device -- phone",
  picture: "npm run -s picture > stack.svg",
  destroy: "npx pulumi destroy",
} as const;

/** And these, which stand in docs/. */
const further = {
  setupHelp: "npm run setup -- --help",
  pull: "git pull",
  select: "npx pulumi stack select home",
  outputs: "npx pulumi stack output",
  tunnelAddresses: "npx pulumi stack output tunnelAddresses",
  inside: "npx pulumi stack output inside",
  reachability: "npx pulumi stack output reachability",
  nameservers: "npx pulumi stack output nameservers",
  export: "npx pulumi stack export --file stack.json",
  import: "npx pulumi stack import --file stack.json",
  forceForget: "npx pulumi stack rm home --force --preserve-config",
  forget: "npx pulumi stack rm home --preserve-config",
  diff: "npx pulumi preview --diff",
  compare: "npm run preview -- --base main",
  replace: "npx pulumi up --replace '**-relay-server'",
  statusJson: "npm run -s status -- --json",
  checkJson: "npm run -s check -- --json",
  checkNamed: "npm run check -- --stack dev",
  configuration: "(umask 077; npm run --silent device -- phone --config > phone.conf)",
  track: "git add --force Pulumi.home.yaml",
} as const;

/** What docs/ has the owner of a home type there. */
const atHome = {
  rules: "nft list table inet homerelay",
  journal: "journalctl -u homerelay-mend",
  reload: "nft -f /etc/nftables.conf",
  restart: "systemctl restart nftables",
  letGo: "systemctl stop homerelay-mend.timer homerelay-mend.service homerelay-table.socket",
  stop: "systemctl stop wg-quick@homerelay homerelay-mend.timer homerelay-mend.service",
} as const;
/** And the owner of a relay. */
const atRelay = { counters: "nft list table inet homerelay_counters" } as const;

type Command = keyof typeof commands | keyof typeof further;
const textOf = (command: Command): string => ({ ...commands, ...further })[command];

/** What is typed by another check. */
const elsewhere: Readonly<Record<string, string>> = {
  "npm run setup": "lab/setup",
  "npm run demo": "lab/demo",
  "npm run demo -- down": "lab/demo",
};

const passphrase = "a phrase of my own";
const origin = join(operatorHome, "origin");
const clone = join(operatorHome, "home-relay");
const stackFile = join(clone, "Pulumi.home.yaml");

let readme: string;
let setup: string;
let traces: string;

const lab = raiseLab({
  // So that both families are tried from home, as on the documents' screens.
  homeIpv6: "native",
  before: async () => {
    readme = await readFile(join(repository, "README.md"), "utf8");
    setup = await readFile(join(repository, "docs/setup.md"), "utf8");
    traces = await tracesOn("home");
    await controlCloud({ seedZone: { name: zone } });
    await makeOperatorHome();
    await copyFile(paths.operatorKey, join(operatorSsh, "id_ed25519"));
    await placeCli(join(operatorHome, ".pulumi"));
    await cloneRepository(origin);
    await must(["git", "-C", origin, "checkout", "--quiet", "-B", "main"]);
    await commitAll(origin, "as it is here");
    await mkdir(join(operatorHome, "bin"));
    await symlink(process.execPath, join(operatorHome, "bin/node"));
    await writeFile(join(operatorHome, ".home-relay-passphrase"), `${passphrase}\n`, { mode: 0o600 });
  },
});

/** Where the state is, once it has moved. */
let otherPlace: NodeJS.ProcessEnv = {};

function environment(): NodeJS.ProcessEnv {
  return {
    ...otherPlace,
    PATH: `${join(operatorHome, "bin")}:${process.env["PATH"] ?? ""}`,
    HOME: operatorHome,
    LANG: "C.UTF-8",
    TERM: "xterm",
    HCLOUD_ENDPOINT: cloudApiUrl,
  };
}

/** The operator's command line; pulumi finds ~ by the password file and not by $HOME, so his ~/.pulumi is laid over that. */
function atHisMachine(command: readonly string[]): string[] {
  const script = 'mkdir -p "$2" && mount --bind "$1" "$2" && shift 2 && exec "$@"';
  const [own, users] = [operatorHome, userInfo().homedir].map((home) => join(home, ".pulumi"));
  return atOwnMachine(["sh", "-c", script, "sh", own ?? "", users ?? "", ...command]);
}

const asSomebody = ["-c", "user.name=check", "-c", "user.email=check@example.org"];
const typed = new Set<string>();

/** So that the passphrase is not asked for each time. */
const keepPassphrase = "export PULUMI_CONFIG_PASSPHRASE_FILE=~/.home-relay-passphrase";

/** Types a command in the clone; what it says is no terminal's. */
async function type(name: Command, options: RunOptions = {}): Promise<Result> {
  typed.add(textOf(name));
  const line = ["bash", "-c", `${keepPassphrase}\n${textOf(name)}`];
  return run(atHisMachine(line), { cwd: clone, env: environment(), timeoutMs: 300_000, ...options });
}

async function mustType(name: Command, options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await type(name, options);
  if (code !== 0) throw new Error(`${textOf(name)}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** The same at a terminal, answering what is asked; it has to end well. */
async function typeAtTerminal(name: Command, answers: Answers, before = keepPassphrase): Promise<Sitting> {
  typed.add(textOf(name));
  const { command, input } = sit(["bash", "-c", `${before}\n${textOf(name)}`], answers);
  const options = { cwd: clone, env: environment(), timeoutMs: 330_000, input };
  const sitting = JSON.parse(await must(atHisMachine(command), options)) as Sitting;
  expect([sitting.code, sitting.unasked, sitting.code === 0 ? "" : sitting.screen]).toEqual([0, [], ""]);
  return sitting;
}

/** A screen, with what differs from run to run made alike: addresses, times, the width of columns. */
function alike(screen: string): string {
  return screen
    .replaceAll(/\d+(?:\.\d+){3}/g, "IPV4")
    .replaceAll(/\b[\da-f]+(?::[\da-f]*)*::[\da-f:]*/g, "IPV6")
    .replaceAll(/ +\d+(?:\.\d+)? ms\b/g, "")
    .replaceAll(/\d+ steps\b/g, "N steps")
    .replaceAll(/ {2,}/g, " ");
}

/** The block of a document that begins like this. */
function screenOf(page: string, first: string): string[] {
  const screen = blocksOf(page).find(([line]) => line === first);
  if (!screen) throw new Error(`no screen that begins with: ${first}`);
  return screen;
}

async function edit(what: RegExp, by: string): Promise<void> {
  const before = await readFile(stackFile, "utf8");
  const after = before.replace(what, by);
  expect(after).not.toBe(before);
  await writeFile(stackFile, after);
}

test("every command of README and of the long way in docs/setup.md is typed here or by a check that is named", () => {
  const screens = [/^All 3 forwards are open\.$/, /^Stack home: what changes$/, /anybody +the relay/];
  const blocks = [...blocksOf(readme), ...blocksOf(setup)].filter(
    ([first = ""]) => !screens.some((screen) => screen.test(first)),
  );
  const table = [...sectionOf(readme, "## Use it").matchAll(/`((?:npm|npx) [^`]+)`/g)];
  const lines = [...blocks.flat().map(withoutComment), ...table.map(([, command = ""]) => command)];
  const known = [...Object.values<string>(commands), ...Object.keys(elsewhere)];
  expect([...new Set(lines)].sort()).toEqual([...known].sort());
});

test("the program is fetched", async () => {
  const [block = []] = blocksOf(setup, "## 1. Get the program");
  expect(block).toEqual([commands.clone, commands.enter, commands.install]);
  for (const line of block) typed.add(line);
  // Its own network leads to the lab alone; the registry is behind this machine's.
  await must(["bash", "-e", "-c", block.join("\n").replace("REPOSITORY", origin)], {
    cwd: operatorHome,
    env: { ...process.env, PATH: environment()["PATH"] },
    timeoutMs: 600_000,
  });
  expect(await must(["git", "-C", clone, "status", "--porcelain"])).toBe("");
});

test("the example becomes the user's own file, and the host key is the one that the home names", async () => {
  await mustType("copy");
  const printed = (await mustType("scan")).trim();
  const [host, ...hostKey] = printed.split(" ");
  expect(host).toBe(addresses.home);
  const shown = await must(["ssh-keygen", "-lf", "-"], { input: `${printed}\n` });
  const own = await shell("home", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
  expect(shown.split(" ")[1]).toBe(own.split(" ")[1]);
  await edit(/hostKey: ".*"/, `hostKey: "${hostKey.join(" ")}"`);
});

test("the stack is made, and neither passphrase nor token is seen", async () => {
  const made = await typeAtTerminal(
    "init",
    [
      ["Enter your passphrase", `${passphrase}<enter>`],
      ["Re-enter your passphrase", `${passphrase}<enter>`],
    ],
    ":",
  );
  expect(made.screen).toContain("Created stack 'home'");
  const token = await cloudToken();
  const set = await typeAtTerminal("token", [["value", `${token}<enter>`]]);
  const file = await readFile(stackFile, "utf8");
  expect(file).toMatch(/hcloud:token:\n +secure: /);
  for (const secret of [passphrase, token]) expect(made.raw + set.raw + file).not.toContain(secret);
});

test("the preview says what docs/setup.md shows, and makes nothing", async () => {
  const said = await mustType("preview");
  const shown = screenOf(setup, "Stack home: what changes").filter((line) => line !== "…");
  for (const line of shown) expect(alike(said)).toContain(`${alike(line)}\n`);
  expect((await inCloud())["servers"]).toEqual([]);
});

test("up asks, and ends with the card that README and docs/setup.md show", async () => {
  const { screen } = await lab.progress.phase("npx pulumi up", () =>
    typeAtTerminal("up", [["Do you want to perform this update", "yes<enter>"]]),
  );
  const card = screen.slice(screen.indexOf("All 3 forwards are open."));
  for (const page of [readme, setup])
    for (const line of screenOf(page, "All 3 forwards are open.")) expect(alike(card)).toContain(alike(line));
});

test("a stranger fetches the page by its name", async () => {
  for (const scheme of ["http", "https"])
    for (const [family, stranger] of [
      [4, addresses.stranger],
      [6, addresses.stranger6],
    ] as const)
      expect(await pageOf(`${scheme}://${zone}/`, family)).toContain(`<p>You are ${stranger}</p>`);
});

test("a device is added by an edit, and the table's commands do what it says of them", async () => {
  await edit(/^config:\n/m, "$&  home-relay:devices:\n    - name: phone\n      allow: [nas]\n");
  await typeAtTerminal("up", [["Do you want to perform this update", "yes<enter>"]]);
  const device = await mustType("device");
  const status = await mustType("status");
  const check = await mustType("check");
  await mustType("picture");
  expect(device).toContain("[Interface]");
  expect(device).toMatch(/[▀▄█]{4}/);
  expect(status).toContain("All is well.");
  expect(check).toContain("All is as the stack wants it");
  const picture = await readFile(join(clone, "stack.svg"), "utf8");
  expect(picture).toMatch(/^<svg [^]*<\/svg>\n$/);
  expect(picture).toContain("phone");
});

test("what is not as it should be is named, and put right", async () => {
  await callCloud("POST", `/zones/${zone}/rrsets/www/A/actions/set_records`, {
    records: [{ value: "203.0.113.99" }],
  });
  const found = await type("check");
  expect([found.code, found.stdout]).toEqual([1, expect.stringContaining("203.0.113.99")]);
  const mended = await mustType("mend");
  expect(mended).toContain("All is as the stack wants it");
  expect(await pageOf(`http://www.${zone}/`, 4)).toContain(`<p>You are ${addresses.stranger}</p>`);
});

test("what docs/ has somebody type from day to day does what it says", async () => {
  await mustType("select");
  expect(await mustType("outputs")).toContain("ipv4Address");
  for (const name of ["tunnelAddresses", "inside", "reachability"] as const)
    expect(await mustType(name)).toContain("nas");
  await mustType("nameservers");
  expect(JSON.parse(await mustType("statusJson"))).toMatchObject({ well: true });
  expect(JSON.parse(await mustType("checkJson"))).toBeInstanceOf(Object);
  expect((await type("checkNamed")).stderr).toMatch(/no stack named 'dev' found/);
  expect(await mustType("setupHelp")).toContain("--token-file");
  expect(await mustType("diff")).toContain("unchanged");
  await mustType("configuration");
  const file = join(clone, "phone.conf");
  expect(await readFile(file, "utf8")).toContain("PrivateKey = ");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("on the hosts too: the tunnel comes back after each, but where it was stopped for good", async () => {
  const isBack = () =>
    until("the page is there", 60, async () =>
      expect(await pageOf(`http://${zone}/`, 4)).toContain(`<p>You are ${addresses.stranger}</p>`),
    );
  expect(await shell("home", atHome.rules)).toContain("flags owner,persist");
  expect(await shell(await relayMachine(), atRelay.counters)).toContain("443 counter");
  await shell("home", "wg set homerelay fwmark 1");
  await until("the journal says what was mended", 60, async () =>
    expect(await shell("home", atHome.journal)).toContain("was 0x1"),
  );
  for (const command of [atHome.reload, atHome.restart]) {
    await shell("home", command);
    await isBack();
  }
  // Debian's own, of that file.
  await shell("home", "nft delete table inet filter");
  await shell("home", atHome.letGo);
  await shell("home", "nft add set inet homerelay by_hand '{ type ipv4_addr; }'");
  await until("the table is mended", 60, async () => {
    expect(await shell("home", atHome.rules)).not.toContain("by_hand");
  });
  await shell("home", atHome.stop);
  // Longer than it takes from one look of the timer to the next.
  await sleep(20_000);
  expect(await shell("home", "ip link show homerelay 2>&1 || :")).toContain("does not exist");
  await shell("home", "systemctl start wg-quick@homerelay");
  await isBack();
});

test("a newer version comes by git pull, which leaves the user's own file alone", async () => {
  const before = await readFile(stackFile, "utf8");
  await writeFile(join(origin, "CHANGELOG.md"), "newer\n");
  await commitAll(origin, "newer");
  await mustType("pull");
  expect(await readFile(join(clone, "CHANGELOG.md"), "utf8")).toBe("newer\n");
  expect(await readFile(stackFile, "utf8")).toBe(before);
  expect(await mustType("preview")).toContain("nothing changes");
});

test("the state moves to another place, and from there nothing changes", async () => {
  await mustType("export");
  const place = join(operatorHome, "elsewhere");
  await mkdir(place);
  otherPlace = { PULUMI_BACKEND_URL: `file://${place}` };
  await mustType("init");
  await mustType("import");
  expect(await mustType("preview")).toContain("nothing changes");
  const before = `${keepPassphrase}; export PULUMI_BACKEND_URL=file://${operatorHome}`;
  await typeAtTerminal("forceForget", [["by typing", "home<enter>"]], before);
  expect(await mustType("check")).toContain("All is as the stack wants it");
});

test("a relay is replaced at the same address", async () => {
  const page = () => pageOf(`http://${zone}/`, 4);
  const [before] = (await inCloud())["servers"] ?? [];
  await typeAtTerminal("replace", [["Do you want to perform this update", "yes<enter>"]]);
  const [after] = (await inCloud())["servers"] ?? [];
  expect(after?.id).not.toBe(before?.id);
  expect(await page()).toContain(`<p>You are ${addresses.stranger}</p>`);
});

test("a change on a branch is compared with main", async () => {
  await mustType("track");
  await must(["git", "-C", clone, ...asSomebody, "commit", "--quiet", "--message", "our own file"]);
  await must(["git", "-C", clone, "checkout", "--quiet", "-b", "change"]);
  await edit(/( *- )"64738.*\n/, '$&$1"8443:8081"\n');
  expect(await mustType("compare")).toMatch(/^ {2}opens +8443\/tcp to the internet -> nas:8081$/m);
});

test("destroy takes all away, and its receipt says what is gone", async () => {
  const { screen } = await typeAtTerminal("destroy", [["Do you want to perform this destroy", "yes<enter>"]]);
  expect(screen).toContain("None of it is billed any more.");
  expect(screen).toContain("nas: nothing of home-relay is left here");
  await typeAtTerminal("forget", [["by typing", "home<enter>"]]);
  await readFile(stackFile);
  expect((await inCloud())["servers"]).toEqual([]);
  expect(await tracesOn("home")).toBe(traces);
});

test("all of them were typed", () => {
  const all = [...Object.values<string>(commands), ...Object.values<string>(further)];
  expect([...typed].sort()).toEqual(all.sort());
});
