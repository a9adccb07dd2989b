import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { callCloud, cloudRequests, forgetCloudRequests, inCloud } from "../cloudByHand.ts";
import { controlCloud } from "../control.ts";
import { expectNoChangeAndNoRequest, failingUp, secondUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { home, zone } from "../operator.ts";
import type { StackConfig } from "../operator.ts";
import { pageOf, shell } from "../people.ts";
import type { Result } from "../shell.ts";
import { cloudToken } from "../world.ts";

const newServer = "**home-relay-server";
const wrongToken = "b".repeat(64);

let settings: StackConfig;

const lab = raiseLab({
  stack: "order",
  before: async () => {
    settings = { homes: [await home(["80:8080"])], dns: { zone, names: ["@"] } };
    await controlCloud({ seedZone: { name: zone } });
    await callCloud("POST", `/zones/${zone}/rrsets`, {
      name: "www",
      type: "CNAME",
      records: [{ value: "elsewhere.example." }],
    });
  },
});

const configure = (more: Partial<StackConfig> = {}) => lab.operator.configure({ ...settings, ...more });

const useToken = (input: string) =>
  lab.operator.pulumi(["config", "set", "--secret", "hcloud:token"], { input });

/** `pulumi up`, which has to fail; what it said in the end. What the cloud was asked is what this one asked. */
async function failedUp(...args: readonly string[]): Promise<string> {
  await forgetCloudRequests();
  return failingUp(lab.operator, args);
}

async function expectOnlyQuestions(): Promise<void> {
  const asked = await cloudRequests();
  expect(asked.length).toBeGreaterThan(0);
  // The one that is no question is refused: whether the token may do more than read is in how.
  const made = asked.filter(({ method, status }) => method !== "GET" && status < 400);
  expect(made).toEqual([]);
}

async function page(): Promise<string> {
  return pageOf(`http://${zone}/`, 4);
}

describe("before anything is made", () => {
  test("all that cannot be had is told at once, with what can, and nothing was asked for in a preview", async () => {
    await configure({ relay: { location: "nbg9", serverType: "cx32" }, dns: { zone: "exampel.org" } });
    await useToken(wrongToken);
    await forgetCloudRequests();
    expect(await lab.operator.pulumi(["preview", "--non-interactive"])).toMatchObject({ code: 0 });
    expect(await cloudRequests()).toEqual([]);

    await useToken(await cloudToken());
    const said = await failedUp();
    for (const found of [
      "home-relay:relay.location: Hetzner has no location nbg9",
      "did you mean nbg1?",
      "home-relay:relay.serverType: Hetzner has no server type cx32",
      "did you mean cx33?",
      "home-relay:dns.zone: the zone exampel.org is not in the Hetzner project of this token",
      "did you mean example.org?",
    ])
      expect(said).toContain(found);
    expect(said).not.toContain(await cloudToken());
    expect(said).not.toMatch(/\.ts:\d+/);
    await expectOnlyQuestions();
  });

  test("names that others have are told, and a zone that is there already", async () => {
    await configure({ dns: { zone, names: ["@", "www"] } });
    expect(await failedUp()).toContain(
      "home-relay:dns.names: www.example.org has a record CNAME elsewhere.example. already, and this stack did not make it",
    );
    await expectOnlyQuestions();
    await configure({ dns: { zone, createZone: true } });
    expect(await failedUp()).toContain("write createZone: false to use it as it is");
    await expectOnlyQuestions();
  });

  test("a token that Hetzner does not know is told as such", async () => {
    await configure();
    await useToken(wrongToken);
    const said = await failedUp();
    expect(said).toContain("hcloud:token: Hetzner does not know it (the token you have provided is invalid)");
    expect(said).not.toContain(wrongToken);
    await expectOnlyQuestions();
  });

  test("an API that cannot be reached is told as such", async () => {
    await configure();
    await lab.operator.pulumi(["config", "set", "hcloud:endpoint", `http://${addresses.cloudApi}:81/v1`]);
    expect(await failedUp()).toContain(
      `Hetzner's API at http://${addresses.cloudApi}:81/v1 cannot be reached: `,
    );
  });

  test("nothing was made in all of this", async () => {
    const { zones, rrsets, ...others } = await inCloud();
    expect([zones?.length, rrsets?.length, Object.values(others).flat()]).toEqual([1, 1, []]);
  });
});

describe("a server that Hetzner could not start", () => {
  test("fails up; the next one does not take it for good, and says how to get another", async () => {
    await configure();
    await controlCloud({
      failNext: { command: "create_server", code: "server_error", message: "host has no capacity" },
    });
    expect(await failedUp()).toContain("host has no capacity");
    const said = await failedUp();
    expect(said).toContain("the relay does not answer");
    expect(said).toContain(`pulumi up --replace '${newServer}'`);
  });

  test("is replaced at the same address by that command", async () => {
    const before = (await inCloud())["servers"]?.map(({ id }) => id);
    await lab.operator.up(["--replace", newServer]);
    const after = (await inCloud())["servers"]?.map(({ id }) => id);
    expect([before?.length, after?.length]).toEqual([1, 1]);
    expect(after).not.toEqual(before);
    expect(await page()).toContain(`You are ${addresses.stranger}`);
  });
});

describe("on a stack that runs", () => {
  let server: number | string | undefined;

  beforeAll(async () => {
    server = (await inCloud())["servers"]?.[0]?.id;
    await expectNoChangeAndNoRequest(lab.operator);
  });

  async function expectUntouched(): Promise<void> {
    await expectOnlyQuestions();
    expect((await inCloud())["servers"]?.map(({ id }) => id)).toEqual([server]);
    expect(await page()).toContain(`You are ${addresses.stranger}`);
  }

  test("a type that Hetzner has not costs nothing", async () => {
    await configure({ relay: { serverType: "cx32", image: "debian-12" } });
    expect(await failedUp()).toContain("Hetzner has no server type cx32");
    await expectUntouched();
    await configure();
    await expectNoChangeAndNoRequest(lab.operator);
  });

  test("what was to change at home with it stays as it is there, also where all else is to go on", async () => {
    const open = () => shell("home", "nft list set inet homerelay open");
    const before = await open();
    await configure({ relay: { serverType: "cx32" }, homes: [await home(["80:8080", "81:8081"])] });
    for (const options of [[], ["--continue-on-error"]]) {
      expect(await failedUp(...options)).toContain("Hetzner has no server type cx32");
      expect(await open()).toBe(before);
    }
    await configure();
    // The forwards that the components were given are in the state, and are what the preview shows; no step is.
    const said = await lab.operator.up();
    expect(said).not.toMatch(/command:|hcloud:/);
    await expectNoChangeAndNoRequest(lab.operator);
  });

  test("a type that is sold out costs nothing", async () => {
    await controlCloud({ stockOut: ["cx23"] });
    await configure({ relay: { image: "debian-12" } });
    const said = await failedUp();
    expect(said).toContain(
      "cx23 is sold out at nbg1 just now, and the server that you have would be lost for it",
    );
    expect(said).toContain("at nbg1 there are: cpx22, cx33");
    await expectUntouched();
    await configure();
    await expectNoChangeAndNoRequest(lab.operator);
    await controlCloud({ stockOut: [] });
  });

  test("a type that does not fit the server costs nothing", async () => {
    await configure({ relay: { serverType: "cax11" } });
    expect(await failedUp()).toContain("cax11 is arm and the server that you have is x86");
    await expectUntouched();
  });

  test("a name that somebody else has costs nothing, and one that is free joins those of the stack", async () => {
    const records = async () => (await inCloud())["rrsets"]?.map(({ id }) => id).sort();
    await configure({ dns: { zone, names: ["@", "www"] } });
    expect(await failedUp()).toContain("www.example.org has a record CNAME");
    await expectUntouched();
    expect(await records()).toEqual(["@/A", "@/AAAA", "www/CNAME"]);
    await callCloud("DELETE", `/zones/${zone}/rrsets/www/CNAME`);
    await lab.operator.up();
    expect(await records()).toEqual(["@/A", "@/AAAA", "www/A", "www/AAAA"]);
    settings = { ...settings, dns: { zone, names: ["@", "www"] } };
  });

  test("another token alone asks for nothing, and is the one that the next order is asked with", async () => {
    await useToken(wrongToken);
    const { code, stdout } = await lab.operator.pulumi([
      "preview",
      "--diff",
      "--non-interactive",
      "--color",
      "never",
    ]);
    expect([code, /order-check/.test(stdout)]).toEqual([0, false]);
    await configure({ relay: { serverType: "cx33" } });
    await useToken(wrongToken);
    expect(await failedUp()).toContain("hcloud:token: Hetzner does not know it");
    await configure();
    await expectNoChangeAndNoRequest(lab.operator);
  });

  test("an API that is busy is asked again", async () => {
    await configure({ relay: { serverType: "cx33" } });
    await controlCloud({ rateLimit: 3 });
    await lab.operator.up();
    expect(await page()).toContain(`You are ${addresses.stranger}`);
    settings = { ...settings, relay: { serverType: "cx33" } };
  });
});

describe("two operators", () => {
  const held = "another home-relay step is running on this host; waiting for its end";
  let first: Promise<Result>;

  // Somebody else's step, with a state of its own, is at work at home.
  beforeAll(async () => {
    await shell(
      "home",
      "systemd-run --quiet --collect --unit=others-step flock /run/homerelay.lock sleep 120",
    );
    await configure({ homes: [await home(["80:8080", "81:8080"])] });
    const waits = new Promise<void>((resolve) => {
      const onLine = (line: string) => {
        if (line.includes(held)) resolve();
      };
      first = lab.operator.attempt("up", [], { onLine });
    });
    const ended = first.then(({ stdout }) => Promise.reject(new Error(stdout)));
    await Promise.race([waits, ended]);
  });

  test("with one stack: the second is told that the first is at work", async () => {
    expect(await secondUp(lab.operator)).toContain("the stack is currently locked by 1 lock(s)");
  });

  test("with two stacks: a step waits for the other's, and says so", async () => {
    await shell("home", "systemctl stop others-step");
    expect(await first).toMatchObject({ code: 0 });
    const url = `http://${zone}:81/`;
    expect(await shell("stranger", `curl --silent --max-time 3 ${url}`)).toContain("You are");
  });
});

test("destroy leaves the zone as it was found", async () => {
  await lab.operator.destroy();
  const { zones, ...others } = await inCloud();
  expect([zones?.map(({ name }) => name), Object.values(others).flat()]).toEqual([[zone], []]);
});
