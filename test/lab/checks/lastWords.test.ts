import { stripVTControlCharacters } from "node:util";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { inCloud } from "../cloudByHand.ts";
import { power } from "../control.ts";
import { failingDestroy } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { homeAddressOutside } from "../network.ts";
import { home, zone } from "../operator.ts";
import { untilSshAnswers } from "../world.ts";

const dns = { zone, createZone: true, names: ["@", "www"] };

const lab = raiseLab({ stack: "words", machines: [{ name: "attic" }] });

async function configure(): Promise<void> {
  await lab.operator.configure({
    homes: [
      await home(["80:8080", "443:8081", "64738:64738/udp", "82:9998"]),
      await home(["81:8080"], "attic"),
    ],
    devices: ["phone"],
    dns,
  });
}

/** What the CLI printed between `Diagnostics:` and what comes after it. */
function lastWords(output: string): string {
  const [, words = ""] = /^Diagnostics:\n([^]*?)(?=^(?:Outputs|Resources):)/m.exec(output) ?? [];
  return words;
}

/** The milliseconds differ from run to run, as do the addresses of a relay. */
function settled(words: string): string {
  return words.replaceAll(/ \d+(?:\.\d)? ms/g, " N ms").replaceAll(/ {2,}(?=IPv)/g, "   ");
}

/** A run in a terminal of this many columns, as a person sees it. */
async function inTerminal(words: string): Promise<string> {
  const { stdout } = await lab.operator.command([
    ...["script", "--quiet", "--return", "--command"],
    `stty rows 50 cols 120; pulumi ${words} --stack words`,
    "/dev/null",
  ]);
  return stripVTControlCharacters(stdout.replaceAll("\r", ""));
}

describe("the card of an up", () => {
  let words: string;

  beforeAll(async () => {
    await configure();
    words = lastWords(await lab.operator.up());
  });

  test("has each forward, open or not, with what it saw and how long it took", async () => {
    const outside = await homeAddressOutside();
    expect(words.match(/services saw who called: .*/g)).toEqual([
      expect.stringContaining(`services saw who called: ${outside}`),
      expect.stringContaining(`services saw who called: ${outside}`),
    ]);
    const lines = settled(words);
    expect(lines).toContain(`http://${zone} `);
    expect(lines).toMatch(/https:\/\/example\.org +open +IPv4 N ms/);
    expect(lines).toMatch(/example\.org:64738\/udp +open +IPv4$/m);
    expect(lines).toMatch(/example\.org:82\/tcp +nothing listens on 9998 at nas$/m);
    expect(lines).toMatch(/attic, tried just now\n +example\.org:81\/tcp +open +IPv4 N ms/);
    expect(lines).toContain("4 of 5 forwards are open.");
    expect(lines).toContain(
      "phone: scan the code in WireGuard's app, if that is not done: npm run device -- phone",
    );
  });

  test("comes again with an up that changes nothing, once, and with no preview", async () => {
    const again = await lab.operator.up(["--expect-no-changes"]);
    expect(again.match(/forwards are open/g)).toHaveLength(2);
    expect(lastWords(again).replaceAll(/tried .*/g, "tried")).toBe(words.replaceAll(/tried .*/g, "tried"));
    const preview = await lab.operator.pulumi(["preview", "--non-interactive"]);
    expect(preview.stdout).not.toContain("forwards are open");
  });

  test("stands whole in a terminal too", async () => {
    const screen = await inTerminal("up --yes --skip-preview");
    expect(screen.slice(screen.lastIndexOf("Diagnostics:"))).toContain("Edit Pulumi.words.yaml");
    expect(screen.match(/Next: npm run status/g)).toHaveLength(1);
  });
});

describe("the receipt of a destroy", () => {
  test("with a home that is off says what is gone and billed no more, and what was not cleaned", async () => {
    const { ipv4Address } = await lab.operator.outputs();
    await power("attic", "power-off");
    const words = await failingDestroy(lab.operator);
    expect(Object.values(await inCloud()).flat()).toEqual([]);
    expect(words).toContain(
      `The server home-relay-words is gone from Hetzner. Next ${String(ipv4Address)} and `,
    );
    expect(words).toMatch(/has nothing of this stack any more: .* None of it is billed any more\./);
    expect(words).toContain(`The zone ${zone} went with all that was in it.`);
    expect(words).toContain("nas: nothing of home-relay is left here");
    expect(words).toContain(`attic (${addresses.attic} port 22) was not cleaned`);
  });

  test("is finished in a terminal when the home is back, where it stays on the screen", async () => {
    await power("attic", "power-on");
    await untilSshAnswers("attic");
    const screen = await inTerminal("destroy --yes --skip-preview");
    expect(screen.slice(screen.lastIndexOf("Diagnostics:"))).toContain(
      "attic: nothing of home-relay is left here",
    );
    expect(screen).toContain("pulumi stack rm words");
  });
});
