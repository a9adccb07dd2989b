/** A home that nobody reaches over SSH: its owner sets it up with a script. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { addMachine } from "../control.ts";
import { raiseLab } from "../fixture.ts";
import { exec } from "../machines.ts";
import { pageOf, shell } from "../people.ts";
import type { Result } from "../shell.ts";
import { tracesOn } from "../traces.ts";

const stranger = `You are ${addresses.stranger}`;

const lab = raiseLab({ stack: "hand" });

const traces = () => tracesOn("home");

function page(address: unknown, port = 80): Promise<string> {
  return pageOf(`http://${String(address)}:${port}/`);
}

describe("a home that its owner sets up with a script", () => {
  let before: string;

  const configure = (forwards: readonly unknown[], more: readonly Record<string, unknown>[] = []) =>
    lab.operator.configure({ homes: [{ name: "nas", install: "manual", forwards }, ...more] });

  /** What `npm run -s home …` prints. */
  async function handedOver(...args: string[]): Promise<string> {
    return (await lab.operator.command(["node", "components/home/print-home.ts", ...args])).stdout;
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
    await configure(["80:8080"]);
  });

  test("is told to wait for its script, and nothing contacts it", async () => {
    await shell("home", "journalctl --rotate --vacuum-time=1s -q");
    const said = await lab.operator.up();
    expect(said).toContain("nas waits for its script");
    expect(said).not.toContain("PrivateKey");
    expect(await shell("home", "journalctl -u ssh -o cat --no-pager | grep -c Accepted || true")).toBe("0\n");
    expect(await page((await lab.operator.outputs())["ipv4Address"])).toBe("");
  });

  test("does all by itself: the stranger gets the page, and the script has proven it", async () => {
    const { code, stdout } = await byScript("install");
    expect([code, stdout]).toEqual([0, expect.stringContaining("tcp 80: open")]);
    expect(await page((await lab.operator.outputs())["ipv4Address"])).toContain(stranger);
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
    await lab.operator.up();
    const status = await byScript("status");
    expect([status.code, status.stdout]).toEqual([
      1,
      expect.stringContaining("another version of this script"),
    ]);
    const { code, stdout } = await byScript("install");
    expect([code, stdout]).toEqual([0, expect.stringContaining("tcp 81: open")]);
    const { ipv4Address } = await lab.operator.outputs();
    expect([await page(ipv4Address, 81), await page(ipv4Address, 80)]).toEqual([
      expect.stringContaining(stranger),
      "",
    ]);
  });

  test("and one that is no Debian takes the plain configuration, with the relay as its client", async () => {
    await addMachine({ name: "attic" });
    const forward = { published: 8082, target: 8080, clientIp: "masquerade" };
    await configure(["81:8080"], [{ name: "attic", install: "manual", forwards: [forward] }]);
    await lab.operator.up();
    await shell("attic", "apt-get -qq update && apt-get -qq install -y wireguard-tools >/dev/null 2>&1");
    const install = "umask 077; cat >/etc/wireguard/wg0.conf; wg-quick up wg0";
    const { code, stderr } = await exec("attic", ["sh", "-c", install], {
      input: await handedOver("attic", "wireguard"),
    });
    expect([code, stderr]).toEqual([0, expect.anything()]);
    await shell("attic", "ping -c 1 -W 5 10.77.0.1");
    expect(await page((await lab.operator.outputs())["ipv4Address"], 8082)).toContain("You are 10.77.0.1");
  });

  test("has no trace of it after `remove`", async () => {
    const { code, stdout } = await byScript("remove");
    expect([code, stdout]).toEqual([0, expect.stringContaining("nothing of home-relay is left here")]);
    expect(await traces()).toBe(before);
    await lab.operator.destroy();
  });
});
