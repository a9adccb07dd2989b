/**
 * Each file of examples/ is a stack that works: raised with what its comments have the user edit, host keys, addresses
 * and secrets, and nothing else. hetzner.yaml is raised by readme.test.ts.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { addresses } from "../addresses.ts";
import { repository } from "../clone.ts";
import { controlCloud, controlDynDns, controlNotices } from "../control.ts";
import { joinTunnel, leaveTunnel, showDevice } from "../device.ts";
import { expectEchoToAnswer } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { hostKeyOf, operatorSsh, zone } from "../operator.ts";
import type { StackConfig } from "../operator.ts";
import { paths } from "../paths.ts";
import { knock, pageOf, seenAs, shell, tcp } from "../people.ts";
import { until } from "../world.ts";

const people = join(import.meta.dirname, "../people");
const certificate = "/var/lib/lab-page/certificate.pem /var/lib/lab-page/key.pem";

/** What listens where the examples send strangers to, beside what every home of the lab has. */
const atHome = `
  cd /opt/lab
  systemd-run --quiet --unit=proxy python3 /opt/lab/page.py 'Hello from the proxy' 80 443 ${certificate}
  systemd-run --quiet --unit=other python3 /opt/lab/page.py 'Hello from the other' 8088 8443 ${certificate}
  systemd-run --quiet --unit=seeds python3 /opt/lab/echo.py tcp:51413 udp:51413`;
const atAttic = "systemd-run --quiet --unit=films python3 /opt/lab/page.py 'Hello from the films' 8096";
const inLan = `
  ip address add 192.168.1.30/24 dev eth0
  ip address add 192.168.1.60/24 dev eth0
  python3 ${people}/page.py 'Hello from the lamps' 8123 >/dev/null 2>&1 &
  python3 ${people}/page.py 'Hello from a machine' 443 >/dev/null 2>&1 &
  python3 ${people}/echo.py tcp:22 tcp:25565 >/dev/null 2>&1 &`;

const lab = raiseLab({
  stack: "home",
  machines: [{ name: "attic" }, { name: "vps" }],
  before: async () => {
    await copyFile(paths.operatorKey, join(operatorSsh, "id_ed25519"));
    await shell("home", atHome);
    await shell("attic", atAttic);
    await shell("printer", inLan);
    await controlCloud({ seedZone: { name: zone } });
  },
});

afterAll(async () => {
  for (const device of ["laptop", "phone"] as const) await leaveTunnel(device);
});

type Edit = readonly [what: RegExp, by: string];

const raised = new Set<string>();

