/** Who is compared: home-relay as `pulumi up` makes it, and the usual tutorial, in one lab behind one carrier. */
import { addresses } from "../../lab/addresses.ts";
import { addMachine } from "../../lab/control.ts";
import { relayMachine } from "../../lab/machines.ts";
import type { RelayMachine } from "../../lab/machines.ts";
import { home, Operator } from "../../lab/operator.ts";
import type { StackConfig } from "../../lab/operator.ts";
import { bring, installPackages, knock, mustPerform, shell, tcp } from "../../lab/people.ts";
import { must } from "../../lab/shell.ts";
import { until, untilSshAnswers } from "../../lab/world.ts";
import { tunnelEnds, renderTutorial } from "./tutorial.ts";
import type { TutorialKeys } from "./tutorial.ts";

/** The echo at home, published as it is. */
export const echoPort = 64738;
/** Where something listens at home that nobody published. */
export const sinkPort = 5999;
export const sinkFile = "/var/lib/lab-sink";

interface Ends {
  readonly relay: RelayMachine | "vps";
  readonly home: "home" | "attic";
  /** Where strangers call, the IPv4 address first. */
  readonly published: readonly string[];
  /** The WireGuard interface at both ends. */
  readonly tunnel: string;
  /** The home's own address in the tunnel. */
  readonly homeInTunnel: string;
}

export interface Ours extends Ends {
  readonly name: "home-relay";
  readonly relay: RelayMachine;
  readonly operator: Operator;
}

export interface Theirs extends Ends {
  readonly name: "tutorial";
  readonly keys: TutorialKeys;
}

export type Side = Ours | Theirs;

/** That of the keys that home-relay has now. */
let keyGeneration = 1;

/** The next `configure` asks for new keys. */
export function nextKeyGeneration(): void {
  keyGeneration++;
}

const forwards = ["80:8080", `${echoPort}:${echoPort}/tcp+udp`];

/** Writes the stack file: the forwards of all faults, and what one of them adds. */
export async function configure(
  operator: Operator,
  more: readonly string[] = [],
  settings: Partial<StackConfig> = {},
): Promise<void> {
  const tunnel = { keyGeneration };
  await operator.configure({ tunnel, ...settings, homes: [await home([...forwards, ...more])] });
}

export async function makeOurs(detail: (line: string) => void): Promise<Ours> {
  const operator = await Operator.withStack("faults", detail);
  await configure(operator);
  await operator.up([], { onLine: detail });
  const published = await operator.published();
  const relay = await relayMachine();
  const shown = await shell("home", "ip -json -4 address show dev homerelay");
  const [link] = JSON.parse(shown) as { addr_info: { local: string }[] }[];
  const side: Ours = {
    name: "home-relay",
    relay,
    home: "home",
    published: [published[4], published[6]],
    tunnel: "homerelay",
    homeInTunnel: link?.addr_info[0]?.local ?? "",
    operator,
  };
  await prepareHome(side);
  return side;
}

/** Two machines of the same Debian, set up by hand as the guides say. */
export async function makeTutorial(): Promise<Theirs> {
  for (const name of ["attic", "vps"] as const) await addMachine({ name });
  for (const name of ["attic", "vps"] as const) await untilSshAnswers(name);
  await installPackages("vps", ["wireguard-tools", "iptables"]);
  await installPackages("attic", ["wireguard-tools"]);
  const side: Theirs = {
    name: "tutorial",
    relay: "vps",
    home: "attic",
    published: [addresses.vps],
    tunnel: "wg0",
    homeInTunnel: tunnelEnds.home,
    keys: await makeTutorialKeys(),
  };
  await shell(
    "vps",
    "echo net.ipv4.ip_forward=1 >/etc/sysctl.d/99-wireguard.conf; sysctl -qw net.ipv4.ip_forward=1",
  );
  await writeTutorial(side.keys);
  for (const machine of ["vps", "attic"] as const)
    await shell(machine, "systemctl enable --quiet --now wg-quick@wg0");
  await prepareHome(side);
  return side;
}

