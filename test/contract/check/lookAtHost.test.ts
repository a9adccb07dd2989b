import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ExpectedFile, WantedSettings } from "../../../components/check/expectedFiles.ts";
import { readLook, renderQuestion } from "../../../components/check/hostLook.ts";
import type { SshdWish } from "../../../components/check/hostLook.ts";
import { describe as inWords } from "../../../components/check/screen.ts";

const script = readFileSync(join(__dirname, "../../../components/check/look-at-host.sh"), "utf8");

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "home-relay-look-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const file = (path: string, text: string, more: Partial<ExpectedFile> = {}): ExpectedFile => ({
  path,
  mode: "644",
  text,
  isSecret: false,
  hasKeys: false,
  step: "home-nas-guard",
  ...more,
});

const files = [
  file("/etc/homerelay/routes", "table 1\n"),
  file("/etc/homerelay/firewall.nft", "table inet x {\n\tset open { }\n}\n"),
  file("/etc/homerelay/keys/private", "SECRET\n", { mode: "600", isSecret: true, step: "home-nas-keys" }),
  // A public key may lie among the files of keys as well, and stands as it is.
  file("/etc/homerelay/keys/relay", "PUBLIC 10.77.0.1\n", {
    mode: "600",
    isSecret: true,
    step: "home-nas-keys",
  }),
  file(
    "/etc/wireguard/homerelay.conf",
    "[Interface]\nPrivateKey = key:private\nMTU = 1420\n[Peer]\nPublicKey = PUBLIC\n",
    {
      mode: "600",
      isSecret: true,
      hasKeys: true,
      step: "home-nas-tunnel",
    },
  ),
];

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
}

/** All as it should be. */
function settle(): void {
  for (const { path, text, mode } of files)
    write(path, text.replace("key:private", "SECRET"), Number.parseInt(mode, 8));
  write("/etc/homerelay/owner", "id 0123\nstack home-relay/dev\nhost nas\n");
}

const stub = (command: string, lines: string) => write(`/bin/${command}`, `#!/bin/bash\n${lines}\n`, 0o755);

const everything = () =>
  spawnSync(
    "sh",
    ["-c", `cd ${root} && find . -printf '%p %m %y\\n' | sort; find . -type f -exec sha256sum {} + | sort`],
    {
      encoding: "utf8",
    },
  ).stdout;

/** What the host says of itself, in a root of its own. */
function look(sshd?: SshdWish, settings?: WantedSettings) {
  const question = { files, sshd, settings };
  const before = everything();
  const here = script
    .replaceAll("/etc/", `${root}/etc/`)
    .replaceAll("/run/", `${root}/run/`)
    .replaceAll("/usr/local/lib/homerelay/", `${root}/lib/`)
    .replace("install -d", "true install -d");
  const input = here + renderQuestion(question).replaceAll(" /", ` ${root}/`);
  const { stdout, stderr, status } = spawnSync("bash", ["-s"], {
    encoding: "utf8",
    input,
    env: {
      PATH: `${root}/bin:${process.env["PATH"] ?? ""}`,
      SSH_CONNECTION: "198.51.100.9 40000 203.0.113.5 22",
    },
  });
  expect([status, stderr]).toEqual([0, ""]);
  expect(everything()).toBe(before);
  const found = readLook("nas", question, stdout.replaceAll(root, ""));
  if (found === undefined) throw new Error(`no answer: ${stdout}`);
  return found;
}
const words = (sshd?: SshdWish) => look(sshd).differences.map((one) => inWords(one));

describe("the files of a host", () => {
  test("are as they should be, also where a key stands in place of its name", () => {
    settle();
    expect(look()).toMatchObject({ differences: [], owner: "0123", caller: "198.51.100.9" });
  });

  test("are each named where they differ, and no key is shown", () => {
    settle();
    rmSync(join(root, "/etc/homerelay/routes"));
    write("/etc/homerelay/firewall.nft", "table inet x {\n\tset open { }\n\tchain theirs { }\n}\n", 0o600);
    write("/etc/homerelay/keys/private", "OTHER\n", 0o600);
    write("/etc/homerelay/keys/stranger", "x\n");
    expect(words()).toEqual([
      "nas: file /etc/homerelay/routes is missing",
      'nas: file /etc/homerelay/firewall.nft is changed: it has "chain theirs { }", and should be as the stack wrote it',
      "nas: file /etc/homerelay/firewall.nft is of mode 600, and should be 644",
      "nas: file /etc/homerelay/keys/private is another key, and should be as the stack wrote it",
      "nas: file /etc/wireguard/homerelay.conf is changed, and should be as the stack wrote it",
      "nas: file /etc/homerelay/keys/stranger is there, and not the stack's",
    ]);
  });

  test("that a power cut left empty are said to be so", () => {
    settle();
    write("/etc/homerelay/firewall.nft", "");
    expect(words()).toEqual([
      "nas: file /etc/homerelay/firewall.nft is empty, and should be as the stack wrote it",
    ]);
  });

  test("what a line has that a terminal would obey is not passed on", () => {
    settle();
    write("/etc/homerelay/routes", "table 1\n\u001b[2Jevil\n");
    expect(words()).toEqual([
      'nas: file /etc/homerelay/routes is changed: it has "[2Jevil", and should be as the stack wrote it',
    ]);
  });
});

