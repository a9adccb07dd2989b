import { describe, expect, test } from "@jest/globals";
import { acceptHostKeys, renderReached } from "../../../components/host/reachDocument.ts";
import type { ReachDocument } from "../../../components/host/reachDocument.ts";

const [born, one, two, three] = ["born", "one", "two", "three"].map((name) => `ssh-ed25519 AAAA${name}`) as [
  string,
  string,
  string,
  string,
];

/** The host keys that are accepted of server 301, after what was said of it before. */
function accepted(noted: readonly string[], said: string | undefined): readonly string[] {
  const document: ReachDocument = {
    title: "the relay",
    access: {
      way: "ssh",
      host: "203.0.113.5",
      port: 22,
      user: "root",
      hostKeys: noted,
      identityFile: undefined,
      jump: undefined,
    },
    stackId: "0123456789abcdef",
    stack: "home-relay/test",
    waitSeconds: 1,
    limitSeconds: undefined,
    hostKeyMend: "",
    silenceMend: undefined,
    passwordKey: undefined,
    needs: { packages: [], listenPort: undefined, plainWireguard: undefined },
    made: { machine: "301", firstHostKey: born, again: [] },
  };
  const { access } = acceptHostKeys(document, said);
  if (access.way === "here") throw new Error("not this machine");
  return access.hostKeys;
}

const reached = (hostKey: string, machine = "301") =>
  `the relay is reached\r\n${renderReached({ machine, firstHostKey: born, again: [] }, hostKey).replace("\n", "\r\n")}\r\n`;

describe("a server that this stack made may show", () => {
  test("the host key of its first boot only until it was reached", () => {
    expect(accepted([one], undefined)).toEqual([born, one]);
    expect(accepted([one], reached(one))).toEqual([one]);
    expect(accepted([one], reached(one, "300"))).toEqual([born, one]);
  });

  test("the one that it had when it was last reached, or any that was to take its place since", () => {
    expect(accepted([`${two} 1`, one], reached(one))).toEqual([`${two} 1`, one]);
    expect(accepted([`${two} 1`, one], reached(`${two} 1`))).toEqual([`${two} 1`]);
    expect(accepted([`${three} 2`, `${two} 1`, one], reached(`${two} 1`))).toEqual([
      `${three} 2`,
      `${two} 1`,
    ]);
  });

  test("one that was to take its place before the number was set back", () => {
    const noted = [`${one} 2`, `${two} 1`, one];
    expect(accepted(noted, reached(one))).toEqual(noted);
    expect(accepted(noted, reached(`${one} 2`))).toEqual([`${one} 2`]);
  });

  test("each that is noted where an older version did not say which it had", () => {
    expect(accepted([`${two} 1`, one], "the relay is reached\nreached: 301\n")).toEqual([`${two} 1`, one]);
  });

  test("none of those that other servers had long ago", () => {
    expect(accepted([`${two} 1`, one], reached(`${two} 1`, "300"))).toEqual([born, `${two} 1`]);
  });
});
