import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { asPerson } from "../network.ts";
import { home, Operator } from "../operator.ts";
import { Progress } from "../progress.ts";
import { provideRoot } from "../root.ts";
import { must } from "../shell.ts";
import { down, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(3 * minute);

let operator: Operator;

beforeAll(async () => {
  const progress = new Progress(process.stderr);
  await down();
  await progress.phase("A Debian 12 system for the relay", (detail) => provideRoot("bookworm", detail));
  await up(progress);
  operator = await Operator.withStack("debian12", () => undefined);
}, 30 * minute);

afterAll(down, minute);

test("a relay with Debian 12, whose nft and sshd are older, forwards over both families", async () => {
  const capped = { published: 82, target: 8080, from: ["203.0.113.0/24"], newPerSecond: 5 };
  await operator.configure({
    relay: { image: "debian-12" },
    homes: [await home(["80:8080", "64738:64738/tcp+udp", capped])],
  });
  await operator.up();
  const { ipv4Address, ipv6Address } = await operator.outputs();
  for (const [url, seen] of [
    [`http://${String(ipv4Address)}/`, addresses.stranger],
    [`http://[${String(ipv6Address)}]/`, addresses.stranger6],
    [`http://${String(ipv4Address)}:82/`, addresses.stranger],
  ] as const)
    expect(
      await must(asPerson("stranger", ["curl", "--silent", "--globoff", "--max-time", "4", url])),
    ).toContain(`You are ${seen}`);
});
