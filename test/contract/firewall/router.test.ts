import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { firewall, nas, toHome } from "../../unit/generators/examples.ts";
import { asRoot, runTool } from "../tool.ts";
import { at, inRelayWorld } from "./relayWorld.ts";

/**
 * Beside the machine: a guest and a storage, each in a network of the machine's own, and a container on a bridge.
 */
const networks = `
  neighbour() { # NAME NUMBER
    ip netns add $1
    ip -n relay link add port$2 type veth peer name port netns $1
    ip -n relay link set port$2 up; ip -n $1 link set port up; ip -n $1 link set lo up
  }
  join() { # NAME NUMBER INTERFACE
    ip -n $1 link set eth0 up; ip -n relay link set $3 up
    ip -n relay address add 192.0.2.$(($2 * 16 + 1))/28 dev $3; ip -n relay address add 2001:db8:$2::1/64 dev $3 nodad
    ip -n $1 address add 192.0.2.$(($2 * 16 + 2))/28 dev eth0; ip -n $1 address add 2001:db8:$2::2/64 dev eth0 nodad
    ip -n $1 route add default via 192.0.2.$(($2 * 16 + 1)); ip -n $1 route add default via 2001:db8:$2::1
  }
  for name in guest:5 storage:6; do
    neighbour \${name%:*} \${name#*:}
    ip -n \${name%:*} link set port name eth0
    join \${name%:*} \${name#*:} port\${name#*:}
  done
  neighbour container 7
  ip -n relay link add docker0 type bridge; ip -n relay link set port7 master docker0
  ip -n container link set port name eth0
  join container 7 docker0
  serve storage 4000 storage; serve container 4000 container`;
const reaches = (name: string, number: number) =>
  `ask guest 5000 192.0.2.${number * 16 + 2} 4000; ask guest 5000 2001:db8:${number}::2 4000; echo ${name}`;
const answers = (name: string) => `${name} sees 192.0.2.82 5000\n${name} sees 2001:db8:5::2 5000\n${name}\n`;
const silence = (name: string) => `no answer\nno answer\n${name}\n`;

/**
 * The ruleset, with what the machine's own file says in place of what lies at this machine. Here a pair of virtual
 * interfaces stands for a card.
 */
function rules(passing: string): string {
  const ruleset = renderRelayRuleset({
    ...firewall,
    shared: true,
    forwards: toHome(nas, [parseForward("6000:6001/udp")]),
  });
  const included = ruleset.replace(/^include .*\n/m, passing).replaceAll('"veth", ', "");
  expect(included).not.toBe(ruleset);
  return included;
}

describe("a machine that was there before", () => {
  const both = `${reaches("storage", 6)}; ${reaches("container", 7)}; ask outside 4000 ${at.relay.ipv4} 6000`;
  const stranger = `nas sees ${at.stranger.ipv4} 4000\n`;

  test("is no router between its networks by our forwarding; containers and forwards answer", () => {
    const said = inRelayWorld({ rules: rules("") }, networks, `load rules; serve nas 6001 nas; ${both}`);
    expect(said).toBe(silence("storage") + answers("container") + stranger);
  });

  test("that was a router before us still is, for each family by itself", () => {
    const passing = (families: string) => rules(`add element inet homerelay passes_others { ${families} }\n`);
    const said = inRelayWorld(
      { all: passing("ipv4, ipv6"), some: passing("ipv4") },
      networks,
      `load all; serve nas 6001 nas; ${both}; load some; ${reaches("storage", 6)}`,
    );
    expect(said).toBe(
      answers("storage") +
        answers("container") +
        stranger +
        answers("storage").replace(/^.*2001.*$/m, "no answer"),
    );
  });
});

describe("what a machine passed on before us", () => {
  /** What the script writes on a machine with these notes, where forwarding is `now`. */
  function written(notes: string | undefined, now: 0 | 1): string {
    const folder = mkdtempSync(join(tmpdir(), "home-relay-passing-"));
    try {
      if (notes !== undefined) writeFileSync(join(folder, "before"), notes);
      const lines = `
        set -euo pipefail
        . ${join(__dirname, "../../../components/host/messages.sh")}
        . ${join(__dirname, "../../../components/host/files.sh")}
        passing_note=${folder}/passes-others.nft sysctl_note=${folder}/before
        . ${join(__dirname, "../../../components/host/note-passing.sh")}
        for key in ipv4/ip_forward ipv6/conf/all/forwarding; do echo ${now} >/proc/sys/net/$key; done
        note_passing
        grep -v '^#' ${folder}/passes-others.nft || :`;
      return runTool("util-linux", "unshare", [...asRoot, "--net", "bash", "-c", lines]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const add = (families: string) => `add element inet homerelay passes_others { ${families} }\n`;

  test("is what was noted, whatever is so now", () => {
    const notes =
      "# What this host had before home-relay.\nnet.ipv4.ip_forward=0\nnet.ipv6.conf.all.forwarding=1\n";
    expect([written(notes, 0), written(notes, 1)]).toEqual([add("ipv6"), add("ipv6")]);
    expect(written(notes.replaceAll("=1", "=0"), 1)).toBe("");
  });

  test("is what is so now, when nothing is noted", () => {
    expect([written(undefined, 0), written(undefined, 1)]).toEqual(["", add("ipv4, ipv6")]);
    expect(written("# What this host had before home-relay.\nnet.ipv4.ip_forward=0\n", 1)).toBe(add("ipv6"));
  });
});
