import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderHomes } from "../../../components/tunnel/peers.ts";
import { runTool } from "../tool.ts";

const components = join(__dirname, "../../../components");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-endpoints-"));
  mkdirSync(join(folder, "bin"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const keys = { nas: "bmFz+/bmFz=", media: "bWVkaWE=", phone: "cGhvbmU=", gone: "Z29uZQ==" };

/** Runs the script beside a `wg` that knows these endpoints; what it was told to set. */
function remember(verb: "save" | "restore", endpoints: Readonly<Record<string, string>>): string {
  const lines = Object.entries(endpoints).map(([key, endpoint]) => `${key}\t${endpoint}\n`);
  writeFileSync(join(folder, "endpoints"), lines.join(""));
  writeFileSync(
    join(folder, "bin/wg"),
    `#!/bin/sh\nif [ "$1" = show ]; then cat ${folder}/endpoints; else echo "$@" >>${folder}/log; fi\n`,
    { mode: 0o755 },
  );
  const script = readFileSync(join(components, "tunnel/remember-endpoints.sh"), "utf8")
    .replace("memory=/var/lib/homerelay/", `memory=${folder}/state/`)
    .replace("homes=/etc/homerelay/", `homes=${folder}/`)
    .replaceAll("/usr/local/lib/homerelay/", `${components}/host/`);
  writeFileSync(join(folder, "run.sh"), script);
  rmSync(join(folder, "log"), { force: true });
  runTool("bash", "bash", ["-c", `PATH="${folder}/bin:$PATH" exec bash ${folder}/run.sh ${verb}`]);
  return existsSync(join(folder, "log")) ? readFileSync(join(folder, "log"), "utf8") : "";
}

const homes = [keys.nas, keys.media].map((publicKey) => ({ publicKey, isReached: true }));

const memory = () => readFileSync(join(folder, "state/endpoints"), "utf8");

describe("with two homes and a phone", () => {
  beforeEach(() => writeFileSync(join(folder, "homes"), renderHomes(homes, 20)));

  test("what is remembered is where the homes are, and not the phone", () => {
    remember("save", {
      [keys.nas]: "203.0.113.5:4000",
      [keys.media]: "(none)",
      [keys.phone]: "203.0.113.9:5000",
    });
    expect(memory()).toBe(`${keys.nas}\t203.0.113.5:4000\n`);
  });

  test("silence after a boot is no reason to forget", () => {
    remember("save", { [keys.nas]: "203.0.113.5:4000" });
    remember("save", { [keys.nas]: "(none)", [keys.media]: "(none)" });
    expect(memory()).toBe(`${keys.nas}\t203.0.113.5:4000\n`);
  });

  test("what was remembered is set again where nothing newer is known, and who is there is called", () => {
    remember("save", { [keys.nas]: "203.0.113.5:4000", [keys.media]: "[2001:db8::5]:4001" });
    expect(
      remember("restore", { [keys.nas]: "(none)", [keys.media]: "203.0.113.6:4002", [keys.phone]: "(none)" }),
    ).toBe(
      [
        `set homerelay peer ${keys.media} persistent-keepalive 20\n`,
        `set homerelay peer ${keys.nas} endpoint 203.0.113.5:4000 persistent-keepalive 20\n`,
      ].join(""),
    );
  });

  test("a peer that is gone is not made again, and a home that became a device is left asleep", () => {
    mkdirSync(join(folder, "state"));
    writeFileSync(
      join(folder, "state/endpoints"),
      `${keys.gone}\t203.0.113.7:1\n${keys.phone}\t203.0.113.8:1\n${keys.nas}\t203.0.113.5:1\n`,
    );
    expect(remember("restore", { [keys.nas]: "203.0.113.5:1", [keys.phone]: "(none)" })).toBe(
      `set homerelay peer ${keys.nas} persistent-keepalive 20\n`,
    );
  });
});

test("before anything says which peers are homes, nothing is remembered nor set", () => {
  expect(remember("save", { [keys.nas]: "203.0.113.5:4000" })).toBe("");
  expect(existsSync(join(folder, "state"))).toBe(false);
  expect(remember("restore", { [keys.nas]: "(none)" })).toBe("");
});
