import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { exec, machineNames } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, Operator } from "../operator.ts";
import { Progress } from "../progress.ts";
import { run } from "../shell.ts";
import { down, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(2 * minute);

const plain = ["80:8080", "9000-9003:8078-8081", "40000-40010/udp"];
const others = [
  { published: 81, target: 8080, clientIp: "masquerade" },
  { published: 82, target: 8080, from: ["203.0.113.0/24", "2001:db8:1::/48"] },
  { published: 83, target: 8080, from: ["198.51.100.0/24"] },
  { published: 84, target: 8080, newPerSecond: 5 },
  { published: 8000, target: 80, to: addresses.printer },
];

let operator: Operator;
let relay: { ipv4: string; ipv6: string };

beforeAll(async () => {
  await down();
  await up(new Progress(process.stderr));
  operator = await Operator.withStack("forwards", () => undefined);
  await operator.configure({ homes: [await home([...plain, ...others])] });
  await operator.up();
  const { ipv4Address, ipv6Address } = await operator.outputs();
  relay = { ipv4: String(ipv4Address), ipv6: String(ipv6Address) };
}, 30 * minute);

afterAll(down, minute);

/** Whom the page says that it was asked by; an empty string when no page came. */
async function seenAs(port: number, address = relay.ipv4): Promise<string> {
  const host = address.includes(":") ? `[${address}]` : address;
  const url = `http://${host}:${port}/`;
  const { stdout } = await run(
    asPerson("stranger", ["curl", "--silent", "--globoff", "--max-time", "3", url]),
  );
  return /You are ([0-9a-f.:]+)/.exec(stdout)?.[1] ?? "";
}

/** Runs a shell command on a machine; its exit code has to be 0. */
async function on(machine: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await exec(machine, ["sh", "-c", command], { timeoutMs: minute });
  if (code !== 0) throw new Error(`${machine}: ${command}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

async function relayMachine(): Promise<string> {
  return (await machineNames()).find((name) => name.startsWith("server-")) ?? "";
}

describe("a forward", () => {
  test("shows the service its caller, or the relay where it masquerades", async () => {
    expect(await seenAs(80)).toBe(addresses.stranger);
    expect(await seenAs(80, relay.ipv6)).toBe(addresses.stranger6);
    expect(await seenAs(81)).toBe("10.77.0.1");
    expect(await seenAs(81, relay.ipv6)).toBe("fd77::1");
  });

  test("lets in those it was told to, over both families, and nobody else", async () => {
    expect(await seenAs(82)).toBe(addresses.stranger);
    expect(await seenAs(82, relay.ipv6)).toBe(addresses.stranger6);
    expect(await seenAs(83)).toBe("");
    expect(await seenAs(83, relay.ipv6)).toBe("");
  });

  test("of a range goes to the same place in the range at home", async () => {
    expect(await seenAs(9002)).toBe(addresses.stranger);
    expect(await seenAs(9001)).toBe("");
  });

  test("to another machine in the LAN is answered by it, and the home's own service there is not", async () => {
    const { stdout } = await run(
      asPerson("stranger", ["curl", "--silent", "--max-time", "3", `http://${relay.ipv4}:8000/`]),
    );
    expect(stdout).toContain("Hello from the printer");
    expect(await seenAs(8000, relay.ipv6)).toBe("");
  });

  test("with a cap lets one source make no more new connections than that, and the others still open", async () => {
    const many = "for i in $(seq 60); do curl -s -o /dev/null -w '%{http_code}\\n' --max-time 0.2 $0; done";
    const knock = (port: number) =>
      run(asPerson("stranger", ["bash", "-c", many, `http://${relay.ipv4}:${port}/`]), { timeoutMs: minute });
    const answered = ({ stdout }: { stdout: string }) =>
      stdout.split("\n").filter((code) => code === "200").length;
    expect(answered(await knock(84))).toBeLessThan(60);
    expect(answered(await knock(80))).toBe(60);
  });

  test("is counted, and the figures outlive a change of the forwards", async () => {
    const counted = async () => {
      const set = await on(await relayMachine(), "nft list set inet homerelay_counters received_tcp");
      return Number(/\b80 counter packets (\d+)/.exec(set)?.[1] ?? 0);
    };
    const before = await counted();
    expect(before).toBeGreaterThan(0);
    await operator.configure({ homes: [await home([...plain, ...others, "85:8080"])] });
    await operator.up();
    expect(await seenAs(85)).toBe(addresses.stranger);
    expect(await counted()).toBeGreaterThanOrEqual(before);
  });

  test("of UDP keeps its ports from the home's own programs, beside those that the owner reserved", async () => {
    expect((await on("home", "sysctl -n net.ipv4.ip_local_reserved_ports")).trim()).toBe("40000-40010");
  });
});

describe("another firewall at home", () => {
  beforeAll(async () => {
    await on(
      "home",
      "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends ufw",
    );
    await on("home", "ufw allow 22/tcp && ufw --force enable");
  }, 2 * minute);

  afterAll(() => on("home", "ufw --force disable"), minute);

  test("that swallows the traffic is named with its mend, which mends it", async () => {
    const homes = [await home([...plain, "86:8080"])];
    await operator.configure({ homes });
    const { code, stdout } = await operator.pulumi(["up", "--yes", "--skip-preview", "--non-interactive"]);
    expect(code).not.toBe(0);
    expect(stdout).toContain("tcp 86: no answer. It came out of the tunnel");
    expect(stdout).toContain("ufw is active on this host");
    const mend = /^\s*(ufw allow in on homerelay)$/m.exec(stdout)?.[1];
    await on("home", mend ?? "false");
    await operator.up();
    expect(await seenAs(86)).toBe(addresses.stranger);
  });
});

test("a service that would not survive the open internet is refused, until its owner says so", async () => {
  await operator.configure({ homes: [await home([...plain, "5432"])] });
  const refused = await operator.pulumi(["preview", "--non-interactive", "--color", "never"]);
  expect(refused.code).not.toBe(0);
  expect(refused.stdout).toContain("opens port 5432/tcp");
  expect(refused.stdout).toContain("acknowledge: true");
  await operator.configure({ homes: [await home([...plain, { published: 5432, acknowledge: true }])] });
  expect((await operator.pulumi(["preview", "--non-interactive"])).code).toBe(0);
});
