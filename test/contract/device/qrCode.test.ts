import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { renderDeviceConfig } from "../../../components/device/deviceConfig.ts";
import { renderQrCode } from "../../../components/device/qrCode.ts";
import type { Device } from "../../../components/network/device.ts";
import { devices, laptop, lan, nasPeer, phone, tablet } from "../../unit/generators/devices.ts";
import { tunnelPlan } from "../../unit/generators/examples.ts";
import { runTool } from "../tool.ts";

/** As long as the real ones. */
const key = Buffer.alloc(32, 119).toString("base64");

function configOf(device: Device): string {
  return renderDeviceConfig({
    device: { ...device, dns: ["9.9.9.9"] },
    devices,
    tunnel: tunnelPlan,
    relay: { publicKey: key, ipv4Address: "203.0.113.5", ipv6Address: "2001:db8:77::1" },
    keys: { privateKey: key, publicKey: key, presharedKey: key },
  });
}

/** What another program than the one that wrote the code reads out of it. */
function read(code: string): string {
  return runTool("nodejs", process.execPath, [join(__dirname, "readQrCode.ts")], { input: modulesOf(code) });
}

/** What a terminal shows, a row of 0 and 1 for each row of modules; every line has to be black on white. */
function modulesOf(code: string): string {
  const [begin, end] = ["\u001b[38;5;16;48;5;231m", "\u001b[0m"];
  return code
    .trimEnd()
    .split("\n")
    .flatMap((line) => {
      if (!line.startsWith(begin) || !line.endsWith(end)) throw new Error(`not black on white: ${line}`);
      const characters = Array.from(line.slice(begin.length, -end.length));
      return ["▀█", "▄█"].map((dark) => characters.map((one) => (dark.includes(one) ? 1 : 0)).join(""));
    })
    .join("\n");
}

describe("a phone reads from the terminal", () => {
  const many = Array.from({ length: 60 }, (_, i) => lan(`192.168.${i * 2}.0/24`, nasPeer));
  test.each([
    ["the configuration of a device that reaches nothing", phone],
    ["the configuration of a laptop", laptop],
    ["the configuration of a device that goes out at home", tablet],
    ["a long configuration", { ...laptop, allow: many }],
  ])("%s", (_, device) => {
    const config = configOf(device);
    expect(read(renderQrCode(config) ?? "")).toBe(config);
  });

  test("what is not only ASCII", () => {
    expect(read(renderQrCode("# Grüße, 家\n") ?? "")).toBe("# Grüße, 家\n");
  });
});

test("a usual configuration fits a terminal of 80 columns", () => {
  for (const device of [phone, laptop, tablet])
    expect(modulesOf(renderQrCode(configOf(device)) ?? "").indexOf("\n")).toBeLessThanOrEqual(80);
});

test("a text that is too long for any code has none", () => {
  expect(renderQrCode("x".repeat(2953))).toBeDefined();
  expect(renderQrCode("x".repeat(2954))).toBeUndefined();
  expect(renderQrCode("é".repeat(1477))).toBeUndefined();
});
