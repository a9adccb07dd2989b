/** The lock by which one script at a time works on a host, whoever is the first to take it. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderPreparation } from "../../../components/host/preparation.ts";
import { prepareParts, uninstallParts } from "../../../components/host/scriptParts.ts";
import { BareHost } from "./bareHost.ts";

const components = join(__dirname, "../../../components");
const read = (part: string) => readFileSync(join(components, part), "utf8");
const library = "/usr/local/lib/homerelay";
const lock = "/run/homerelay.lock";

let host: BareHost;
beforeEach(() => {
  host = new BareHost();
  host.stub("nft");
  for (const script of globSync("*/*.sh", { cwd: components }))
    host.write(`${library}/${basename(script)}`, read(script));
  host.write(`${library}/read.sh`, `. ${library}/begin-step.sh\ncat\n`);
});
afterEach(() => host.remove());

const nothing = renderPreparation({ files: [], packages: [], folders: [] }, []);
const takers: readonly [string, string, string][] = [
  ["the first step", "bash -s 01 test nas", prepareParts.map(read).join("") + nothing],
  ["any other step", `bash ${library}/read.sh`, "#end\n"],
  ["a way back", `bash ${library}/roll-back-firewall.sh`, ""],
  // It takes the lock away in the end, so it is looked at before.
  ["the last act", "bash -s 01 nas", `${uninstallParts.map(read).join("")}\nstat -c %a ${lock}; exit\n`],
];

describe.each(takers)("%s", (_, command, input) => {
  const run = (before: string) => {
    const line = `umask 022; ${before}; ${command}; stat -c 'mode %a' ${lock}`;
    return host.run(["bash", "-ec", line], input);
  };

  test("lets nobody else open it", () => {
    expect(run(":")).toEqual({ status: 0, said: expect.stringMatching(/^mode 600$/m) });
  });

  test("nor one that somebody else may open already", () => {
    expect(run(`echo >${lock}; chmod 666 ${lock}`)).toEqual({
      status: 0,
      said: expect.stringMatching(/^mode 600$/m),
    });
  });
});

test("a step waits for another one, and says so", () => {
  // The other one ends when this one has said that it waits.
  const wait = `
    : >/tmp/said
    (flock 9; until [ -s /tmp/said ]; do sleep 0.05; done) 9>${lock} &
    while flock --nonblock ${lock} true; do sleep 0.05; done
    bash ${library}/read.sh >/tmp/said 2>&1
    wait; cat /tmp/said`;
  const { status, said } = host.run(["bash", "-c", wait], "done\n#end\n");
  expect([status, said]).toEqual([
    0,
    "another home-relay step is running on this host; waiting for its end\ndone\n",
  ]);
});

test("a step that waits names the one that it waits for", () => {
  host.write(
    `${library}/slow.sh`,
    `. ${library}/begin-step.sh\nuntil [ -s /tmp/said ]; do sleep 0.05; done\n`,
  );
  const wait = `
    : >/tmp/said
    bash ${library}/slow.sh <<<'#end' & slow=$!
    while flock --nonblock ${lock} true; do sleep 0.05; done
    bash ${library}/read.sh >/tmp/said 2>&1
    wait; sed "s/$slow/N/" /tmp/said`;
  expect(host.run(["bash", "-c", wait], "done\n#end\n")).toEqual({
    status: 0,
    said: "another home-relay step is running on this host, slow.sh (process N); waiting for its end\ndone\n",
  });
});

test("nothing that a killed step laid down for a moment outlives the next one", () => {
  host.write(`${library}/killed.sh`, `. ${library}/begin-step.sh\necho secret >"$(mktemp)"\nkill -KILL $$\n`);
  const left = "find /tmp /run/homerelay-step /run/homerelay-document.* -type f 2>/dev/null";
  const lines = `bash ${library}/killed.sh <<<'#end' || ${left} | wc -l; bash ${library}/read.sh <<<'#end'; ${left} | wc -l`;
  expect(host.run(["bash", "-c", lines], "").said.replace(/.*Killed.*\n/, "")).toBe("1\n0\n");
});
