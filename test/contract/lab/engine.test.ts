import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { prepareEngine } from "../../lab/engine.ts";

const before = { ...process.env };
let folder: string;
let cache: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "home-relay-engine-"));
  cache = await mkdtemp(join(tmpdir(), "home-relay-cache-"));
  process.env["HOMERELAY_ENGINE"] = folder;
  process.env["XDG_CACHE_HOME"] = cache;
  for (const name of ["hcloud", "random", "command"]) await program(`pulumi-resource-${name}`, name);
  for (const name of ["pulumi", "pulumi-language-nodejs"]) await program(name, "v3.300.0");
});

afterEach(async () => {
  process.env = { ...before };
  for (const made of [folder, cache]) await rm(made, { recursive: true });
});

/** A program that says one thing. */
async function program(name: string, says: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\necho ${says}\n`, { mode: 0o755 });
}

const prepare = () => prepareEngine(() => undefined);

test("a folder's engine lies in the cache as every other does, where the machines of a lab see it", async () => {
  const { origin, bin, pulumiHome, versions } = await prepare();
  expect([origin, versions]).toEqual(["folder", { pulumi: "3.300.0" }]);
  expect(dirname(bin)).toBe(dirname(pulumiHome));
  expect(dirname(dirname(bin))).toBe(join(cache, "home-relay", "engine"));
  const { version } = JSON.parse(await readFile("node_modules/@pulumi/random/package.json", "utf8")) as {
    version: string;
  };
  const plugin = join(pulumiHome, "plugins", `resource-random-v${version}`, "pulumi-resource-random");
  expect(await readFile(plugin, "utf8")).toBe("#!/bin/sh\necho random\n");
});

test("labs that ask for a folder's engine side by side get the same, which stays as it is", async () => {
  const engines = await Promise.all([prepare(), prepare(), prepare()]);
  const mark = join(engines[0].pulumiHome, "mark");
  await writeFile(mark, "used");
  expect(await prepare()).toEqual(engines[0]);
  expect(engines).toEqual(engines.map(() => engines[0]));
  expect(await readFile(mark, "utf8")).toBe("used");
});

test("a program that has changed in the folder is the one that is used", async () => {
  await prepare();
  await program("pulumi", "v3.301.0-and-more");
  expect((await prepare()).versions).toEqual({ pulumi: "3.301.0-and-more" });
});

test("a folder that lacks programs is refused, with their names", async () => {
  await rm(join(folder, "pulumi"));
  await rm(join(folder, "pulumi-resource-random"));
  await expect(prepare()).rejects.toThrow(
    `HOMERELAY_ENGINE=${folder} has no executable pulumi, pulumi-resource-random`,
  );
});
