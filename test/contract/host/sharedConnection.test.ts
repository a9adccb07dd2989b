/** How many connections a host sees, what is left of them, and who may not use them: the operator's programs and a real sshd. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { RealSshd } from "./realSshd.ts";

jest.setTimeout(120_000);

const testAsRoot = process.getuid?.() === 0 ? test : test.skip;
const uid = String(process.getuid?.());

let sshd: RealSshd;
beforeEach(() => {
  sshd = new RealSshd();
});
afterEach(async () => {
  await sshd.stop();
  sshd.remove();
});

const reach = (more: object = {}) => sshd.reach(more);
const step = (words: string, more: object = {}, input = "") =>
  sshd.run(
    "run-step.ts",
    { title: "nas", access: sshd.access(), waitSeconds: 25, limitSeconds: 35, ...more },
    { args: ["sh", "-c", `'${words}'`], input },
  );
const well = (stdout = "") => ({ status: 0, stdout, stderr: "" });
const sockets = () => {
  const folder = join(sshd.runtime, `home-relay-${uid}`);
  return existsSync(folder) ? readdirSync(folder) : [];
};

/** As strict as `ufw limit`: a sixth new connection within 30 s is refused, and so is all that comes before 30 s of quiet. */
const limit = `nft add table inet ufw
  nft add set inet ufw callers '{ type ipv4_addr; size 100; flags dynamic,timeout; }'
  nft add chain inet ufw input '{ type filter hook input priority 0; }'
  nft add rule inet ufw input tcp dport $1 ct state new \\
    update @callers '{ ip saddr timeout 30s limit rate over 1/hour burst 5 packets }' reject`;

describe("a limit of new connections", () => {
  testAsRoot("is not met by a first up", async () => {
    await sshd.start({ prepare: limit });
    expect(await reach()).toMatchObject({ status: 0, stderr: "" });
    for (let i = 0; i < 8; i++) expect(await step("cat", {}, `document ${i}`)).toEqual(well(`document ${i}`));
    expect(await step("true", { connection: "new" })).toEqual(well());
    expect(await step("true", { connection: "last" })).toEqual(well());
    expect(await step("true", { connection: "alone" })).toEqual(well());
    expect(sshd.connections).toBe(3);
  });

  testAsRoot(
    "that others of this machine's have met is sat out, with nobody knocking meanwhile",
    async () => {
      await sshd.start({ prepare: limit });
      for (let i = 0; i < 5; i++) knock();
      const { status, stdout, stderr } = await reach();
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(
        /^waiting for nas .*: Connection refused \(0 s, next try in 2 s\)\nwaiting for nas .* \([23] s, next try in 35 s\)\nnas is reached\n$/,
      );
    },
  );

  test("is told apart from silence, with what may be behind it and the mends", async () => {
    await sshd.start();
    const access = sshd.access({ port: 1 });
    const { status, stderr } = await reach({ access, waitSeconds: 1, limitSeconds: 1 });
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^nas turns us away: tried ssh to 127\.0\.0\.1 port \d+ as \S+ for \d s, last answer: .*Connection refused\n[^]*ufw limit, fail2ban[^]*ufw prepend allow proto tcp from ADDRESS to any port \d+\n/,
      ),
    ]);
  });
});

test("what a host says of itself moves nothing on the operator's terminal", async () => {
  await sshd.start();
  sshd.answer(String.raw`problem It is \033]0;odd\007\033[1A\r, it says.`);
  const { status, stderr } = await reach();
  expect([status, stderr]).toEqual([1, expect.stringMatching(/\n- It is \]0;odd\[1A, it says\.\n$/)]);
});

