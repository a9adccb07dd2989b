/** Homes that nobody reaches over SSH: the machine that runs the program itself, and one that its owner sets up. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { addMachine } from "../control.ts";
import { exec } from "../machines.ts";
import { asPerson } from "../network.ts";
import { Operator } from "../operator.ts";
import { OwnerAtHome } from "../ownerAtHome.ts";
import { shell } from "../people.ts";
import { Progress } from "../progress.ts";
import { run } from "../shell.ts";
import type { Result } from "../shell.ts";
import { down, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(4 * minute);
const stranger = `You are ${addresses.stranger}`;

beforeAll(async () => {
  await down();
  await up(new Progress(process.stderr));
}, 30 * minute);

afterAll(down, minute);

async function traces(machine: "home" | "attic" = "home"): Promise<string> {
  const script = await readFile(join(import.meta.dirname, "../traces.sh"), "utf8");
  const { code, stdout, stderr } = await exec(machine, ["bash", "-s"], { input: script });
  if (code !== 0) throw new Error(`traces.sh: ${stderr}`);
  return stdout;
}

async function page(address: unknown, port = 80): Promise<string> {
  const url = `http://${String(address)}:${port}/`;
  return (await run(asPerson("stranger", ["curl", "--silent", "--max-time", "3", url]))).stdout;
}

describe("a home that runs the program itself, with IPv6 switched off", () => {
  let owner: OwnerAtHome;
  let before: string;

  beforeAll(async () => {
    owner = await OwnerAtHome.settleIn();
    await owner.configure({ homes: [{ name: "nas", install: "local", forwards: ["80:8080"] }] });
    // No way in from outside is needed, not even from here.
    await shell("home", "systemctl stop ssh; sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
    before = await traces();
  }, 5 * minute);

  afterAll(() => shell("home", "systemctl start ssh; sysctl -qw net.ipv6.conf.all.disable_ipv6=0"));

  test("is refused while another stack has it, with what frees it", async () => {
    const file = "/etc/homerelay/owner";
    await shell("home", `mkdir ${file.slice(0, -6)}; printf 'id 0\\nstack other/dev\\nhost nas\\n' >${file}`);
    await expect(owner.pulumi(["up", "--yes", "--skip-preview", "--non-interactive"])).rejects.toThrow(
      /nas, this machine, belongs to another stack: other\/dev \(0\)[^]*\n *rm \/etc\/homerelay\/owner\n/,
    );
    await shell("home", `rm -r ${file.slice(0, -6)}`);
  });

  test("gets the stranger's packets after up", async () => {
    await owner.pulumi(["up", "--yes", "--skip-preview", "--non-interactive"]);
    const { ipv4Address } = JSON.parse(await owner.pulumi(["stack", "output", "--json"])) as Record<
      string,
      unknown
    >;
    expect(await page(ipv4Address)).toContain(stranger);
    expect(await owner.pulumi(["up", "--yes", "--expect-no-changes", "--non-interactive"])).toMatch(
      /unchanged/,
    );
  });

  test("has no trace of it after destroy", async () => {
    await owner.pulumi(["destroy", "--yes", "--skip-preview", "--non-interactive"]);
    expect(withoutState(await traces())).toBe(withoutState(before));
    await owner.moveOut();
  });

  /** The owner's own state and stack file are no trace. */
  function withoutState(all: string): string {
    return all
      .split("\n")
      .filter((line) => !/ \/root\/(state|home-relay)\//.test(line))
      .join("\n");
  }
});