describe("sshd", () => {
  const wish = (isLeast: boolean, ...values: [string, string][]): SshdWish => ({
    step: "home-relay-sshd",
    values: new Map(values),
    isLeast,
  });

  test("is asked for what is in force, and whoever says otherwise is named", () => {
    settle();
    stub("sshd", "printf 'permitrootlogin yes\\nx11forwarding no\\nport 22\\nport 2222\\n'");
    write("/etc/ssh/sshd_config.d/05-theirs.conf", "PermitRootLogin yes\n");
    const all = wish(
      false,
      ["permitrootlogin", "prohibit-password"],
      ["x11forwarding", "no"],
      ["port", "22"],
    );
    const { differences } = look(all);
    expect(differences.map((one) => [inWords(one), one.remark, one.repair])).toEqual([
      [
        "nas: sshd permitrootlogin is yes, and should be without-password",
        "/etc/ssh/sshd_config.d/05-theirs.conf says so, and sshd goes by it",
        {
          by: "person",
          mend: "on nas, take permitrootlogin out of /etc/ssh/sshd_config.d/05-theirs.conf; then: systemctl reload ssh",
        },
      ],
      ["nas: sshd port is 22 2222, and should be 22", undefined, { by: "step", step: "home-relay-sshd" }],
    ]);
  });

  test("may be stricter on a machine that has an owner", () => {
    settle();
    stub("sshd", "printf 'permitrootlogin no\\npasswordauthentication yes\\n'");
    expect(
      words(wish(true, ["permitrootlogin", "prohibit-password"], ["passwordauthentication", "no"])),
    ).toEqual(["nas: sshd passwordauthentication is yes, and should be no"]);
  });

  test("that refuses its own files is said so", () => {
    settle();
    stub("sshd", "echo 'bad configuration option: Foo' >&2; exit 255");
    expect(words(wish(false, ["port", "22"]))).toEqual([
      "nas: sshd configuration is refused: bad configuration option: Foo, and should be one that sshd takes",
    ]);
  });
});

describe("the kernel's settings for the next boot", () => {
  const settings = { text: "net.ipv4.ip_forward=1\n-net.core.somaxconn>=100\n", step: "home-nas-guard" };
  const resolved = "# Written by home-relay.\nnet.ipv4.ip_forward=1\n-net.core.somaxconn=4096\n";

  beforeEach(() => {
    settle();
    for (const name of ["paths", "messages", "files", "kernel-settings"]) {
      const text = readFileSync(join(__dirname, `../../../components/host/${name}.sh`), "utf8");
      write(`/lib/${name}.sh`, text.replaceAll("/etc/", `${root}/etc/`));
    }
    write("/etc/homerelay/before", "net.ipv4.ip_forward=0\nnet.core.somaxconn=4096\n");
  });

  test("are as our own script would write them, with what was there before us", () => {
    write("/etc/sysctl.d/60-homerelay.conf", resolved);
    expect(look(undefined, settings).differences).toEqual([]);
  });

  test("are named where somebody changed or took away the file", () => {
    const changed = () => look(undefined, settings).differences.map((one) => [inWords(one), one.repair]);
    const again = { by: "step", step: "home-nas-guard" };
    expect(changed()).toEqual([["nas: file /etc/sysctl.d/60-homerelay.conf is missing", again]]);
    write("/etc/sysctl.d/60-homerelay.conf", resolved.replace("ip_forward=1", "ip_forward=0"));
    expect(changed()).toEqual([
      [
        'nas: file /etc/sysctl.d/60-homerelay.conf is changed: it has "net.ipv4.ip_forward=0", and should be as the stack wrote it',
        again,
      ],
    ]);
  });
});

describe("what others do", () => {
  test("to settings of ours is told, and not of other settings", () => {
    settle();
    write(
      "/etc/sysctl.d/60-homerelay.conf",
      "# ours\nnet.ipv4.ip_forward=1\n-net.ipv6.conf.all.forwarding=1\n",
    );
    write(
      "/etc/sysctl.d/99-theirs.conf",
      "# net.ipv4.ip_forward = 0\nnet.ipv4.ip_forward = 0\nvm.swappiness=1\nnet.ipv6.conf.all.forwarding=1\n",
    );
    expect(look().overrides).toEqual([
      { key: "net.ipv4.ip_forward", value: "0", file: "/etc/sysctl.d/99-theirs.conf" },
    ]);
  });

  test("in its firewalls is told by name, and where peers are", () => {
    settle();
    stub("ufw", "echo 'Status: active'");
    stub("firewall-cmd", "exit 252");
    stub(
      "wg",
      `[ "$3" = endpoints ] && printf 'A\\t[2001:db8::7]:51820\\nB\\t(none)\\nC\\t192.0.2.50:4000\\n' || printf 'A\\t0\\nC\\t%s\\n' "$(( $(date +%s) - 90 ))"`,
    );
    const { active, endpoints, handshakes } = look();
    expect([active, endpoints]).toEqual([["ufw"], ["2001:db8::7", "192.0.2.50"]]);
    expect(handshakes[0]).toBeUndefined();
    expect(handshakes[1]).toBeGreaterThanOrEqual(89);
  });
});

test("an answer that was cut off is no answer", () => {
  expect(readLook("nas", { files, sshd: undefined, settings: undefined }, "owner\t0123\n")).toBeUndefined();
});