describe("a shared connection", () => {
  test("is opened by whichever step comes first, and carries those that run at the same time", async () => {
    await sshd.start();
    const said = await Promise.all([1, 2, 3].map((i) => step(`sleep 0.5; echo ${i}`)));
    expect(said).toEqual([well("1\n"), well("2\n"), well("3\n")]);
    expect(await step("echo 4")).toEqual(well("4\n"));
    expect(sockets()).toHaveLength(1);
    expect(sshd.connections).toBeLessThanOrEqual(6);
  });

  test("is passed by where a new one is the proof, and not used after what may change how the host lets in", async () => {
    await sshd.start();
    const over = async (connection?: string) => {
      const { stdout } = await step("echo $SSH_CONNECTION", { connection });
      return stdout;
    };
    const first = await over();
    expect(await over()).toBe(first);
    const proof = await over("new");
    expect(proof).not.toBe(first);
    expect(await over()).toBe(proof);
    expect(await over("last")).toBe(proof);
    const later = await over();
    expect(later).not.toBe(proof);
    const alone = await over("alone");
    expect(alone).not.toBe(later);
    expect(readdirSync(sshd.runtime)).toEqual([]);
  });

  test("is not kept from a host that was refused: what was wrong may be mended there at once", async () => {
    await sshd.start({ keyOptions: 'command="exit 142"' });
    expect(await reach()).toMatchObject({ status: 1 });
    expect(readdirSync(sshd.runtime)).toEqual([]);
    expect(await step("true")).not.toEqual(well());
    writeFileSync(join(sshd.folder, "keys"), sshd.read("login.pub"));
    expect(await reach()).toMatchObject({ status: 0, stderr: "" });
  });

  describe("carries to its end what runs over it", () => {
    test("while another program is refused", async () => {
      await sshd.start();
      const running = step(`touch ${sshd.folder}/begun; sleep 3; echo done`);
      await sshd.until("begun");
      sshd.answer("problem It is odd");
      expect(await reach()).toMatchObject({ status: 1, stderr: expect.stringContaining("It is odd") });
      expect(await running).toEqual(well("done\n"));
    });

    test("while the host is too busy to let another program in soon", async () => {
      await sshd.start({
        keyOptions: `command="[ ! -e ${sshd.folder}/busy ] || sleep 4; eval \\"$SSH_ORIGINAL_COMMAND\\""`,
      });
      const running = step(`touch ${sshd.folder}/begun; sleep 5; echo done`);
      await sshd.until("begun");
      writeFileSync(join(sshd.folder, "busy"), "");
      expect(await reach({ waitSeconds: 1 })).toMatchObject({ status: 0, stderr: "" });
      expect(await running).toEqual(well("done\n"));
    });
  });

  testAsRoot("proves nothing of a host that lets nobody in any more", async () => {
    // Who is in is known to the firewall from the beginning.
    const prepare = `nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'
      nft add rule inet t i ct state established accept`;
    await sshd.start({ prepare });
    expect(await step("true")).toEqual(well());
    sshd.must(["nft", "add rule inet t i ct state new reject"]);
    expect(await step("true")).toEqual(well());
    expect(await step("true", { connection: "new", waitSeconds: 1, limitSeconds: undefined })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("Connection refused"),
    });
  });

  testAsRoot.each([undefined, "alone"])(
    "that ends while a step is at work (connection: %s) is told with what to do",
    async (connection) => {
      await sshd.start();
      const running = step(`touch ${sshd.folder}/begun; while echo on; do sleep 0.1; done`, { connection });
      await sshd.until("begun");
      const { port } = sshd.access() as { port: number };
      sshd.must(["nft", "add table inet t; add chain inet t i { type filter hook input priority 0; }"]);
      sshd.must(["nft", `add rule inet t i tcp sport ${port} reject with tcp reset`]);
      const { status, stdout, stderr } = await running;
      expect([status, stdout.startsWith("on\n"), stderr]).toEqual([
        1,
        true,
        expect.stringMatching(
          /^the connection to nas ended while a step was at work there: [^]*\nWhat was begun there goes on to its end\. [^]* Then run the\nsame command again: /,
        ),
      ]);
    },
  );

  testAsRoot("that ended without a word is left for another one", async () => {
    await sshd.start();
    expect(await step("true")).toEqual(well());
    // What a router does that has forgotten its connections.
    sshd.must(["nft", "add table inet t; add chain inet t i { type filter hook input priority 0; }"]);
    const [, port = ""] = (await step("echo $SSH_CONNECTION")).stdout.split(" ");
    sshd.must(["nft", `add rule inet t i tcp sport ${port} drop; add rule inet t i tcp dport ${port} drop`]);
    expect(await step("cat", {}, "document")).toEqual(well("document"));
    expect(sshd.connections).toBe(2);
  });

  test("is another one for another login, and when the key, its file or the operator's own settings have changed", async () => {
    await sshd.start();
    const count = async (more: object = {}) => {
      expect(await step("true", { access: sshd.access(more) })).toEqual(well());
      return sockets().length;
    };
    expect([await count(), await count()]).toEqual([1, 1]);
    expect(await count({ host: "localhost" })).toBe(2);
    utimesSync(join(sshd.folder, "login"), 1, 1);
    expect(await count()).toBe(3);
    mkdirSync(join(sshd.folder, ".ssh"));
    writeFileSync(join(sshd.folder, ".ssh/config"), "");
    expect(await count()).toBe(4);
  });

  test("leaves its folder where others could take its name, while a program is yet to use it", async () => {
    await sshd.start();
    chmodSync(sshd.runtime, 0o1777);
    expect(await step("true", { connection: "alone" })).toEqual(well());
    expect([readdirSync(sshd.runtime), sockets()]).toEqual([[`home-relay-${uid}`], []]);
  });

  test.each([
    ["that others may look into", (folder: string) => chmodSync(folder, 0o755)],
    [
      "that leads elsewhere",
      (folder: string) => {
        rmSync(folder, { recursive: true });
        symlinkSync(sshd.folder, folder);
      },
    ],
  ])("has its socket in no folder %s", async (_what, spoil) => {
    await sshd.start();
    for (const place of [sshd.runtime, sshd.folder]) {
      const folder = join(place, `home-relay-${uid}`);
      mkdirSync(folder, { mode: 0o700 });
      spoil(folder);
    }
    expect(await step("cat", {}, "document")).toEqual(well("document"));
    expect(sshd.connections).toBe(1);
    expect(await step("cat", {}, "document")).toEqual(well("document"));
    expect(sshd.connections).toBe(2);
  });

  test("is gone, with its socket, within a minute of its last use", async () => {
    await sshd.start();
    expect(await step("true")).toEqual(well());
    expect(sockets()).toHaveLength(1);
    const deadline = Date.now() + 60_000;
    while (sockets().length > 0 && Date.now() < deadline) await sleep(1000);
    expect(sockets()).toEqual([]);
    expect(sshd.log()).toMatch(/Disconnected from user|Received disconnect|Connection closed by/);
  });

  test("is none where the path of its socket would be too long, as macOS's folders of temporary files are deep", async () => {
    await sshd.start();
    const deep = join(sshd.folder, "d".repeat(60));
    mkdirSync(deep);
    const env = { XDG_RUNTIME_DIR: deep, TMPDIR: deep };
    const document = { title: "nas", access: sshd.access(), waitSeconds: 25 };
    const told = await sshd.run("run-step.ts", document, { args: ["cat"], input: "document", env });
    expect(told).toEqual(well("document"));
    expect(readdirSync(deep)).toEqual([]);
  });
});

/** A connection that nobody of ours makes. */
function knock(): void {
  const { port } = sshd.access() as { port: number };
  sshd.must(["bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${port}`]);
}
