/** The first step of a host and its last one: unpack-scripts.sh and remove-leftovers.sh themselves. */
import { readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { prepareParts } from "../../../components/host/scriptParts.ts";
import { renderManifest, renderPreparation } from "../../../components/host/preparation.ts";
import type { InstalledText } from "../../../components/host/preparation.ts";
import type { Installation } from "../../../components/network/installation.ts";
import { prepareHosts } from "../../unit/preparedHosts.ts";
import { BareHost } from "./bareHost.ts";
import type { Ended } from "./bareHost.ts";

const read = (part: string) => readFileSync(join(__dirname, "../../../components", part), "utf8");
const unpacking = prepareParts.map(read).join("");
/** With all that it sources before it. */
const removing = ["paths", "messages", "lock", "files", "begin-step", "remove-leftovers"]
  .map((part) => read(`host/${part}.sh`))
  .join("");
const library = "/usr/local/lib/homerelay";
const units = "/etc/systemd/system";
const dynDnsFolder = "/var/lib/homerelay/dyndns";

const script = (name: string): InstalledText => ({
  name: `${library}/${name}`,
  mode: "0755",
  text: `#!/bin/bash\necho ${name}\n`,
});
const unit = (name: string): InstalledText => ({
  name: `${units}/${name}`,
  mode: "0644",
  text: `[Unit]\nDescription=${name}\n`,
});

const kept = [script("begin-step.sh"), unit("homerelay-firewall.service")];
const dynDns = [script("update-dyndns.sh"), unit("homerelay-dyndns.service"), unit("homerelay-dyndns.timer")];
const nothing: Installation = { files: [], packages: [], folders: [] };
const withDynDns = preparationOf({ ...nothing, folders: [dynDnsFolder] }, [...kept, ...dynDns]);
const without = preparationOf(nothing, kept);

/** What systemd is told at least: by the first step, and by the last one. */
const reloads = ["systemctl daemon-reload", "systemctl daemon-reload"];

let host: BareHost;
beforeEach(() => {
  host = new BareHost();
});
afterEach(() => host.remove());

describe("a host that had nothing of ours", () => {
  test("has every file at its place and with its mode, knows whose it is, and has new units read", () => {
    const { status, said } = run(withDynDns);
    expect([status, said]).toEqual([0, expect.stringMatching(/^ready, \S+Z$/m)]);
    expect([...kept, ...dynDns].map(({ name }) => [name, host.modeOf(name), host.read(name)])).toEqual(
      [...kept, ...dynDns].map(({ name, mode, text }) => [name, mode, text]),
    );
    expect(host.read("/etc/homerelay/owner")).toBe("id 0123456789abcdef\nstack home-relay/test\nhost nas\n");
    expect(host.calls()).toEqual(reloads);
  });

  test("remembers what it was given, and holds nothing half-written", () => {
    run(withDynDns);
    expect(host.read("/etc/homerelay/installed")).toBe(
      renderManifest({ ...nothing, folders: [dynDnsFolder] }, [...kept, ...dynDns]),
    );
    expect(host.files().filter((path) => path.endsWith(".next"))).toEqual([]);
  });
});

describe("a host that had more of ours", () => {
  beforeEach(() => {
    run(withDynDns);
    host.write(`${dynDnsFolder}/state`, "told\n");
    host.write("/var/lib/homerelay/endpoints", "somebody\n");
    host.write(`${units}/somebody-else.timer`, "[Timer]\n");
    host.calls();
  });

  test("loses exactly a script, a unit and a folder that are no longer needed, and the timer is stopped first", () => {
    // What is there when a unit is stopped.
    host.stub("systemctl", `[ "$1" != disable ] || ls ${units} ${library} | paste -sd ' ' >/there-\${!#}`);
    const before = host.files();
    const { status, said } = run(without);
    expect(status).toBe(0);
    const lost = [...dynDns.map(({ name }) => name), `${dynDnsFolder}/state`];
    expect(host.files()).toEqual(before.filter((path) => !lost.includes(path)));
    expect(host.exists(dynDnsFolder)).toBe(false);
    const told = host.calls();
    for (const stopped of ["homerelay-dyndns.timer", "homerelay-dyndns.service"])
      for (const { name } of dynDns) expect(host.read(`/there-${stopped}`)).toContain(basename(name));
    expect(told.filter((call) => call.startsWith("systemctl "))).toEqual([
      "systemctl daemon-reload",
      "systemctl disable --now --quiet homerelay-dyndns.timer",
      "systemctl reset-failed homerelay-dyndns.timer",
      "systemctl disable --now --quiet homerelay-dyndns.service",
      "systemctl reset-failed homerelay-dyndns.service",
      "systemctl daemon-reload",
    ]);
    for (const path of [...dynDns.map(({ name }) => name), dynDnsFolder])
      expect(said).toContain(`removed ${path}, which is no longer needed\n`);
  });

  test("loses nothing when it is brought in line again, and nothing with the same list", () => {
    const before = host.files();
    expect(run(withDynDns).status).toBe(0);
    expect(host.files()).toEqual(before);
    run(without);
    const after = host.files();
    host.calls();
    expect(run(without).said).not.toContain("removed");
    expect(host.files()).toEqual(after);
    expect(host.calls()).toEqual(reloads);
  });

  test("goes on when a timer that goes was never started, and has not failed", () => {
    host.stub("systemctl", '[ "$1" = daemon-reload ] || exit 1');
    expect(run(without).status).toBe(0);
    expect(host.exists(`${units}/homerelay-dyndns.timer`)).toBe(false);
  });
});

test("a list that somebody has damaged costs nothing", () => {
  run(withDynDns);
  host.write("/etc/passwd", "root:x:0:0::/root:/bin/bash\n");
  const owners = [
    ...[
      "/etc/homerelay-notes/mine",
      "/home/x/homerelay-notes/mine",
      "/srv/homerelay/mine",
      "/root/homerelay.conf",
    ],
    ...["/etc/systemd/system/my-homerelay.service", "/etc/systemd/system/nginx.service.d/mine.conf"],
    ...[
      "/etc/systemd/system/nginx.service.d/homerelay/mine.conf",
      "/etc/wireguard/wg0.conf",
      "/etc/sysctl.d/99-mine.conf",
    ],
    ...[
      "/etc/apt/apt.conf.d/50unattended-upgrades",
      "/etc/ssh/sshd_config.d/50-mine.conf",
      "/etc/ssh/homerelay_key",
    ],
    "/usr/local/lib/homerelay-mine/file",
  ];
  for (const path of owners) host.write(path, "mine\n");
  const list = host.read("/etc/homerelay/installed");
  const damage = [
    ...["folder /", "folder", "folder /etc", "file /etc/passwd", "file /etc/homerelay/../passwd"],
    ...[
      "folder /var/lib/homerelay/../..",
      "folder etc/homerelay",
      "file",
      "",
      "package /etc/passwd homerelay",
    ],
    ...["/etc/homerelay", "/usr/local/lib/homerelay", "/var/lib/homerelay/", "/etc/systemd/system/"].map(
      (folder) => `folder ${folder}`,
    ),
    ...owners.flatMap((path) => [`file ${path}`, `folder ${path.slice(0, path.lastIndexOf("/"))}`]),
  ];
  host.write("/etc/homerelay/installed", `${damage.join("\n")}\n${list}`);
  const before = host.files();
  const { status, said } = run(withDynDns);
  expect([status, said]).toEqual([0, expect.not.stringContaining("removed")]);
  expect(host.files()).toEqual(before);
  expect(host.read("/etc/passwd")).toContain("root");
  expect(host.read("/etc/homerelay/installed")).toBe(list);
});

test("whatever a host of ours gets lies where a list may name it", async () => {
  const lists = [...(await prepareHosts()).values()].flatMap(({ list }) => list);
  const paths = lists.flatMap((line) => /^(?:file|folder) (.*)/.exec(line)?.[1] ?? []);
  expect(paths.length).toBeGreaterThan(30);
  const function_ = /^is_ours\(\) \{.*?^\}$/ms.exec(removing)?.[0] ?? "";
  const lines = `${function_}\nwhile read -r path; do is_ours "$path" || echo "$path"; done\n`;
  expect(host.run(["bash", "-c", lines], `${paths.join("\n")}\n`)).toEqual({ status: 0, said: "" });
});

describe("settings of the kernel", () => {
  const file = {
    path: "/etc/homerelay/sysctls",
    mode: "0644",
    text: "net.ipv4.ip_default_ttl=77\n",
  };
  const document = (more: object) => {
    const installation = { ...nothing, files: [{ ...file, ...more }] };
    return preparationOf(installation, [...kept, { name: file.path, mode: file.mode, text: file.text }]);
  };
  const forNextBoot = "/etc/sysctl.d/60-homerelay.conf";

  test("are applied where the list says which file has them", () => {
    const { status, said } = run(document({ isKernelSettings: true }));
    expect([status, said]).toEqual([0, expect.stringContaining("the kernel's settings have changed\n")]);
    expect(host.read(forNextBoot)).toBe("# Written by home-relay.\nnet.ipv4.ip_default_ttl=77\n");
  });

  test("are left alone where it does not, whatever file is left of another role", () => {
    host.write(file.path, file.text);
    expect(run(without).status).toBe(0);
    expect(run(document({})).status).toBe(0);
    expect(host.exists(forNextBoot)).toBe(false);
  });

  test("are left alone where a list of before named a file for them", () => {
    run(document({ isKernelSettings: true }));
    host.write(forNextBoot, "as the home's own step left it\n");
    expect(run(without).status).toBe(0);
    expect([host.exists(file.path), host.read(forNextBoot)]).toEqual([
      false,
      "as the home's own step left it\n",
    ]);
  });
});

describe("what a host no longer needs", () => {
  test("stays until the last step: until then it may be in use, and a run that fails leaves all as it was", () => {
    run(withDynDns);
    const before = host.files();
    expect(prepare(without.document).status).toBe(0);
    expect(host.files()).toEqual(before);
    expect(removeLeftovers(without.list).status).toBe(0);
    expect(dynDns.filter(({ name }) => host.exists(name))).toEqual([]);
  });

  test("is nothing that a list names which was cut off on its way, wherever it ends", () => {
    run(withDynDns);
    prepare(without.document);
    const before = host.files();
    for (let length = 0; length < without.list.length; length += 9) {
      const { status, said } = removeLeftovers(without.list.slice(0, length));
      expect([status, said]).toEqual([
        1,
        expect.stringContaining("not the one that the host was prepared with"),
      ]);
    }
    expect(host.files()).toEqual(before);
  });
});

test("a document that was cut off on its way changes nothing, wherever it ends", () => {
  run(withDynDns);
  const all = () => host.files().map((path) => [path, host.modeOf(path), host.read(path)]);
  const before = all();
  const changed = preparationOf(nothing, [
    ...kept.map((one) => ({ ...one, text: `${one.text}# new\n` })),
    script("new.sh"),
  ]);
  for (let length = 0; length < changed.document.length - 1; length += 13) {
    const { status, said } = prepare(changed.document.slice(0, length));
    expect([status, said]).toEqual([1, expect.stringContaining("the document was cut off on its way")]);
    expect(all()).toEqual(before);
  }
  expect(prepare(changed.document).status).toBe(0);
  expect(host.exists(`${library}/new.sh`)).toBe(true);
});

describe("packages", () => {
  const needing = (...commands: readonly string[]) =>
    preparationOf(
      { ...nothing, packages: commands.map((one) => ({ command: one, name: `${one}-tools` })) },
      kept,
    );

  test("that a host lacks are installed by their names, those that it has are not", () => {
    const { status, said } = run(needing("bash", "no-such-command", "sed", "another-one"));
    expect([status, said]).toEqual([
      0,
      expect.stringContaining("installed no-such-command-tools another-one-tools\n"),
    ]);
    const asked = host.calls().filter((call) => call.startsWith("apt-get"));
    expect(asked[0]).toMatch(/\bupdate$/);
    expect(asked[1]).toMatch(/ install -y --no-install-recommends no-such-command-tools another-one-tools$/);
    expect(asked).toHaveLength(2);
  });

  test("are no matter for apt where all are there", () => {
    expect(run(needing("bash", "sed")).status).toBe(0);
    expect(host.calls()).toEqual(reloads);
  });

  const brokenSource =
    "E: The repository 'https://enterprise.proxmox.com/debian/pve trixie Release' is not signed.";

  test("that can be had though one source is broken are installed, and what apt says of the source is told", () => {
    host.stub("apt-get", `case $* in *update*) echo "W: old"; echo "${brokenSource}" >&2; exit 100 ;; esac`);
    const { status, said } = run(needing("no-such-command"));
    expect([status, said]).toEqual([
      0,
      expect.stringContaining(`installed no-such-command-tools
its apt cannot read all of its sources, which was no hindrance here:
  W: old
  ${brokenSource}
`),
    ]);
  });

  test("that cannot be had end the step with all that apt says, and are asked for again by the next", () => {
    host.stub(
      "apt-get",
      `case $* in
        *update*) echo "${brokenSource}" >&2; exit 100 ;;
        *install*) echo "Reading package lists..."; echo "E: Unable to locate package no-such-command-tools" >&2; exit 100 ;; esac`,
    );
    const { status, said } = run(needing("no-such-command"));
    expect([status, said]).toEqual([
      1,
      expect.stringContaining(`apt cannot install no-such-command-tools here. It says:
  E: Unable to locate package no-such-command-tools
and before that, of its sources of packages:
  ${brokenSource}
Try it on this host, and mend what it names; then run the same command again:
  apt-get update && apt-get install no-such-command-tools
`),
    ]);
    host.stub("apt-get");
    expect(run(needing("no-such-command")).said).toContain("installed no-such-command-tools\n");
  });
});

describe("a run that was cut off", () => {
  /** The host goes down when a run comes to this: a program, and what it is told at the end. */
  const goDownAt = (tool: string, last: string) =>
    host.stub(tool, `case $* in *"${last}") kill -KILL "$PPID"; exit ;; esac\nexec /usr/bin/${tool} "$@"`);
  const goOn = (tool: string) => rmSync(join(host.root, "tools", tool));

  test("after its files, before anything was made of them, leaves none behind when the next has them no more", () => {
    run(without);
    host.stub("systemctl", 'kill -KILL "$PPID"');
    expect(run(withDynDns).status).not.toBe(0);
    expect(dynDns.filter(({ name }) => !host.exists(name))).toEqual([]);
    host.stub("systemctl");
    expect(run(without).status).toBe(0);
    expect(dynDns.filter(({ name }) => host.exists(name))).toEqual([]);
    expect(host.read("/etc/homerelay/installed")).toBe(renderManifest(nothing, kept));
  });

  test("among its files leaves none behind when the next has them no more", () => {
    run(without);
    goDownAt("chmod", "homerelay-dyndns.timer.next");
    expect(run(withDynDns).status).not.toBe(0);
    expect(dynDns.map(({ name }) => host.exists(name))).toEqual([true, true, false]);
    goOn("chmod");
    expect(run(without).status).toBe(0);
    expect(dynDns.filter(({ name }) => host.exists(name))).toEqual([]);
  });

  test("among its files is made good by the next that has them", () => {
    run(without);
    goDownAt("chmod", "homerelay-dyndns.timer.next");
    run(withDynDns);
    goOn("chmod");
    expect(run(withDynDns).status).toBe(0);
    expect([...kept, ...dynDns].filter(({ name, text }) => host.read(name) !== text)).toEqual([]);
    expect(host.files().filter((path) => path.endsWith(".next"))).toEqual([]);
  });

  test("while old files went is made good by the next", () => {
    run(withDynDns);
    goDownAt("rm", "homerelay-dyndns.timer");
    run(without);
    expect(dynDns.map(({ name }) => host.exists(name))).toEqual([false, false, true]);
    goOn("rm");
    expect(run(without).status).toBe(0);
    expect(dynDns.filter(({ name }) => host.exists(name))).toEqual([]);
    expect(host.exists(dynDnsFolder)).toBe(false);
  });
});

test("a host of another stack is left as it is", () => {
  run(withDynDns);
  const before = host.files();
  const { status, said } = prepare(without.document, "fedcba9876543210");
  expect([status, said]).toEqual([
    1,
    expect.stringContaining("this host belongs to another stack: home-relay/test"),
  ]);
  expect(host.files()).toEqual(before);
});

interface Preparation {
  /** What the first step brings. */
  readonly document: string;
  /** What the last one brings. */
  readonly list: string;
}

function preparationOf(installation: Installation, files: readonly InstalledText[]): Preparation {
  return {
    document: renderPreparation(installation, files),
    list: renderManifest(installation, files),
  };
}

/** The first step, and the last one if that succeeds. */
function run(preparation: Preparation): Ended {
  const first = prepare(preparation.document);
  if (first.status !== 0) return first;
  const last = removeLeftovers(preparation.list);
  return { status: last.status, said: first.said + last.said };
}

function prepare(document: string, id = "0123456789abcdef"): Ended {
  return host.run(["bash", "-s", id, "home-relay/test", "nas"], unpacking + document);
}

function removeLeftovers(list: string): Ended {
  return host.run(["bash", "-c", removing], list);
}
