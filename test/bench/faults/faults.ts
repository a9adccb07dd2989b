/** The faults that the lab can make, one entry each. */
import { setTimeout as sleep } from "node:timers/promises";
import { endDocument, renderDocument } from "../../../components/network/document.ts";
import { namespaces } from "../../lab/addresses.ts";
import { power } from "../../lab/control.ts";
import type { PowerAction } from "../../lab/control.ts";
import { exec, inNetworkOf } from "../../lab/machines.ts";
import { carrierTimeouts, forgetFlows, loadRules, renumber, setUdpTimeouts } from "../../lab/network.ts";
import { knock, mustPerform, shell, startInNetworkOf } from "../../lab/people.ts";
import { inNamespace, must, run } from "../../lab/shell.ts";
import { until } from "../../lab/world.ts";
import { now } from "./clock.ts";
import type { Fault, Make, Outcome } from "./fault.ts";
import { renderInitiation } from "./initiation.ts";
import {
  answers,
  configure,
  containerUnit,
  echoPort,
  makeContainer,
  makeTutorialKeys,
  nextKeyGeneration,
  writeTutorial,
} from "./sides.ts";
import type { Ours, Side, Theirs } from "./sides.ts";

/** So long nobody has called when a fault comes: then no packet of a flow shows the relay where the home is. */
const quietSeconds = 13;

const at =
  (end: "relay" | "home", command: (side: Side) => string): Make<Side> =>
  async (side) => {
    await shell(side[end], command(side));
    return undefined;
  };

const powerAt =
  (ends: readonly ("relay" | "home")[], action: PowerAction): Make<Side> =>
  async (side) => {
    await Promise.all(ends.map((end) => power(side[end], action)));
    return undefined;
  };

const both = (make: Make<Side>): { readonly ours: Make<Ours>; readonly tutorial: Make<Theirs> } => ({
  ours: make,
  tutorial: make,
});
const nothing: Make<Side> = () => Promise.resolve(undefined);

const containerPort = 9090;

const has = (machine: (side: Ours) => string, command: string) => async (side: Ours) =>
  (await exec(machine(side), ["sh", "-c", command])).code === 0;

const noUp = "the tutorial has no `up` that could refuse it";

