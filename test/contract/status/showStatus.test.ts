/** What `npm run status` runs, with a `pulumi` that has this state to show; what real hosts answer is the lab's matter. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { RealSshd } from "../host/realSshd.ts";

jest.setTimeout(60_000);

const project = join(__dirname, "../../..");
const { scripts } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-status-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function show(args: readonly string[], state: object, exitCode = 0) {
  const pulumi = `#!/bin/sh\necho "$@" >${folder}/arguments\ncat ${folder}/state\nexit ${exitCode}\n`;
  writeFileSync(join(folder, "state"), JSON.stringify(state));
  writeFileSync(join(folder, "pulumi"), pulumi, { mode: 0o755 });
  const [, script = ""] = (scripts["status"] ?? "").split(" ");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: project,
    encoding: "utf8",
    env: { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` },
  });
  return { status, stdout, stderr };
}

const asked = () => readFileSync(join(folder, "arguments"), "utf8").trim();

const urn = (types: string, name: string) => `urn:pulumi:dev::home-relay::${types}::${name}`;
const reached = (more: object) => ({
  urn: urn("homerelay:index:HomeRelay$homerelay:home:Home$command:local:Command", "home-nas-reach"),
  inputs: {
    create: "node --disable-warning=ExperimentalWarning components/host/reach-host.ts",
    environment: { HOMERELAY_DOCUMENT: JSON.stringify(more) },
  },
});
const stack = { urn: urn("homerelay:index:HomeRelay", "home"), inputs: { relay: "ssh" } };
const deployed = (...resources: object[]) => ({ version: 3, deployment: { resources } });

test.each([["--jsno"], ["nas"], ["--stack"]])(
  "a word that nobody knows is told, and pulumi not asked: %s",
  (word) => {
    expect(show([word], {})).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /^What is \S+\?\nusage: npm run status \[-- \[--json\] \[--stack NAME\]\]\n/,
      ) as unknown,
    });
    expect(asked).toThrow("ENOENT");
  },
);

test("a stack of which nothing was made says how to make it", () => {
  expect(show(["--stack", "dev"], { version: 3 })).toEqual({
    status: 1,
    stdout: "",
    stderr: "Nothing of this stack was made yet. To make it:\n  pulumi up\n",
  });
  expect(asked()).toBe("stack export --show-secrets --stack dev");
});

test("ends as pulumi does when that one fails, which has said why", () => {
  expect(show([], {}, 3)).toMatchObject({ status: 3, stdout: "" });
});

test("an `up` that ended before the relay was there leaves something to show, and what to do", () => {
  const { status, stdout, stderr } = show([], deployed(stack));
  expect([status, stderr]).toEqual([1, ""]);
  expect(stdout).toContain("- the relay was not set up to its end.\n    pulumi up\n");
});

test("a state that another version has written is told of, and nothing of it shown", () => {
  const { status, stdout, stderr } = show([], deployed(stack, reached({ title: "nas", password: "secret" })));
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toBe(
    "This stack was last brought up by another version of this program (the document has no access). First:\n  pulumi up\n",
  );
});

test("this very machine is asked without SSH, and a script that is not there is told of", () => {
  const here = {
    title: "nas",
    access: { way: "here" },
    stackId: "0",
    stack: "home-relay/dev",
    waitSeconds: 1,
    hostKeyMend: "",
    needs: { packages: [] },
  };
  const home = {
    urn: urn("homerelay:index:HomeRelay$homerelay:home:Home", "home-nas"),
    inputs: { tunnelAddress: { ipv4: "10.77.1.2", ipv6: "fd77::1" }, forwards: ["80:80/tcp"] },
  };
  const { stdout } = show(["--json"], deployed(stack, home, reached(here)));
  const { notices } = JSON.parse(stdout) as { notices: { what: string; mend: string }[] };
  expect(notices).toEqual([
    {
      what: "nas cannot be asked how it is.",
      mend: "nas, this machine, has no read-status.sh: its scripts are of another version of this program, or were removed. Put them there:\n  pulumi up --replace '**-prepare'",
    },
  ]);
});

const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

testAsRoot(
  "hosts are asked over SSH at once, and one that turns us away is told of beside one that answers",
  async () => {
    const sshd = new RealSshd();
    try {
      await sshd.start({
        prepare: `mount -t tmpfs none /usr/local/lib; mkdir -p /usr/local/lib/homerelay
  printf '#!/bin/sh\\necho "status 1"; echo "now 1000"; echo "up 60"; echo "peer nas= 198.51.100.2:4242 960 5 7"; echo end\\n' >/usr/local/lib/homerelay/read-status.sh
  chmod +x /usr/local/lib/homerelay/read-status.sh`,
      });
      const document = (title: string, access: object) => ({
        ...{ title, access, stackId: "0", stack: "home-relay/dev", waitSeconds: 1, hostKeyMend: "" },
        needs: { packages: [] },
      });
      const { urn: homeUrn, inputs } = reached(document("nas", sshd.access({ port: 1 })));
      const relayReached = {
        urn: homeUrn.replace("homerelay:home:Home", "homerelay:relay:ExistingRelay").replace("nas", "relay"),
        inputs: reached(document("the relay", sshd.access())).inputs,
      };
      const keys = {
        urn: urn("homerelay:index:HomeRelay$homerelay:keys:Keys", "home-keys"),
        outputs: { peerPublicKeys: { nas: "nas=" } },
      };
      const home = {
        urn: urn("homerelay:index:HomeRelay$homerelay:home:Home", "home-nas"),
        inputs: { tunnelAddress: { ipv4: "10.77.1.2", ipv6: "fd77::1" }, forwards: ["80:80/tcp"] },
      };
      writeFileSync(
        join(folder, "state"),
        JSON.stringify(deployed(stack, keys, home, relayReached, { urn: homeUrn, inputs })),
      );
      writeFileSync(join(folder, "pulumi"), `#!/bin/sh\ncat ${folder}/state\n`, { mode: 0o755 });
      const { status, stdout, stderr } = await sshd.run(
        "../status/show-status.ts",
        {},
        {
          env: { PATH: `${folder}:${process.env["PATH"] ?? ""}` },
        },
      );
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/^relay {4}your own machine, up 60 s$/m);
      expect(stdout).toMatch(/^nas {6}here, handshake 40 s ago from 198\.51\.100\.2:4242$/m);
      expect(stdout).toMatch(
        /- nas cannot be asked how it is, though its tunnel works\.\n {2}nas turns us away:/,
      );
      expect(stdout).toMatch(/All is well\.\n$/);
    } finally {
      await sshd.stop();
      sshd.remove();
    }
  },
);
