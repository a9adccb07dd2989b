/** A home that nobody reaches over SSH, since it runs the program itself. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { raiseLab } from "../fixture.ts";
import { OwnerAtHome } from "../ownerAtHome.ts";
import { clientOf, shell } from "../people.ts";
import { tracesOn } from "../traces.ts";

raiseLab({ homeIpv6: "off" });

describe("a home that runs the program itself, with IPv6 switched off", () => {
  let owner: OwnerAtHome;
  let before: string;

  beforeAll(async () => {
    owner = await OwnerAtHome.settleIn();
    await owner.configure({ homes: [{ name: "nas", install: "local", forwards: ["80:8080"] }] });
    // No way in from outside is needed, not even from here.
    await shell("home", "systemctl stop ssh");
    before = await tracesOn("home");
  });

  afterAll(() => shell("home", "systemctl start ssh"));

  test("is refused while another stack has it, with what frees it", async () => {
    const file = "/etc/homerelay/owner";
    await shell("home", `mkdir ${file.slice(0, -6)}; printf 'id 0\\nstack other/dev\\nhost nas\\n' >${file}`);
    await expect(owner.pulumi(["up", "--yes", "--skip-preview", "--non-interactive"])).rejects.toThrow(
      /nas, this machine, cannot be set up as it is\.[^]*belongs to another stack: other\/dev \(0\)[^]*\n *rm \/etc\/homerelay\/owner\n/,
    );
    await shell("home", `rm -r ${file.slice(0, -6)}`);
  });

  test("gets the stranger's packets after up", async () => {
    await owner.pulumi(["up", "--yes", "--skip-preview", "--non-interactive"]);
    const { ipv4Address, ipv6Address, reachability } = JSON.parse(
      await owner.pulumi(["stack", "output", "--json"]),
    ) as Record<string, unknown>;
    expect(await clientOf(`http://${String(ipv4Address)}/`)).toBe(addresses.stranger);
    // The tunnel has IPv6 all the same.
    expect(await clientOf(`http://[${String(ipv6Address)}]/`)).toBe(addresses.stranger6);
    expect(reachability).toEqual({
      nas: { "80/tcp": { ipv4: "open", ipv6: "not tried: this home has no IPv6 of its own" } },
    });
    expect(await owner.pulumi(["up", "--yes", "--expect-no-changes", "--non-interactive"])).toMatch(
      /unchanged/,
    );
  });

  test("has no trace of it after destroy", async () => {
    await owner.pulumi(["destroy", "--yes", "--skip-preview", "--non-interactive"]);
    expect(withoutState(await tracesOn("home"))).toBe(withoutState(before));
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
