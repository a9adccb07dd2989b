import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { asPerson } from "../network.ts";
import { home } from "../operator.ts";
import { clientOf, installPackages, pageOf, shell } from "../people.ts";
import { run } from "../shell.ts";

const plain = ["80:8080", "9000-9003:8078-8081", "40000-40010/udp"];
const others = [
  { published: 81, target: 8080, clientIp: "masquerade" },
  { published: 82, target: 8080, from: ["203.0.113.0/24", "2001:db8:1::/48"] },
  { published: 83, target: 8080, from: ["198.51.100.0/24"] },
  { published: 84, target: 8080, newPerSecond: 5 },
  { published: 8000, target: 80, to: addresses.printer },
];

const lab = raiseLab({
  stack: "forwards",
  settings: async () => ({ homes: [await home([...plain, ...others])] }),
  up: true,
});

/** Whom the page at a published port says that it was asked by; an empty text when no page came. */
async function seenAs(port: number, family: 4 | 6 = 4): Promise<string> {
  const address = lab.published[family];
  return clientOf(`http://${family === 6 ? `[${address}]` : address}:${port}/`);
}

describe("a forward", () => {
  test("shows the service its caller, or the relay where it masquerades", async () => {
    expect(await seenAs(80)).toBe(addresses.stranger);
    expect(await seenAs(80, 6)).toBe(addresses.stranger6);
    expect(await seenAs(81)).toBe("10.77.0.1");
    expect(await seenAs(81, 6)).toBe("fd77::1");
  });

  test("lets in those it was told to, over both families, and nobody else", async () => {
    expect(await seenAs(82)).toBe(addresses.stranger);
    expect(await seenAs(82, 6)).toBe(addresses.stranger6);
    expect(await seenAs(83)).toBe("");
    expect(await seenAs(83, 6)).toBe("");
  });

  test("of a range goes to the same place in the range at home", async () => {
    expect(await seenAs(9002)).toBe(addresses.stranger);
    expect(await seenAs(9001)).toBe("");
  });

  test("to another machine in the LAN is answered by it, and the home's own service there is not", async () => {
    expect(await pageOf(`http://${lab.published[4]}:8000/`)).toContain("Hello from the printer");
    expect(await seenAs(8000, 6)).toBe("");
  });

  test("with a cap lets one source make no more new connections than that, and the others still open", async () => {
    const many = "for i in $(seq 60); do curl -s -o /dev/null -w '%{http_code}\\n' --max-time $1 $0; done";
    const knock = (port: number, patienceSeconds: number) => {
      const url = `http://${lab.published[4]}:${port}/`;
      return run(asPerson("stranger", ["bash", "-c", many, url, `${patienceSeconds}`]));
    };
    const answered = ({ stdout }: { stdout: string }) =>
      stdout.split("\n").filter((code) => code === "200").length;
    expect(answered(await knock(84, 0.2))).toBeLessThan(60);
    expect(answered(await knock(80, 3))).toBe(60);
  });

  test("is counted, and the figures outlive a change of the forwards", async () => {
    const counted = async () => {
      const set = await shell(lab.relay, "nft list set inet homerelay_counters received_tcp");
      return Number(/\b80 counter packets (\d+)/.exec(set)?.[1] ?? 0);
    };
    const before = await counted();
    expect(before).toBeGreaterThan(0);
    await lab.operator.forward([...plain, ...others, "85:8080"]);
    await lab.operator.up();
    expect(await seenAs(85)).toBe(addresses.stranger);
    expect(await counted()).toBeGreaterThanOrEqual(before);
  });

  test("of UDP keeps its ports from the home's own programs, beside those that the owner reserved", async () => {
    expect((await shell("home", "sysctl -n net.ipv4.ip_local_reserved_ports")).trim()).toBe("40000-40010");
  });
});

describe("another firewall at home", () => {
  beforeAll(async () => {
    await installPackages("home", ["ufw"]);
    await shell("home", "ufw allow 22/tcp && ufw --force enable");
  });

  afterAll(() => shell("home", "ufw --force disable"));

  test("that swallows the traffic is named with its mend, which mends it", async () => {
    await lab.operator.forward([...plain, "86:8080"]);
    const said = await failingUp(lab.operator);
    expect(said).toContain("tcp 86: no answer: it came out of the tunnel");
    expect(said).toContain("ufw is active on this host");
    const mend = /^\s*(ufw allow in on homerelay)$/m.exec(said)?.[1];
    await shell("home", mend ?? "false");
    await lab.operator.up();
    expect(await seenAs(86)).toBe(addresses.stranger);
  });
});

test("a service that would not survive the open internet is refused, until its owner says so", async () => {
  await lab.operator.forward([...plain, "5432"]);
  const refused = await lab.operator.pulumi(["preview", "--non-interactive", "--color", "never"]);
  expect(refused.code).not.toBe(0);
  expect(refused.stdout).toContain("opens port 5432/tcp");
  expect(refused.stdout).toContain("acknowledge: true");
  await lab.operator.forward([...plain, { published: 5432, acknowledge: true }]);
  expect((await lab.operator.pulumi(["preview", "--non-interactive"])).code).toBe(0);
});
