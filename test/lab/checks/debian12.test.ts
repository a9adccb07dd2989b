/** Debian 12, whose tools are older, at either end. */
import { describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { raiseLab } from "../fixture.ts";
import { home } from "../operator.ts";
import { clientOf, shell } from "../people.ts";
import { until } from "../world.ts";

const capped = { published: 82, target: 8080, from: ["203.0.113.0/24"], newPerSecond: 5 };

const lab = raiseLab({
  // No host name, but one that Pulumi takes.
  stack: "debian_12",
  homeSuite: "bookworm",
  images: ["debian-12"],
  machines: [{ name: "attic" }],
  settings: async () => ({
    relay: { image: "debian-12" },
    homes: [await home(["81:8080"]), await home(["80:8080", "64738:64738/tcp+udp", capped], "attic")],
  }),
  up: true,
});

test("a relay with Debian 12, whose nft and sshd are older, forwards over both families", async () => {
  expect(await clientOf(`http://${lab.published[4]}/`)).toBe(addresses.stranger);
  expect(await clientOf(`http://[${lab.published[6]}]/`)).toBe(addresses.stranger6);
  expect(await clientOf(`http://${lab.published[4]}:82/`)).toBe(addresses.stranger);
});

test("a home with Debian 12 is forwarded to as well", async () => {
  expect(await shell("home", "cat /etc/debian_version")).toMatch(/^12\./);
  expect(await clientOf(`http://${lab.published[4]}:81/`)).toBe(addresses.stranger);
  expect(await clientOf(`http://[${lab.published[6]}]:81/`)).toBe(addresses.stranger6);
});

test("a program on the relay reaches the home by the relay's public addresses, as the relay", async () => {
  for (const address of Object.values(lab.published)) {
    const ask = `exec 3<>/dev/tcp/${address}/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; timeout 5 cat <&3`;
    expect(await shell(lab.relay, `bash -c "${ask}"`)).toContain(`You are ${address}`);
  }
});

describe("a table that nobody can hold", () => {
  const ends = { home: () => "home" as const, relay: () => lab.relay };
  const look = (end: keyof typeof ends) => shell(ends[end](), "/usr/local/lib/homerelay/mend-host.sh look");

  test.each(["home", "relay"] as const)(
    "is back at the %s when somebody flushed it, and nothing else is missing",
    async (end) => {
      await until("all is as it should be", 60, async () => expect(await look(end)).toBe(""));
      await shell(ends[end](), "nft flush ruleset");
      await until("all is as it should be again", 60, async () => expect(await look(end)).toBe(""));
      expect(await clientOf(`http://${lab.published[4]}:81/`)).toBe(addresses.stranger);
      expect(
        await shell(ends[end](), "journalctl --quiet --boot --output=cat --unit=homerelay-mend.service"),
      ).toContain("table inet homerelay was missing, and is there again\n");
    },
  );
});
