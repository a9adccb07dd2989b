import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderQrCode } from "../../../components/device/qrCode.ts";

const project = join(__dirname, "../../..");
const { scripts } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const phone = "[Interface]\nPrivateKey = phone\n";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-device-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs what `npm run device` runs, with a `pulumi` that notes its arguments and prints these outputs. */
function show(args: readonly string[], outputs: object, exitCode = 0) {
  const pulumi = `#!/bin/sh\necho "$@" >${folder}/arguments\ncat ${folder}/outputs\nexit ${exitCode}\n`;
  writeFileSync(join(folder, "outputs"), JSON.stringify(outputs));
  writeFileSync(join(folder, "pulumi"), pulumi, { mode: 0o755 });
  const [, script = ""] = (scripts["device"] ?? "").split(" ");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: project,
    encoding: "utf8",
    env: { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` },
  });
  return { status, stdout, stderr };
}

const asked = () => readFileSync(join(folder, "arguments"), "utf8").trim();

test("shows a device's configuration, its QR code, and how to get it into a file", () => {
  const tunnelAddresses = {
    nas: { ipv4: "10.77.3.4" },
    media: { ipv4: "10.77.5.6" },
    phone: { ipv4: "10.77.7.8" },
  };
  const { status, stdout } = show(["phone"], { devices: { phone }, tunnelAddresses });
  expect(status).toBe(0);
  expect(stdout.startsWith(`${phone}\n${renderQrCode(phone) ?? "no code"}`)).toBe(true);
  expect(stdout).toContain("npm run --silent device -- phone --config >phone.conf\n");
  expect(stdout).toContain("\nIn the tunnel: nas 10.77.3.4, media 10.77.5.6\n");
});

test("with --config prints the configuration alone, byte by byte", () => {
  expect(show(["phone", "--config"], { devices: { phone } })).toEqual({
    status: 0,
    stdout: phone,
    stderr: "",
  });
});

test("passes further arguments on to pulumi", () => {
  show(["phone", "--stack", "dev", "--config"], { devices: { phone } });
  expect(asked()).toBe("stack output --show-secrets --json --stack dev");
});

test("says so when the configuration is too long for a code", () => {
  const long = `${phone}# ${"x".repeat(3000)}\n`;
  expect(show(["phone"], { devices: { phone: long } }).stdout).toContain("It is too long for a QR code");
});

describe("names the devices that there are", () => {
  test("to whom asks for another one", () => {
    expect(show(["fone"], { devices: { phone, laptop: phone } })).toEqual({
      status: 1,
      stdout: "",
      stderr:
        'The stack has no device "fone". A new one is there after: pulumi up\nThe stack\'s devices: phone, laptop\n',
    });
  });

  test.each([[[]], [["--stack", "dev"]]])("to whom names none: %j", (args) => {
    const { status, stderr } = show(args, { devices: { phone } });
    expect([status, stderr]).toEqual([
      1,
      "Which device? npm run device -- NAME\nThe stack's devices: phone\n",
    ]);
  });

  test("and none that every object has", () => {
    expect(show(["toString"], { devices: { phone } }).stderr).toContain('no device "toString"');
  });
});

test.each([[{}], [{ devices: {} }]])("says how to make one where the outputs are %j", (outputs) => {
  const { status, stderr } = show(["phone"], outputs);
  expect([status, stderr]).toEqual([
    1,
    "The stack has no devices yet. Name them in its settings, for example devices: [laptop, phone], then: pulumi up\n",
  ]);
});

test("ends as pulumi does when that one fails, which has said why", () => {
  expect(show(["phone"], {}, 3)).toMatchObject({ status: 3, stdout: "" });
});