/** Raises an example, in place of the one before. Each edit has to match, and each secret to be named in a comment. */
async function raise(
  name: string,
  edits: readonly Edit[],
  secrets: Readonly<Record<string, string>> = {},
): Promise<string> {
  let text = await readFile(join(repository, `examples/${name}.yaml`), "utf8");
  for (const [what, by] of edits) {
    const after = text.replace(what, by);
    expect(after).not.toBe(text);
    text = after;
  }
  const named = [...text.matchAll(/^# +npx pulumi config set --secret (?:--path )?'?([\w:.[\]-]+)/gm)];
  expect(named.map(([, path = ""]) => path).filter((path) => path !== "hcloud:token")).toEqual(
    Object.keys(secrets),
  );
  const { config } = parse(text) as { config: Record<string, unknown> };
  const sections = Object.entries(config).map(([key, value]) => [key.replace(/^home-relay:/, ""), value]);
  await lab.operator.configure(Object.fromEntries(sections) as StackConfig);
  for (const [path, value] of Object.entries(secrets)) await lab.operator.setSecret(path, value);
  const said = await lab.progress.phase(name, () => lab.operator.up());
  raised.add(`${name}.yaml`);
  return said;
}

/** The next placeholder of a host key becomes that of a machine, and its address the machine's. */
async function machine(host: string, name: "home" | "attic" | "vps"): Promise<Edit> {
  const placeholder = new RegExp(`( host: )${host.replaceAll(".", "\\.")}((?:\\n.*)*?\\n +hostKey: )".*"`);
  return [placeholder, `$1${addresses[name]}$2"${await hostKeyOf(name)}"`];
}

const nas = () => machine("192.168.1.10", "home");

/** The page that a stranger gets says who it is and whom it saw. */
async function expectPage(url: string, title: string, client: string = addresses.stranger): Promise<void> {
  const page = await pageOf(url, 4);
  expect(page).toContain(`Hello from ${title}`);
  expect(page).toContain(`<p>You are ${client}</p>`);
}

test("own-vps: a page through a VPS that was there before", async () => {
  await raise("own-vps", [
    await machine("203.0.113.5", "vps"),
    await nas(),
    [/2001:db8::5/, `${addresses.vps6}1`],
  ]);
  await expectPage(`https://${addresses.vps}/`, "the proxy");
  await expectPage(`http://${addresses.vps}/`, "the proxy");
  await lab.progress.phase("destroy", () => lab.operator.destroy());
});

test("two-homes: each public port leads to its home, one of them reached through another host alone", async () => {
  await shell("operator", `ip route add prohibit ${addresses.attic}`);
  await writeFile(join(operatorSsh, "known_hosts"), `${addresses.home} ${await hostKeyOf("home")}\n`);
  await raise("two-homes", [
    await nas(),
    await machine("192.168.2.20", "attic"),
    [/me@gate\.example\.org:2222/, `root@${addresses.home}:22`],
  ]);
  await expectPage(`http://${zone}/`, "home");
  await expectPage(`https://www.${zone}/`, "the other");
  await expectPage(`http://media.${zone}:8096/`, "the films");
});

test("dyndns: the relay sets the name, and a stranger gets home by it", async () => {
  const token = randomUUID();
  await controlDynDns({ claim: { "myhome.duckdns.org": token } });
  await raise("dyndns", [await nas()], { "home-relay:dns.token": token });
  await expectPage("https://myhome.duckdns.org/", "the proxy");
  await expectEchoToAnswer(await lab.operator.published(), 51413);
});

test("devices: each reaches what it may, and somebody is told", async () => {
  const topic = `nas-${randomBytes(8).toString("hex")}`;
  const notify = { "home-relay:notify[0].url": `https://ntfy.sh/${topic}` };
  await raise("devices", [await nas()], notify);
  expect((await controlNotices()).notices).toMatchObject([{ path: `/${topic}`, status: 200 }]);

  const configOf = async (device: string) => (await showDevice(lab.operator, [device, "--config"])).stdout;
  const { tunnelAddresses } = (await lab.operator.outputs()) as {
    tunnelAddresses: Record<string, { ipv4: string }>;
  };
  const home = tunnelAddresses["nas"]?.ipv4 ?? "";
  const titlesSeenBy = async (device: "laptop" | "phone") =>
    shell(device, `for at in ${home}:80 ${addresses.printer}; do curl -s -m 4 http://$at/ || echo; done`);
  await joinTunnel("laptop", await configOf("laptop"));
  await joinTunnel("phone", await configOf("phone"));
  await until("both are in", 30, async () => {
    for (const device of ["laptop", "phone"] as const)
      expect(await titlesSeenBy(device)).toContain("<h1>Hello from the proxy</h1>");
  });
  expect(await titlesSeenBy("laptop")).toContain("<h1>Hello from the printer</h1>");
  expect(await titlesSeenBy("phone")).not.toContain("Hello from the printer");

  expect(await seenAs("phone", 4)).toBe(addresses.phone);
  await joinTunnel("phone", await configOf("tablet"));
  await until("the tablet goes out at home", 30, async () =>
    expect(await seenAs("phone", 4)).toBe(addresses.cgnatOutside),
  );
});

test("lan-machines: strangers reach other machines of the LAN, which see the home", async () => {
  await raise("lan-machines", [await nas()]);
  const { 4: relay } = await lab.operator.published();
  await expectPage(`https://${relay}/`, "the proxy");
  await expectPage(`http://${relay}:8123/`, "the lamps", addresses.home);
  await expectPage(`http://${relay}:8443/`, "a machine", addresses.home);
  const answers = await knock("stranger", [tcp(relay, 2222), tcp(relay, 25565)]);
  expect(answers).toEqual([`${addresses.home} hello`, `${addresses.home} hello`]);
});

test("all that lie there were raised, or are by another check", async () => {
  const elsewhere = ["hetzner.yaml"];
  const there = await readdir(join(repository, "examples"));
  expect([...raised, ...elsewhere].sort()).toEqual(there.sort());
});
