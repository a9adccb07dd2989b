import { describe, expect, test } from "@jest/globals";
import { renderGuard } from "../../../components/home/guard.ts";
import { admittedDevices } from "../../../components/home/deviceRules.ts";
import type { AdmittedDevice } from "../../../components/home/deviceRules.ts";
import { renderSysctls } from "../../../components/home/sysctls.ts";
import { devices, laptop, lan, mediaPeer, nasPeer, phone, tablet } from "../generators/devices.ts";
import { elements } from "../generators/elements.ts";
import { nas, nasForwards, optionedForwards, relay } from "../generators/examples.ts";

const guard = (devices: readonly AdmittedDevice[]) =>
  renderGuard({ home: nas, relay, forwards: nasForwards, devices });

test("renders the guard of a home with devices", () => {
  expect(guard(admittedDevices("nas", devices))).toMatchSnapshot();
});

test("without devices the guard is the one of a home that knows no devices", () => {
  for (const forwards of [nasForwards, optionedForwards])
    expect(renderGuard({ home: nas, relay, forwards, devices: [] })).toBe(
      renderGuard({ home: nas, relay, forwards }),
    );
  expect(admittedDevices("media", devices)).toEqual([]);
  expect(admittedDevices("nas", [phone])).toEqual([]);
});

test("each set names the devices that were allowed exactly that, at this home", () => {
  const both = { ...phone, allow: [lan("192.168.1.50", nasPeer), lan("10.9.0.0/16", mediaPeer)] };
  const text = guard(admittedDevices("nas", [both, laptop, tablet]));
  expect(elements(text, "devices4")).toEqual(["10.77.9.10", "10.77.7.8", "10.77.11.12"]);
  expect(elements(text, "devices_to_home4")).toEqual(["10.77.9.10"]);
  expect(elements(text, "devices_to_home6")).toEqual(["fd77::90a"]);
  expect(elements(text, "devices_to_lan")).toEqual([
    "10.77.9.10 . 192.168.1.0/24",
    "10.77.7.8 . 192.168.1.50/32",
  ]);
  expect(elements(text, "devices_to_internet4")).toEqual(["10.77.11.12"]);
  expect(elements(text, "devices_to_internet6")).toEqual(["fd77::b0c"]);
});

test("what no device was allowed leaves no trace", () => {
  const toHome = { ...phone, allow: [{ to: "home", peer: nasPeer }] } as const;
  const text = guard(admittedDevices("nas", [toHome]));
  expect(text).toContain("ip saddr @devices_to_home4");
  expect(text).not.toMatch(/to_internet|to_lan|masquerade/);
});

test("the guard is the same whatever the order of the devices", () => {
  expect(guard(admittedDevices("nas", [...devices].reverse()))).toBe(guard(admittedDevices("nas", devices)));
});

describe("kernel settings", () => {
  const settings = (devices: readonly AdmittedDevice[]) =>
    renderSysctls([], devices).trimEnd().split("\n").slice(1);

  test("pass packets on for the LAN over IPv4, and for the internet over both families", () => {
    expect(settings(admittedDevices("nas", [laptop]))).toEqual(["net.ipv4.ip_forward=1"]);
    expect(settings(admittedDevices("nas", [tablet]))).toEqual([
      "net.ipv4.ip_forward=1",
      "net.ipv6.conf.all.forwarding=1",
    ]);
  });

  test("pass nothing on for a device that only calls the home itself", () => {
    expect(settings(admittedDevices("nas", [{ ...phone, allow: [{ to: "home", peer: nasPeer }] }]))).toEqual(
      [],
    );
  });
});
