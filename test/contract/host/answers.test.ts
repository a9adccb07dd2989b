/** A host that lets us in, and runs nothing for us: what a real sshd says then, and what the operator is told. */
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { RealSshd } from "./realSshd.ts";
import type { SshdOptions } from "./realSshd.ts";

jest.setTimeout(60_000);

const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

let sshd: RealSshd;
beforeEach(() => {
  sshd = new RealSshd();
});
afterEach(async () => {
  await sshd.stop();
  sshd.remove();
});

async function reach(options: SshdOptions): Promise<string> {
  await sshd.start(options);
  const { status, stdout, stderr } = await sshd.reach({ waitSeconds: 60 });
  // Nothing was waited for.
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(
    /^nas \(127\.0\.0\.1 port \d+\) lets \S+ in and runs no command for it\. It said:\n/,
  );
  return stderr.slice(stderr.indexOf("\n") + 1);
}

const asks = (exit: string) =>
  `command="echo 'Please login as the user \\"ubuntu\\" rather than the user \\"root\\".';echo${exit}"`;

test.each([
  ["as cloud-init has it", asks(";exit 142")],
  ["as older ones had it, which end well", asks("")],
])("a login that names the one to use, %s", async (_what, keyOptions) => {
  expect(await reach({ keyOptions })).toBe(`\
  Please login as the user "ubuntu" rather than the user "root".
Log in as that one:  user: ubuntu
`);
});

testAsRoot("a login whose shell is none", async () => {
  const prepare = `sed 's|^root:.*|root:x:0:0::/root:/usr/sbin/nologin|' /etc/passwd >/run/passwd; mount --bind /run/passwd /etc/passwd`;
  expect(await reach({ prepare })).toBe(`\
  This account is currently not available.
Log in as somebody who may run commands there (user:), or let root: with a shell, and without a command of its
own in sshd_config (ForceCommand) or authorized_keys (command=). On its own console:
  usermod --shell /bin/bash root
`);
});

testAsRoot("a login whose password is to be changed first", async () => {
  const prepare = `echo 'root:*:0:0:99999:7:::' >/run/shadow; mount --bind /run/shadow /etc/shadow
    mkdir /run/pam.d; printf '%s required pam_unix.so\\n' auth account password session >/run/pam.d/sshd
    mount --bind /run/pam.d /etc/pam.d`;
  const said = await reach({ prepare, options: { UsePAM: "yes" } });
  expect(said).toMatch(/Password change required but no TTY available\./);
  expect(said).toMatch(
    /\nLog in once yourself and do what it asks for, then run the same command again:\n {2}ssh -p \d+ root@127\.0\.0\.1\n$/,
  );
});

test("a host with a command of its own", async () => {
  expect(await reach({ options: { ForceCommand: "echo backups only; exit 1" } })).toMatch(
    /^ {2}backups only\nLog in as somebody who may run commands there .*ForceCommand/s,
  );
});

test("a host that says nothing", async () => {
  expect(await reach({ options: { ForceCommand: "exit 3" } })).toMatch(
    /^ {2}nothing; a command that does nothing ended with exit code 3\n/,
  );
});

testAsRoot("a login whose shell is not there is refused at once, with where the host says why", async () => {
  const prepare = `sed 's|^root:.*|root:x:0:0::/root:/bin/gone|' /etc/passwd >/run/passwd; mount --bind /run/passwd /etc/passwd`;
  await sshd.start({ prepare });
  const { status, stdout, stderr } = await sshd.reach({ waitSeconds: 60 });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("refuses the login of root: root@127.0.0.1: Permission denied");
  expect(stderr).toContain("journalctl -u ssh -n 20");
});