export const faults: readonly Fault[] = [
  {
    name: "renumbering",
    title: "carrier renumbers, with a gap of 1 s",
    rounds: 3,
    carrier: async () => {
      await renumber(1);
    },
    ...both(nothing),
    quietSeconds,
    watchSeconds: 10,
    bars: [{ outageSeconds: 6 }],
  },
  {
    name: "mapping",
    title: "carrier loses its mappings",
    rounds: 3,
    carrier: () => forgetFlows("cgnat"),
    ...both(nothing),
    quietSeconds,
    bars: [{ outageSeconds: 6 }],
  },
  {
    name: "short-mapping",
    title: "carrier forgets after 10 s, first call after 22 s",
    rounds: 1,
    carrier: () => setUdpTimeouts({ unansweredSeconds: 10, answeredSeconds: 10 }),
    ...both(nothing),
    quietSeconds: 22,
    beforeQuiet: true,
    undo: () => setUdpTimeouts(carrierTimeouts),
    bars: [{ outageSeconds: 6 }],
  },
  {
    name: "relay-reboot",
    title: "relay reboots",
    rounds: 3,
    ...both(powerAt(["relay"], "reboot")),
    quietSeconds,
    boots: ["relay"],
    bars: [{ beyondUpSeconds: 5 }],
  },
  {
    name: "relay-power-cut",
    title: "relay loses power",
    rounds: 3,
    ...both(powerAt(["relay"], "power-cut")),
    quietSeconds,
    boots: ["relay"],
    bars: [{ beyondUpSeconds: 5 }],
  },
  {
    name: "home-reboot",
    title: "home reboots",
    rounds: 3,
    ...both(powerAt(["home"], "reboot")),
    boots: ["home"],
    guarded: true,
    bars: [{ beyondUpSeconds: 5 }, { pastGuard: 0 }],
  },
  {
    name: "home-power-cut",
    title: "home loses power",
    rounds: 3,
    ...both(powerAt(["home"], "power-cut")),
    boots: ["home"],
    guarded: true,
    bars: [{ beyondUpSeconds: 5 }, { pastGuard: 0 }],
  },
  {
    name: "both-power-cut",
    title: "both ends lose power at once",
    rounds: 3,
    ...both(powerAt(["relay", "home"], "power-cut")),
    quietSeconds,
    boots: ["relay", "home"],
    bars: [{ beyondUpSeconds: 5 }],
  },
  {
    name: "clock",
    title: "home reboots, its clock an hour back",
    rounds: 1,
    ...both(async (side) => {
      await comeFromTheFuture(side);
      await power(side.home, "reboot");
      return undefined;
    }),
    boots: ["home"],
    leavesTraces: true,
    bars: [{ outageSeconds: 60 }],
  },
  {
    name: "flush-relay",
    title: "ruleset flushed at the relay",
    rounds: 1,
    ...both(at("relay", () => "nft flush ruleset 2>/dev/null || { iptables -t nat -F; iptables -F; }")),
    guarded: true,
    isMended: has(({ relay }) => relay, "nft list table inet homerelay"),
    bars: [{ outageSeconds: 60 }, { pastGuard: 0 }],
  },
  {
    name: "flush-home",
    title: "ruleset flushed at home",
    rounds: 1,
    ours: at("home", () => "nft flush ruleset"),
    tutorial: "it has no rule at home, and so no guard: whatever the relay sends passes at any time",
    guarded: true,
    isMended: has(({ home }) => home, "nft list table inet homerelay"),
    bars: [{ outageSeconds: 60 }, { mendedSeconds: 60 }, { pastGuard: 0 }],
  },
  {
    name: "rules-home",
    title: "rules and routes into the tunnel deleted at home",
    rounds: 1,
    ours: at(
      "home",
      () =>
        `for family in 4 6; do
           while ip -$family rule delete lookup 18546 2>/dev/null; do :; done
           ip -$family route flush table 18546 2>/dev/null
         done; :`,
    ),
    tutorial: at("home", ({ tunnel }) => `ip route flush dev ${tunnel}`),
    guarded: true,
    bars: [{ outageSeconds: 60 }, { pastGuard: 0 }],
  },
  {
    name: "interface-relay",
    title: "interface deleted at the relay",
    rounds: 1,
    ...both(at("relay", ({ tunnel }) => `ip link delete ${tunnel}`)),
    bars: [{ outageSeconds: 60 }],
  },
  {
    name: "interface-home",
    title: "interface deleted at home",
    rounds: 1,
    ...both(at("home", ({ tunnel }) => `ip link delete ${tunnel}`)),
    guarded: true,
    bars: [{ outageSeconds: 60 }, { pastGuard: 0 }],
  },
  {
    name: "process-home",
    title: "the tunnel's process killed at home",
    rounds: 1,
    ours: at("home", ({ tunnel }) => `pkill -KILL -f '[w]ireguard-go ${tunnel}'`),
    tutorial: "its interface goes with the process: as where that is deleted",
    guarded: true,
    bars: [{ outageSeconds: 60 }, { pastGuard: 0 }],
  },
  {
    name: "networkd",
    title: "systemd-networkd restarted at both ends",
    rounds: 1,
    ...both(async (side) => {
      await Promise.all([side.relay, side.home].map((it) => shell(it, "systemctl restart systemd-networkd")));
      return undefined;
    }),
    watchSeconds: 20,
    bars: [{ lost: "nothing" }],
  },
  {
    name: "container",
    title: "a container restarted, with a new address",
    rounds: 1,
    port: containerPort,
    prepare: async (side) => {
      await makeContainer(side, containerPort);
      if (side.name === "home-relay") {
        await configure(side.operator, [`${containerPort}:${containerPort}/tcp+udp`]);
        await side.operator.up();
      } else {
        await shell("vps", "wg-quick down wg0 2>/dev/null");
        await writeTutorial(side.keys, [echoPort, containerPort]);
        await shell("vps", "wg-quick up wg0 2>/dev/null");
        await shell("attic", "systemctl restart wg-quick@wg0");
      }
      await until("the container answers", 60, async () => {
        if (!(await answers(side, containerPort))) throw new Error("it does not");
      });
    },
    ...both(async ({ home }) => {
      await mustPerform(home, "move-container.sh", [containerUnit, String(containerPort)]);
      return undefined;
    }),
    undoOurs: ({ operator }) => configure(operator),
    undoTutorial: ({ keys }) => writeTutorial(keys),
    bars: [{ outageSeconds: 5 }],
  },
  {
    name: "conntrack",
    title: "connection tracker full at the relay for 10 s",
    rounds: 1,
    ...both(async ({ relay }) => {
      const filler = await startInNetworkOf(relay, "fill.py", []);
      await filler.begun;
      const beganAt = now();
      await sleep(10_000);
      await filler.end();
      return { beganAt };
    }),
    bars: [{ flows: "live" }, { outageSeconds: 30 }],
  },
  {
    name: "forward",
    title: "a forward added and taken away",
    rounds: 1,
    ours: async ({ operator }) => {
      for (const more of [["9000:9999"], []]) {
        await configure(operator, more);
        await operator.up();
      }
      return undefined;
    },
    tutorial: async ({ keys }) => {
      for (const ports of [[echoPort, 9000], [echoPort]]) {
        await shell("vps", "wg-quick down wg0 2>/dev/null");
        await writeTutorial(keys, ports);
        await shell("vps", "wg-quick up wg0 2>/dev/null");
        await sleep(5000);
      }
      return undefined;
    },
    bars: [{ lost: "nothing" }],
  },
  {
    name: "rotation",
    title: "key rotation",
    rounds: 1,
    ours: async ({ operator }) => {
      nextKeyGeneration();
      await configure(operator);
      await operator.up();
      return undefined;
    },
    tutorial: async (side) => {
      await writeTutorial(await makeTutorialKeys());
      for (const machine of [side.relay, side.home]) await shell(machine, "systemctl restart wg-quick@wg0");
      return undefined;
    },
    watchSeconds: 20,
    bars: [{ lost: "nothing" }],
  },
  {
    name: "preshared",
    title: "wrong preshared key at home",
    rounds: 1,
    ours: async ({ operator }) => {
      const wrong = (await must(["wg", "genpsk"])).trim();
      await shell("home", `echo '${wrong}' >/etc/homerelay/keys/preshared-relay`);
      return failed(await operator.attempt("up", ["--replace", "**nas-tunnel"]));
    },
    tutorial: async ({ keys }) => {
      await writeTutorial({ ...keys, preshared: (await must(["wg", "genpsk"])).trim() });
      // As if only the home's file had been changed: the relay reads its own at its next start.
      await shell("attic", "systemctl restart wg-quick@wg0");
      return undefined;
    },
    // An old session lives for up to 120 s.
    watchSeconds: 130,
    undoOurs: async ({ operator }) => operator.up(["--replace", "**:Command::**-keys"]),
    leavesTraces: true,
    undoTutorial: ({ keys }) => writeTutorial(keys),
    bars: [{ up: "fails" }, { lost: "nothing" }],
  },
  {
    name: "bad-ruleset",
    title: "rules that do not load",
    rounds: 1,
    ours: async ({ relay }) => {
      const live = await shell(relay, "cat /etc/homerelay/firewall.nft");
      const broken = `${live}table inet homerelay { chain broken { tcp dport } }\n`;
      const input = endDocument(renderDocument([{ name: "ruleset", text: broken }]));
      return failed(await exec(relay, ["/usr/local/lib/homerelay/apply-firewall.sh", "public"], { input }));
    },
    tutorial: async () => {
      await shell(
        "vps",
        "sed -i '0,/--dport/s//--dprt/' /etc/wireguard/wg0.conf; systemctl restart wg-quick@wg0 || :",
      );
      return undefined;
    },
    leavesTraces: true,
    undoTutorial: ({ keys }) => writeTutorial(keys),
    bars: [{ up: "fails" }, { lost: "nothing" }],
  },
  {
    name: "lock-out",
    title: "rules that lock the operator out",
    rounds: 1,
    ours: async ({ operator }) => {
      await configure(operator, [], { relay: { adminCidrs: ["192.0.2.99/32"] } });
      return failed(await operator.attempt("up"));
    },
    tutorial: "it filters nothing",
    undoOurs: async ({ operator, published }) => {
      await until("SSH answers the operator", 120, async () => {
        const [banner] = await knock(
          "operator",
          [{ protocol: "tcp", address: published[0] ?? "", port: 22 }],
          2,
        );
        if (banner?.startsWith("SSH-2.0") !== true) throw new Error("closed");
      });
      await configure(operator);
      await operator.up();
    },
    bars: [{ up: "fails" }, { lost: "nothing" }],
  },
  {
    name: "ssh-cut",
    title: "SSH cut in the middle of a change",
    rounds: 1,
    ours: async ({ operator, relay, published }) => {
      await configure(operator, ["9000:9999"]);
      const [, attempt] = await Promise.all([cutSsh(relay, published[0] ?? ""), operator.attempt("up")]);
      await run(inNamespace(namespaces.operator, ["nft", "delete", "table", "inet", "cut"]));
      await operator.up();
      return { note: `${attempt.code === 0 ? "up came through" : "up failed"}, the next one converged` };
    },
    tutorial: noUp,
    undoOurs: ({ operator }) => configure(operator),
    bars: [{ lost: "nothing" }],
  },
  {
    name: "disk",
    title: "disk full at the relay during a change",
    rounds: 1,
    ours: async ({ operator, relay }) => {
      await configure(operator, ["9001:9999"]);
      await shell(
        relay,
        `mkdir /run/whole && cp -a /etc/homerelay/. /run/whole && mount -t tmpfs -o size=64k,mode=755 full /etc/homerelay &&
         cp -a /run/whole/. /etc/homerelay && { cat /dev/zero >/etc/homerelay/zeros 2>/dev/null || :; }`,
      );
      const attempt = failed(await operator.attempt("up"));
      await shell(relay, "umount /etc/homerelay; rm -r /run/whole");
      await operator.up();
      return { ...attempt, note: "the next up converged" };
    },
    tutorial: noUp,
    undoOurs: ({ operator }) => configure(operator),
    bars: [{ up: "fails" }, { lost: "nothing" }],
  },
];