export async function makeTutorialKeys(): Promise<TutorialKeys> {
  const made = async (what: "genkey" | "genpsk") => (await must(["wg", what])).trim();
  const pair = async () => {
    const privateKey = await made("genkey");
    return { privateKey, publicKey: (await must(["wg", "pubkey"], { input: privateKey })).trim() };
  };
  return { relay: await pair(), home: await pair(), preshared: await made("genpsk") };
}

/** Writes both files, as somebody would with an editor; nothing is restarted. */
export async function writeTutorial(
  keys: TutorialKeys,
  ports: readonly number[] = [echoPort],
): Promise<void> {
  const { relay, home: atHome } = renderTutorial(keys, addresses.vps, ports);
  await writeFileAt("vps", relay);
  await writeFileAt("attic", atHome);
}

async function writeFileAt(machine: "vps" | "attic", text: string): Promise<void> {
  await shell(machine, `umask 077; cat >/etc/wireguard/wg0.conf <<'END'\n${text}END`);
}

/** Listens from early in the boot on, before any network is there: what a guard is to keep out. */
async function prepareHome({ home: machine }: Side): Promise<void> {
  const program = await bring(machine, "sink.py");
  const unit = `[Unit]
DefaultDependencies=no
After=local-fs.target
[Service]
ExecStart=/usr/bin/python3 ${program} ${sinkPort} ${sinkFile}
Restart=always
[Install]
WantedBy=sysinit.target
`;
  await shell(
    machine,
    `cat >/etc/systemd/system/lab-sink.service <<'END'\n${unit}END\nsystemctl enable --quiet --now lab-sink`,
  );
}

/** What runs in the container that `makeContainer` makes at home. */
export const containerUnit = "lab-container-echo";

/** A container as Docker would make it, with an echo of its own that it publishes. */
export async function makeContainer({ home: machine }: Side, port: number): Promise<void> {
  await installPackages(machine, ["iptables", "conntrack"]);
  await mustPerform(machine, "container.sh", [`${port}:${port}/tcp`, `${port}:${port}/udp`]);
  await shell(
    machine,
    `cat >/run/systemd/system/${containerUnit}.service <<'END'
[Service]
NetworkNamespacePath=/run/netns/container
ExecStart=/usr/bin/python3 /opt/lab/echo.py tcp:${port} udp:${port}
END
systemctl daemon-reload; systemctl start ${containerUnit}`,
  );
}

/** How many datagrams the sink has received since it was made. */
export async function poured({ home: machine }: Side): Promise<number> {
  return Number(await shell(machine, `stat -c %s ${sinkFile} 2>/dev/null || echo 0`));
}

export async function answers(side: Side, port = echoPort): Promise<boolean> {
  const heard = await knock(
    "stranger",
    side.published.map((address) => tcp(address, port)),
    1,
  );
  return heard.every((answer) => answer?.endsWith("hello") === true);
}

/** As before the first fault, whatever the last one left. */
export async function heal(side: Side): Promise<void> {
  const quick = `wg-quick@${side.tunnel}`;
  for (const machine of [side.relay, side.home]) {
    await until(`${machine} takes commands`, 60, () => shell(machine, "true"));
    if (side.name === "tutorial" && machine === side.relay)
      await shell(machine, "iptables -t nat -F; iptables -F");
    // One that failed before has to be forgiven; what it said is not of interest.
    await shell(
      machine,
      `systemctl reset-failed; systemctl restart ${side.name === "tutorial" ? "" : "homerelay-firewall"} ${quick} || systemctl restart ${quick}`,
    );
  }
  await until(`the forwards of ${side.name} answer again`, 60, async () => {
    if (!(await answers(side))) throw new Error("they do not");
  });
}
