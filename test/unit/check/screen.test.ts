import { describe, expect, test } from "@jest/globals";
import {
  exitCode,
  remarkOnRelapse,
  renderJson,
  renderMended,
  renderReport,
} from "../../../components/check/screen.ts";
import type { Answer } from "../../../components/check/forwardReport.ts";
import type { Report } from "../../../components/check/screen.ts";
import type { Difference } from "../../../components/network/difference.ts";

const forward = (published: number, home = "nas") => ({
  home,
  protocol: "tcp" as const,
  published,
  target: published + 8000,
  to: undefined,
  restricted: false,
});
const open = { verdict: "open", place: "", why: "", rule: "" };
const works = (published: number) => ({
  forward: forward(published),
  findings: [
    { ...open, family: 4 as const },
    { ...open, family: 6 as const, verdict: "not tried" },
  ],
  fromHere: new Map<4 | 6, Answer>([
    [4 as const, "open" as const],
    [6 as const, { notTried: "this machine has no IPv6" }],
  ]),
  failure: undefined,
});

const well: Report = {
  stack: "home-relay/dev",
  addresses: ["203.0.113.5", "2001:db8::1"],
  places: [
    { where: "relay", looked: "42 files, sshd" },
    { where: "nas", looked: "38 files" },
    { where: "Hetzner", looked: "server, firewall, 2 addresses" },
  ],
  differences: [],
  forwards: [works(80), works(443)],
  notes: ["Not tried as strangers over IPv6: this home has no IPv6 of its own"],
};

const setting: Difference = {
  where: "relay",
  kind: "setting",
  what: "net.ipv4.ip_forward",
  found: "0",
  wanted: "1",
  remark: "/etc/sysctl.d/99-theirs.conf says 0, and whoever loads it again sets that",
  repair: { by: "host" },
};
const server: Difference = {
  where: "Hetzner",
  kind: "server",
  what: "7",
  found: "missing",
  wanted: "there",
  repair: { by: "person", mend: "pulumi up --refresh" },
};
const stranger: Difference = {
  where: "nas",
  kind: "file",
  what: "/etc/homerelay/keys/x",
  found: "there",
  wanted: "nothing",
  repair: { by: "step", step: "home-nas-keys" },
};
const ill: Report = {
  ...well,
  places: [
    ...well.places,
    { where: "attic", looked: "", problem: "attic does not answer: tried ssh\nIs it off?" },
  ],
  differences: [setting, stranger, server],
  forwards: [
    works(80),
    { ...works(443), failure: { cause: "nothing listens", mend: "start the service on nas" } },
  ],
};

describe("the screen", () => {
  test("of a stack that is well fits on one, and says so last", () => {
    expect(renderReport(well)).toMatchSnapshot();
    expect(exitCode(well)).toBe(0);
  });

  test("has what is wrong last, each with its mend", () => {
    expect(renderReport(ill)).toMatchSnapshot();
    expect(exitCode(ill)).toBe(1);
  });

  test("of many forwards shows those that fail, and counts the others", () => {
    const many = { ...well, forwards: Array.from({ length: 40 }, (_, i) => works(1000 + i)) };
    expect(renderReport(many).split("\n").length).toBeLessThanOrEqual(24);
    expect(renderReport(many)).toContain("  40 more ports that work\n");
  });

  test("an end that could not be looked at is not well, nor a forward that fails alone", () => {
    expect(exitCode({ ...well, places: ill.places })).toBe(1);
    expect(exitCode({ ...well, forwards: ill.forwards })).toBe(1);
  });

  test("of what was mended says what was done, what failed, and what is left to whom", () => {
    expect(
      renderMended([
        { difference: setting, did: "the relay put it right" },
        { difference: stranger, did: "ran home-nas-keys again", problem: "nas does not answer\nIs it off?" },
        { difference: server, did: undefined },
      ]),
    ).toMatchSnapshot();
  });

  test("of what was put right and is different again says that somebody does that", () => {
    const relapsed = remarkOnRelapse(ill, [
      { difference: setting, did: "the relay put it right" },
      { difference: server, did: undefined },
    ]);
    expect(relapsed.differences.map(({ remark }) => remark)).toEqual([
      "it was put right just now, and something has changed it back: /etc/sysctl.d/99-theirs.conf says 0, and whoever loads it again sets that",
      undefined,
      undefined,
    ]);
  });

  test("for a program is JSON with a version", () => {
    const json = JSON.parse(renderJson(ill, undefined)) as Record<string, unknown>;
    expect(json).toMatchObject({ version: 1, ok: false, stack: "home-relay/dev" });
    expect((json["differences"] as unknown[])[2]).toEqual({
      where: "Hetzner",
      kind: "server",
      what: "7",
      found: "missing",
      wanted: "there",
      mend: "pulumi up --refresh",
    });
  });
});