describe("a home that its owner sets up with a script", () => {
  let operator: Operator;
  let before: string;

  const configure = (forwards: readonly unknown[], more: readonly Record<string, unknown>[] = []) =>
    operator.configure({ homes: [{ name: "nas", install: "manual", forwards }, ...more] });

  /** What `npm run -s home …` prints. */
  async function handedOver(...args: string[]): Promise<string> {
    return (await operator.command(["sh", "components/home/print-home.sh", ...args])).stdout;
  }

  /** Runs the script as the newest up made it, at home. */
  async function byScript(verb: string): Promise<Result> {
    return exec(
      "home",
      ["bash", "-c", 'cat >/root/nas.sh; bash /root/nas.sh "$0"; code=$?; rm /root/nas.sh; exit $code', verb],
      {
        input: await handedOver("nas"),
      },
    );
  }

  beforeAll(async () => {
    before = await traces();
    operator = await Operator.withStack("hand", () => undefined);
    await configure(["80:8080"]);
  });

  test("is told to wait for its script, and nothing contacts it", async () => {
    await shell("home", "journalctl --rotate --vacuum-time=1s -q");
    const said = await operator.up();
    expect(said).toContain("nas waits for its script");
    expect(said).not.toContain("PrivateKey");
    expect(await shell("home", "journalctl -u ssh -o cat --no-pager | grep -c Accepted || true")).toBe("0\n");
    expect(await page((await operator.outputs())["ipv4Address"])).toBe("");
  });

  test("does all by itself: the stranger gets the page, and the script has proven it", async () => {
    const { code, stdout } = await byScript("install");
    expect([code, stdout]).toEqual([0, expect.stringContaining("tcp 80: open")]);
    expect(await page((await operator.outputs())["ipv4Address"])).toContain(stranger);
    const status = await byScript("status");
    expect([status.code, status.stdout]).toEqual([
      0,
      expect.stringMatching(/^the relay was heard \d+ seconds ago$/m),
    ]);
  });

  test("changes nothing when it runs again", async () => {
    const installed = await traces();
    const connections = await shell("home", "wg show homerelay latest-handshakes");
    const { code, stdout } = await byScript("install");
    expect([code, stdout]).toEqual([0, expect.stringContaining("keys unchanged")]);
    expect(stdout).not.toMatch(/has changed|have changed|brought in line|is up$/m);
    expect(await traces()).toBe(installed);
    expect(await shell("home", "wg show homerelay latest-handshakes")).toBe(connections);
  });

  test("is brought in line with a changed forward by the new script, and until then says so", async () => {
    await configure(["81:8080"]);
    await operator.up();
    const status = await byScript("status");
    expect([status.code, status.stdout]).toEqual([
      1,
      expect.stringContaining("another version of this script"),
    ]);
    const { code, stdout } = await byScript("install");
    expect([code, stdout]).toEqual([0, expect.stringContaining("tcp 81: open")]);
    const { ipv4Address } = await operator.outputs();
    expect([await page(ipv4Address, 81), await page(ipv4Address, 80)]).toEqual([
      expect.stringContaining(stranger),
      "",
    ]);
  });

  test("and one that is no Debian takes the plain configuration, with the relay as its client", async () => {
    await addMachine({ name: "attic" });
    const forward = { published: 8082, target: 8080, clientIp: "masquerade" };
    await configure(["81:8080"], [{ name: "attic", install: "manual", forwards: [forward] }]);
    await operator.up();
    await shell("attic", "apt-get -qq update && apt-get -qq install -y wireguard-tools >/dev/null 2>&1");
    const install = "umask 077; cat >/etc/wireguard/wg0.conf; wg-quick up wg0";
    const { code, stderr } = await exec("attic", ["sh", "-c", install], {
      input: await handedOver("attic", "wireguard"),
    });
    expect([code, stderr]).toEqual([0, expect.anything()]);
    await shell("attic", "ping -c 1 -W 5 10.77.0.1");
    expect(await page((await operator.outputs())["ipv4Address"], 8082)).toContain("You are 10.77.0.1");
  });

  test("has no trace of it after `remove`", async () => {
    const { code, stdout } = await byScript("remove");
    expect([code, stdout]).toEqual([0, expect.stringContaining("nothing of home-relay is left here")]);
    expect(await traces()).toBe(before);
    await operator.destroy();
  });
});