const failed = ({ code }: { readonly code: number }): Outcome => ({ upFailed: code !== 0 });

/** Ends the operator's connections to the relay while a step is at work there, and lets in no new one. */
async function cutSsh(relay: string, address: string): Promise<void> {
  await exec(relay, ["bash", "-c", "until pgrep -f '[a]pply-firewall.sh' >/dev/null; do sleep 0.02; done"], {
    timeoutMs: 60_000,
  });
  await loadRules(
    namespaces.operator,
    `table inet cut {
  chain output {
    type filter hook output priority filter
    ip daddr ${address} tcp dport 22 reject with tcp reset
  }
}
`,
  );
}

/**
 * No machine of the lab can have a clock of its own. But what a clock that went back breaks is that the relay takes no
 * initiation which is older than the last one it took: so it is shown one from an hour ahead first.
 */
async function comeFromTheFuture(side: Side): Promise<void> {
  const asked = async (what: string) => (await shell(side.home, `wg show ${side.tunnel} ${what}`)).trim();
  const { message, macKey } = renderInitiation(
    {
      privateKey: await asked("private-key"),
      publicKey: await asked("public-key"),
      responderKey: await asked("peers"),
    },
    Date.now() / 1000 + 3600,
  );
  const words = [side.published[0] ?? "", "51820", macKey.toString("hex"), message.toString("hex")];
  await must(
    await inNetworkOf(side.home, [
      "python3",
      `${import.meta.dirname}/../../lab/people/initiate.py`,
      ...words,
    ]),
  );
}
