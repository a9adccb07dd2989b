import { beforeAll, describe, expect, test } from "@jest/globals";
import { expectEchoToAnswer, expectNoChange, expectUnharmed, failingUp } from "../expectations.ts";
import { inCloud } from "../cloudByHand.ts";
import { raiseLab } from "../fixture.ts";
import { exec } from "../machines.ts";
import type { RelayMachine } from "../machines.ts";
import { home, zone } from "../operator.ts";
import { keepBusy, shell } from "../people.ts";
import { provideProgram, recordedPrograms } from "../recordedPrograms.ts";
import { tracesOn } from "../traces.ts";

const echo = 64738;
const script = "home/look-after-old-things.sh";
const unit = "homerelay-old-things";

let traces: string;

const lab = raiseLab({
  stack: "upgrade",
  before: async () => {
    traces = await tracesOn("home");
  },
  settings: async () => ({
    homes: [await home(["80:8080", `${echo}:64738/tcp+udp`])],
    dns: { zone, createZone: true, names: ["@"] },
  }),
});

/** Steps of a preview that do anything, each as `op type name`. */
async function planned(): Promise<string[]> {
  const { code, stdout, stderr } = await lab.operator.pulumi(["preview", "--json", "--non-interactive"]);
  if (code !== 0) throw new Error(`pulumi preview: ${stdout}${stderr}`);
  const { steps } = JSON.parse(stdout) as { steps: { op: string; urn: string }[] };
  return steps
    .filter(({ op }) => op !== "same")
    .map(({ op, urn }) => {
      const [, , types = "", name = ""] = urn.split("::");
      return `${op} ${types.split("$").at(-1) ?? ""} ${name}`;
    });
}

/** What costs a server, an address, a key or a name when it goes. */
const mustStay = /^(?:delete|replace|create-replacement|delete-replaced) (?:hcloud|random):/;

const places =
  "/usr/local/lib/homerelay /etc/systemd/system/homerelay-* /etc/systemd/system/*.d/homerelay*.conf /etc/systemd/system/homerelay-*.d/*";

/** What lies on a machine in the places that are ours, by path. */
const found = async (machine: "home" | RelayMachine) =>
  paths(await shell(machine, `find ${places} -type f 2>/dev/null || true`));

/** What the program lists as its own on a machine, by path. */
const listed = async (machine: "home" | RelayMachine) =>
  paths(await shell(machine, "sed -n 's/^file //p' /etc/homerelay/installed"));

const paths = (text: string) => text.trim().split("\n").sort();

describe.each(recordedPrograms)("a stack that version $version made", (recorded) => {
  beforeAll(async () => {
    // As if that version had put things at home which nobody needs any more: a script, a timer and what it starts.
    const older = await provideProgram(recorded, async (read) => {
      const path = "components/home/installation.ts";
      const installation = await read(path);
      const more = `installedScript("${script}"), ...["service", "timer"].map((kind) => ({ path: \`/etc/systemd/system/${unit}.\${kind}\`, mode: "0644", source: \`home/${unit}.\${kind}\` })),`;
      const changed = installation.replace("  files: [\n", `  files: [\n    ${more}\n`);
      if (changed === installation)
        throw new Error(`${path} of ${recorded.version} lists files in another way`);
      return {
        [path]: changed,
        [`components/${script}`]: "#!/bin/bash\ntrue\n",
        [`components/home/${unit}.service`]: "[Service]\nType=oneshot\nExecStart=/bin/true\n",
        [`components/home/${unit}.timer`]: "[Timer]\nOnActiveSec=1h\n[Install]\nWantedBy=timers.target\n",
      };
    });
    await lab.operator.useProgram(older);
    await lab.operator.up();
    await lab.readRelay();
    await shell("home", `systemctl enable --quiet --now ${unit}.timer`);
  });

  test("works, and has things that only that version needs", async () => {
    await expectEchoToAnswer(lab.published, echo);
    expect(await found("home")).toContain(`/usr/local/lib/homerelay/${script.slice("home/".length)}`);
    expect(await shell("home", `systemctl is-active ${unit}.timer`)).toBe("active\n");
  });

  test("loses no server, address, key or name to today's program", async () => {
    await lab.operator.useProgram();
    expect((await planned()).filter((step) => mustStay.test(step))).toEqual([]);
  });

  test("is taken over without a connection lost, by the same relay at the same addresses", async () => {
    const before = { published: lab.published, relay: lab.relay };
    const busy = await keepBusy(lab.published[4], echo);
    await lab.operator.up();
    expectUnharmed(await busy.end());
    await lab.readRelay();
    expect({ published: lab.published, relay: lab.relay }).toEqual(before);
    await expectEchoToAnswer(lab.published, echo);
    await expectNoChange(lab.operator);
  });

  test("has nothing of that version left on its hosts but what today's program lists", async () => {
    for (const machine of ["home", lab.relay] as const) {
      const list = await listed(machine);
      expect((await found(machine)).filter((path) => !list.includes(path))).toEqual([]);
      await shell(machine, `ls ${list.join(" ")}`);
    }
    expect((await exec("home", ["systemctl", "is-enabled", `${unit}.timer`])).code).not.toBe(0);
    expect((await exec("home", ["systemctl", "is-active", `${unit}.timer`])).code).not.toBe(0);
  });

  test("keeps zone, server and names when the stack is renamed, and is not told to give any of them up", async () => {
    await lab.operator.renameStack("renamed");
    expect((await planned()).filter((step) => mustStay.test(step))).toEqual([]);
    const { zones, servers } = await inCloud();
    await lab.operator.up();
    const now = await inCloud();
    const ids = (things: readonly { readonly id: number | string }[] | undefined) =>
      things?.map(({ id }) => id);
    expect([ids(now["zones"]), ids(now["servers"])]).toEqual([ids(zones), ids(servers)]);
    expect(now["servers"]?.map(({ name }) => name)).toEqual(["home-relay-renamed"]);
    await expectEchoToAnswer(lab.published, echo);
    await expectNoChange(lab.operator);

    await lab.operator.configure({
      homes: [await home(["80:8080", `${echo}:64738/tcp+udp`])],
      dns: { zone, createZone: false, names: ["@"] },
    });
    expect(await failingUp(lab.operator)).toContain("this stack made the zone example.org");
    expect(ids((await inCloud())["zones"])).toEqual(ids(zones));
  });

  test("goes as a whole with the stack", async () => {
    await lab.operator.destroy();
    expect(await tracesOn("home")).toBe(traces);
  });
});
