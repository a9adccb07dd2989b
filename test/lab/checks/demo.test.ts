/** The demo, as README has somebody type it who has no account anywhere; and what it proposes to try next. */
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { repository } from "../clone.ts";
import { must } from "../shell.ts";
import { down, status } from "../world.ts";

const minute = 60_000;
jest.setTimeout(10 * minute);

const type = (line: string) =>
  must(["sh", "-c", line], { cwd: repository, timeoutMs: 10 * minute }).then((said) =>
    said.replaceAll(/^> .*\n/gm, ""),
  );

let said: string;

beforeAll(async () => {
  await down();
  said = await type("npm run demo");
}, 15 * minute);

afterAll(down);

test("ends with a page that a stranger fetched by name, and leaves the lab up", async () => {
  expect(said).toContain(`<p>You are ${addresses.stranger}</p>`);
  expect(said).toContain("<p>You asked for www.example.org</p>");
  expect((await status()).healthy).toBe(true);
});

test("what it proposes works", async () => {
  const proposed = [...said.matchAll(/^ {2}(npm run \S+ -- .*?) {2,}/gm)].map(([, line = ""]) => line);
  expect(proposed).toContain("npm run lab -- pulumi preview");
  expect(proposed).toContain("npm run demo -- down");
  // A shell at home would wait for somebody, and the last ones end what there is to look at.
  const looks = proposed.filter((line) => !/sh home$|power-cut|destroy|down$/.test(line));
  expect(looks).toHaveLength(3);
  const shown: string[] = [];
  for (const line of looks) shown.push(await type(line));
  const stranger = new RegExp(`<p>You are (${addresses.stranger}|${addresses.stranger6})</p>`);
  expect(shown.join("\n")).toMatch(stranger);
  expect(shown.join("\n")).toMatch(/Resources:\n +\d+ unchanged\n/);
});

test("is ended by its own word", async () => {
  await type("npm run demo -- down");
  expect((await status()).remains).toBe(false);
});
