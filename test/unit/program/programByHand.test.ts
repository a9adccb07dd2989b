/** The whole program for homes that nobody reaches over SSH, and one that is reached with a password. */
import { beforeAll, expect, test } from "@jest/globals";
import { named, plainTexts, register, tree } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
let registered: readonly Registered[];

beforeAll(async () => {
  registered = await register(
    () => import("../../../index.ts"),
    {
      "hcloud:token": "a1B2".repeat(16),
      "home-relay:homes": JSON.stringify([
        { name: "here", install: "local", forwards: ["80:8080"] },
        { name: "garage", install: "manual", forwards: ["81:8080"] },
        {
          name: "nas",
          ssh: { host: "192.168.1.10", hostKey, user: "ops", password: "correct horse" },
          forwards: ["82:8080"],
        },
      ]),
    },
    ["home-relay:homes"],
  );
});

test("a home that its owner sets up is no step and no undo, but a peer and a forward like any other", () => {
  expect(tree(registered).filter((line) => line.includes("garage"))).toEqual([
    "random:index/randomPassword:RandomPassword home-keys-peer-garage < homerelay:keys:Keys home-keys",
    "homerelay:home:ManualHome home-garage < homerelay:index:HomeRelay home",
  ]);
  expect(named(registered, "home-relay-tunnel-interface").inputs["stdin"]).toContain("# garage\n");
  expect(named(registered, "home-relay-firewall-rules").inputs["stdin"]).toMatch(
    /tcp \. 81 : 10\.77\.\d+\.\d+ \. 8080/,
  );
});

test("the machine that runs the program gets the steps of any home, and is never another one", () => {
  const steps = (home: string) =>
    tree(registered)
      .filter((line) => new RegExp(`Command home-${home}-`).test(line))
      .map((line) => line.replace(/remote|local/, "…").replaceAll(home, "…"));
  const former = "command:…:Command home-…-former-machine < homerelay:home:Home home-…";
  expect(steps("nas")).toContain(former);
  expect(steps("here")).toEqual(steps("nas").filter((step) => step !== former));
  expect(steps("here")).toHaveLength(8);
});

test("a password stands nowhere in clear", () => {
  const clear = registered.flatMap(({ inputs }) => plainTexts(inputs)).join("\n");
  expect(JSON.stringify(registered.map(({ inputs }) => inputs))).toContain("correct horse");
  expect(clear).not.toContain("correct horse");
});
