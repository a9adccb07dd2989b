/** sshd of a machine that was there before: harden-sshd.sh itself, judged by a real sshd. */
import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { renderSshdSettings } from "../../../components/relay/hardening.ts";
import { sshdConfigPath } from "../../../components/relay/sshdConfig.ts";
import { debianProgram } from "../debianFiles.ts";
import { BareHost } from "../host/bareHost.ts";
import { runTool } from "../tool.ts";

const read = (part: string) => readFileSync(join(__dirname, "../../../components", part), "utf8");
const hardening = ["paths", "messages", "lock", "files", "begin-step"]
  .map((part) => read(`host/${part}.sh`))
  .join("");

const wanted = renderSshdSettings({ byPassword: false });
const main = "/etc/ssh/sshd_config";
const dropIn = "/etc/ssh/sshd_config.d/50-mine.conf";
const includes = "Include /etc/ssh/sshd_config.d/*.conf\n";

/** From the loosest to the strictest value, as sshd prints them. */
const orders = {
  permitrootlogin: ["yes", "without-password", "forced-commands-only", "no"],
  passwordauthentication: ["yes", "no"],
  kbdinteractiveauthentication: ["yes", "no"],
} as const;
type Keyword = keyof typeof orders;
const keywords = Object.keys(orders) as Keyword[];

let host: BareHost;
beforeAll(() => {
  host = new BareHost();
  const { root } = debianProgram("/usr/sbin/sshd", ["openssh-server", "libwrap0"]);
  if (root !== "/") {
    cpSync(root, join(host.root, "debian"), { recursive: true, verbatimSymlinks: true });
    host.stub(
      "sshd",
      `export LD_LIBRARY_PATH=$(printf '%s:' /debian/lib/*-linux-gnu /debian/usr/lib/*-linux-gnu)
exec /debian/usr/sbin/sshd "$@"`,
    );
  }
  host.write(
    "/etc/passwd",
    "root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n",
  );
  symlinkSync(realpathSync("/usr/bin/awk"), join(host.root, "tools/awk"));
  mkdirSync(join(host.root, "run/sshd"));
  mkdirSync(join(host.root, "etc/ssh"));
  runTool("openssh-client", "ssh-keygen", [
    ...["-q", "-t", "ed25519", "-N", "", "-f", join(host.root, "etc/ssh/ssh_host_ed25519_key")],
  ]);
});
afterAll(() => host.remove());

beforeEach(() => {
  for (const path of [sshdConfigPath, dropIn]) host.write(path, "");
  host.write(main, includes);
});

function harden(document = wanted): string {
  const { status, said } = host.run(
    ["bash", "-c", hardening + withoutSource(read("relay/harden-sshd.sh"))],
    document,
  );
  if (status !== 0) throw new Error(said);
  return said;
}

/** The scripts that it builds on stand before it. */
function withoutSource(script: string): string {
  return script.replace(/^\. \/usr\/local\/lib\/homerelay\/.*$/gm, "");
}

/** What sshd makes of all its files, for these keywords. */
function effective(): Record<Keyword, string> {
  const { status, said } = host.run(["sshd", "-T"], "");
  if (status !== 0) throw new Error(said);
  const found = new Map(said.split("\n").map((line) => [line.split(" ")[0], line.split(" ")[1]] as const));
  return Object.fromEntries(keywords.map((keyword) => [keyword, found.get(keyword)])) as Record<
    Keyword,
    string
  >;
}

/** The stricter one of two values. */
function stricter(keyword: Keyword, one: string, other: string): string {
  const order: readonly string[] = orders[keyword];
  return order[Math.max(order.indexOf(one), order.indexOf(other))] ?? "unknown";
}

const ours = {
  permitrootlogin: "without-password",
  passwordauthentication: "no",
  kbdinteractiveauthentication: "no",
};

describe.each([
  ["in a file that sshd reads after ours", dropIn],
  ["in sshd_config itself", main],
])("what the owner has %s", (_, file) => {
  test.each(
    orders.permitrootlogin.flatMap((root) =>
      orders.passwordauthentication.map((passwords) => [root, passwords]),
    ),
  )("PermitRootLogin %s and PasswordAuthentication %s become no looser", (root, passwords) => {
    const text = `PermitRootLogin ${root}\nPasswordAuthentication ${passwords}\nKbdInteractiveAuthentication ${passwords}\n`;
    host.write(file, file === main ? includes + text : text);
    const before = effective();
    const expected = Object.fromEntries(
      keywords.map((keyword) => [keyword, stricter(keyword, before[keyword], ours[keyword])]),
    );
    harden();
    expect(effective()).toEqual(expected);
    // A second run takes ours for what they are.
    harden();
    expect(effective()).toEqual(expected);
  });
});

test("a password that the owner asks for besides a key is not taken away, which would let in nobody", () => {
  host.write(
    dropIn,
    "PermitRootLogin yes\nMatch User ops\n  AuthenticationMethods publickey,keyboard-interactive\n",
  );
  const before = effective();
  expect(harden()).toBe("sshd asks for passwords where its owner's AuthenticationMethods say so\n");
  expect(effective()).toEqual({ ...before, permitrootlogin: "without-password" });
});

test("a file that is named by itself, from its own folder, is the owner's as well", () => {
  host.write(main, "Include sshd_config.d/50-mine.conf\nInclude /etc/ssh/sshd_config.d/*.conf\n");
  host.write(dropIn, "PermitRootLogin no\n");
  harden();
  expect(effective()).toEqual({ ...ours, permitrootlogin: "no" });
  expect(host.read(sshdConfigPath)).not.toContain("PermitRootLogin");
});

test("an sshd that refuses its owner's settings is told of none of ours, and why is said", () => {
  host.write(dropIn, "PermitRootLogin maybe\n");
  expect(() => harden()).toThrow(/ours are not put among them: .*unsupported option "maybe"/s);
  expect(host.read(sshdConfigPath)).toBe("");
});
