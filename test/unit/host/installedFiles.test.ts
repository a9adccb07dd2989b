import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { installedFiles, libraryFolder } from "../../../components/host/installedFiles.ts";
import type { Role } from "../../../components/host/installedFiles.ts";

const components = join(__dirname, "../../../components");
const read = (source: string) => readFileSync(join(components, source), "utf8");
const roles = Object.keys(installedFiles) as Role[];

/** Which host a component's steps run on. */
const hostOf: Readonly<Record<string, Role>> = {
  "firewall/Firewall.ts": "relay",
  "relay/Sshd.ts": "relay",
  "tunnel/Tunnel.ts": "relay",
  "dyndns/DynDns.ts": "relay",
  "home/Home.ts": "home",
  "home/ManualHome.ts": "home",
  "relay/ExistingRelay.ts": "relay",
  "reachability/Reachability.ts": "home",
};

describe.each(roles)("on a host of role %s", (role) => {
  const files = installedFiles[role];
  const installed = files.map(({ path }) => path);

  test("every file exists here and goes to a place of its own", () => {
    expect(files.filter(({ source }) => !existsSync(join(components, source)))).toEqual([]);
    expect(new Set(installed).size).toBe(installed.length);
  });

  test("scripts may be run, and nothing else may", () => {
    const wrong = files.filter(({ source, mode }) => mode !== (source.endsWith(".sh") ? "0755" : "0644"));
    expect(wrong).toEqual([]);
  });

  test("whatever a script or unit there calls or sources is there too", () => {
    const needed = files.flatMap(({ source }) => calls(read(source)));
    expect(needed.filter((path) => !installed.includes(path))).toEqual([]);
  });

  test("every script that a step runs is installed", () => {
    const needed = Object.entries(hostOf)
      .filter(([, host]) => host === role)
      .flatMap(([source]) => [...scriptsRunBy(source), ...calls(read(source))]);
    expect(needed.length).toBeGreaterThan(0);
    expect(needed.filter((path) => !installed.includes(path))).toEqual([]);
  });
});

test("every component with steps is known to this test", () => {
  const withSteps = globSync("*/[A-Z]*.ts", { cwd: components }).filter(
    (source) => scriptsRunBy(source).length > 0,
  );
  expect(withSteps.sort()).toEqual(Object.keys(hostOf).sort());
});

test("no script of a host lies about uninstalled", () => {
  const known = new Set(Object.values(installedFiles).flatMap((files) => files.map(({ source }) => source)));
  const operators =
    [
      "host/FormerMachine.ts",
      "host/Host.ts",
      "host/Uninstall.ts",
      "home/ManualHome.ts",
      "hetzner/HetznerRelay.ts",
      "host/SshDoor.ts",
      "../index.ts",
      "../package.json",
    ]
      .map(read)
      .join("") + operatorScripts();
  const unused = globSync("*/*.{sh,service,timer,conf,nft}", { cwd: components }).filter(
    (source) => !known.has(source) && !operators.includes(basename(source)),
  );
  expect(unused).toEqual([]);
});

/** Paths below the library folder that a text names. */
function calls(text: string): string[] {
  return [...text.matchAll(new RegExp(`${libraryFolder}/[a-z-]+\\.(?:sh|nft)`, "g"))].map(([path]) => path);
}

function scriptsRunBy(source: string): string[] {
  const runs = [...read(source).matchAll(/\brun: ["`]([a-z-]+\.sh)\b/g)];
  return runs.map((match) => `${libraryFolder}/${match[1] ?? ""}`);
}

/** What runs on the operator's machine, which has this checkout. */
function operatorScripts(): string {
  const scripts = [
    ...["clean-former.sh", "connect-host.sh", "open-jump.sh", "reach-host.sh", "run-step.sh"],
    "uninstall-host.sh",
  ];
  return [...scripts.map((name) => `host/${name}`), "host/move-ssh-door.sh"].map(read).join("");
}
