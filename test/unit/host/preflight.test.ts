import { describe, expect, test } from "@jest/globals";
import { Fields } from "../../../components/network/programDocument.ts";
import {
  askingCommand,
  asRootIfAllowed,
  listPackages,
  parseAnswers,
  parseHostNeeds,
} from "../../../components/host/preflight.ts";
import type { HostNeeds } from "../../../components/host/preflight.ts";

const needs: HostNeeds = {
  packages: listPackages([
    { command: "wg-quick", name: "wireguard-tools" },
    { command: "nft", name: "nftables" },
  ]),
  listenPort: 51820,
  plainWireguard: "nas",
};
const nothing: HostNeeds = { packages: [], listenPort: undefined, plainWireguard: undefined };

describe("a host is asked", () => {
  test("for what it needs, in words that no shell reads otherwise", () => {
    const command = askingCommand(needs, { mark: "mark", now: 1_700_000_000, isFirstBoot: true });
    expect(command).toBe(
      "sh -s -- mark now=1700000000 firstBoot=yes port=51820 plain=nas package=wg-quick:wireguard-tools package=nft:nftables",
    );
    expect(askingCommand(nothing, { mark: "-" })).toBe("sh -s -- -");
  });

  test("as root where it is root, or may become it, and else as who it is", () => {
    expect(asRootIfAllowed("root", "sh -s")).toBe("sh -s");
    expect(asRootIfAllowed("ops", "sh -s")).toBe(
      "sh -c 'if sudo -n env true </dev/null >/dev/null 2>&1; then exec sudo -n env sh -s; else exec sh -s; fi'",
    );
  });

  test("by what its document says", () => {
    for (const one of [needs, nothing])
      expect(parseHostNeeds(Fields.parse(JSON.stringify(one), "here"))).toEqual(one);
  });
});

describe("its answers", () => {
  test("are the marked lines, whatever else a login shell prints, and wherever", () => {
    const said = `Welcome to nas! problem
\u001b[2J mark problem not at the beginning of a line
mark fact owner id 0123
mark fact weather fine
mark note its clock is late.
mark problem No apt.
mark more   apt-get
You have new mail.
mark problem No sudo.
marked problem of somebody else
mark end
mark problem too late`;
    expect(parseAnswers(said, "mark")).toEqual({
      problems: ["No apt.\n  apt-get", "No sudo."],
      notes: ["its clock is late."],
      owner: ["id 0123"],
    });
  });

  test("are told whatever line ends of other systems are in them", () => {
    const said = "mark problem No\u2028sudo:\r bad\nmark end";
    expect(parseAnswers(said, "mark")?.problems).toEqual(["No\u2028sudo:\r bad"]);
  });

  test("are none where the end is missing: something else ran there, or not all was asked", () => {
    for (const said of ["", "Welcome!\n", "mark problem No apt.", "mark end of the world", "mark  end"])
      expect(parseAnswers(said, "mark")).toBeUndefined();
  });
});
