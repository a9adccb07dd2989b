import { describe, expect, test } from "@jest/globals";
import { renderGuard } from "../../../components/home/guard.ts";
import { guestsOf } from "../../../components/home/guests.ts";
import type { Guest } from "../../../components/home/guests.ts";
import { renderSysctls } from "../../../components/home/routes.ts";
import { devices, laptop, lan, mediaPeer, nasPeer, phone, tablet } from "../generators/devices.ts";
import { elements } from "../generators/elements.ts";
import { nas, nasForwards, optionedForwards, relay } from "../generators/examples.ts";

const guard = (guests: readonly Guest[]) => renderGuard({ home: nas, relay, forwards: nasForwards, guests });

test("renders the guard of a home with guests", () => {
  expect(guard(guestsOf("nas", devices))).toMatchSnapshot();
});

test("without guests the guard is the one of a home that knows no devices", () => {
  for (const forwards of [nasForwards, optionedForwards])
    expect(renderGuard({ home: nas, relay, forwards, guests: [] })).toBe(
      renderGuard({ home: nas, relay, forwards }),
    );
  expect(guestsOf("media", devices)).toEqual([]);
  expect(guestsOf("nas", [phone])).toEqual([]);
});

test("each set names the devices that were allowed exactly that, at this home", () => {
  const both = { ...phone, allow: [lan("192.168.1.50", nasPeer), lan("10.9.0.0/16", mediaPeer)] };
  const text = guard(guestsOf("nas", [both, laptop, tablet]));
  expect(elements(text, "guests4")).toEqual(["10.77.9.10", "10.77.7.8", "10.77.11.12"]);
  expect(elements(text, "home_guests4")).toEqual(["10.77.9.10"]);
  expect(elements(text, "home_guests6")).toEqual(["fd77::90a"]);
  expect(elements(text, "lan_guests")).toEqual([
    "10.77.9.10 . 192.168.1.0/24",
    "10.77.7.8 . 192.168.1.50/32",
  ]);
  expect(elements(text, "exit_guests4")).toEqual(["10.77.11.12"]);
  expect(elements(text, "exit_guests6")).toEqual(["fd77::b0c"]);
});

test("the guard is the same whatever the order of the devices", () => {
  expect(guard(guestsOf("nas", [...devices].reverse()))).toBe(guard(guestsOf("nas", devices)));
});

describe("kernel settings", () => {
  const settings = (guests: readonly Guest[]) => renderSysctls([], guests).trimEnd().split("\n").slice(1);

  test("pass packets on for the LAN over IPv4, and for the internet over both families", () => {
    expect(settings(guestsOf("nas", [laptop]))).toEqual(["net.ipv4.ip_forward=1"]);
    expect(settings(guestsOf("nas", [tablet]))).toEqual([
      "net.ipv4.ip_forward=1",
      "net.ipv6.conf.all.forwarding=1",
    ]);
  });

  test("pass nothing on for a device that only calls the home itself", () => {
    expect(settings(guestsOf("nas", [{ ...phone, allow: [{ to: "home", peer: nasPeer }] }]))).toEqual([]);
  });
});
