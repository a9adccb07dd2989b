import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { controlCloud, power } from "../control.ts";
import { exec } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, Operator } from "../operator.ts";
import { Progress } from "../progress.ts";
import { must, run } from "../shell.ts";
import { cloudToken, down, ssh, until, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(3 * minute);

let operator: Operator;
let traces: string;
let address: string;

beforeAll(async () => {
  await down();
  await up(new Progress(process.stderr));
  traces = await tracesAtHome();
  operator = await Operator.withStack("gone", () => undefined);
  await operator.configure({ homes: [await home(["80:8080"])] });
  await operator.up();
  address = String((await operator.outputs())["ipv4Address"]);
}, 30 * minute);

afterAll(down, minute);

async function tracesAtHome(): Promise<string> {
  const script = await readFile(join(import.meta.dirname, "../traces.sh"), "utf8");
  const { code, stdout, stderr } = await exec("home", ["bash", "-s"], { input: script });
  if (code !== 0) throw new Error(`traces.sh: ${stderr}`);
  return stdout;
}

async function page(): Promise<string> {
  const url = `http://${address}/`;
  return (await run(asPerson("stranger", ["curl", "--silent", "--max-time", "3", url]))).stdout;
}

/** All that the cloud holds, as lists by kind. */
async function inCloud(): Promise<Record<string, { id: number }[]>> {
  return (await controlCloud({ get: "everything" })) as Record<string, { id: number }[]>;
}

test("a server that somebody deleted by hand comes back by `up --refresh`, at the same address", async () => {
  expect(await page()).toContain(`You are ${addresses.stranger}`);
  const server = (await inCloud())["servers"]?.[0]?.id ?? 0;
  const call = ["curl", "--silent", "--fail", "--request", "DELETE"];
  const token = ["--header", `Authorization: Bearer ${await cloudToken()}`];
  await must(asPerson("operator", [...call, ...token, `http://${addresses.cloudApi}/v1/servers/${server}`]));
  expect(await page()).toBe("");

  await operator.up(["--refresh"]);

  expect((await operator.outputs())["ipv4Address"]).toBe(address);
  expect(await page()).toContain(`You are ${addresses.stranger}`);
});

test("with the home off, destroy takes away all that is billed and says last how to finish", async () => {
  await power("home", "power-off");
  const { code, stdout } = await operator.pulumi([
    ...["destroy", "--yes", "--skip-preview", "--non-interactive", "--color", "never"],
  ]);
  expect(code).not.toBe(0);
  expect(Object.values(await inCloud()).flat()).toEqual([]);
  const diagnostics = stdout.slice(stdout.indexOf("Diagnostics:"));
  expect(diagnostics).toContain(`nas (${addresses.home} port 22) was not cleaned`);
  expect(diagnostics).toContain("pulumi destroy");
  const urn = /pulumi state delete '([^']+)'/.exec(diagnostics)?.[1] ?? "no command to give the home up";
  expect((await operator.pulumi(["stack", "--show-urns"])).stdout).toContain(urn);
});

test("a second destroy, when the home is back, leaves no trace of the first up", async () => {
  await power("home", "power-on");
  await until("the home's SSH answers", 30, () => must(ssh("operator", addresses.home, ["true"])));
  await operator.destroy();
  expect(await tracesAtHome()).toBe(traces);
});
