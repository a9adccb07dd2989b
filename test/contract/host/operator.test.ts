/** What runs on the operator's machine, where no host answers; answers of real hosts are the lab's matter. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createApi } from "node:http";
import type { Server } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { uninstallParts } from "../../../components/host/scriptParts.ts";
import { asRoot } from "../tool.ts";

jest.setTimeout(60_000);

const project = join(__dirname, "../../..");
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
const quiet = "--disable-warning=ExperimentalWarning";
let closedPort: number;

beforeAll(async () => {
  closedPort = await new Promise<number>((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
});

test("a host that refuses us is named, with what was tried, for how long, and what to look at", () => {
  const answer = reach({ waitSeconds: 2 });
  expect([answer.status, answer.stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(
        `^nas turns us away: tried ssh to 127\\.0\\.0\\.1 port ${closedPort} as root for [2-9] s, ` +
          "last answer: ssh: connect to host .* Connection refused\\s+" +
          "Something is switched on there\\. If nobody ever got in: is this the right port, and does its sshd run\\?\\n" +
          `[^]*\\n {2}ufw prepend allow proto tcp from ADDRESS to any port ${closedPort}\\n[^]*\\n` +
          "To do meanwhile what does not need it: {2}pulumi up --continue-on-error\\n$",
      ),
    ),
  ]);
  expect(answer.stdout).toMatch(
    /^(waiting for nas \(127\.0\.0\.1 port \d+\): .*refused \(\d s, next try in 2 s\)\n)+$/,
  );
});

test("a key in a folder with a space in its name is one file, also for the jump host", () => {
  const folder = mkdtempSync(join(tmpdir(), "home relay "));
  try {
    const identityFile = join(folder, "key");
    const through = { ...jump(), identityFile: join(folder, "other key") };
    for (const way of [{}, { jump: through }])
      expect(reach({ access: { ...access(), identityFile, ...way }, waitSeconds: 1 }).stderr).toContain(
        "Connection refused",
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("a host that answers", () => {
  /** Has another `ssh`, of these lines of bash; `$command` is what the host is told, `$mark` begins its answers. */
  const reachBy = (ssh: string, changes: object = {}, input = "") => {
    const folder = mkdtempSync(join(tmpdir(), "home-relay-ssh-"));
    const tool = (name: string, text: string) =>
      writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
    const mark = 'mark=$(grep -oE "home-relay-[0-9a-f]{12}" <<<"$command" | head -n 1)';
    try {
      tool(
        "ssh",
        `for command; do :; done; echo >>${folder}/calls; calls=$(wc -l <${folder}/calls); ${mark}\n${ssh}`,
      );
      // What a host's own shell is told to run.
      tool(
        "sh",
        '[ "$1" = -c ] && exec /bin/sh "$@"; cat >/dev/null; [ "$1 $2" = "-s --" ] && echo "$3 end"',
      );
      const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
      const answer = reach({ waitSeconds: 5, ...changes }, { env, input });
      return { ...answer, calls: readFileSync(join(folder, "calls"), "utf8").length };
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const reached = { status: 0, stdout: "nas is reached\n", stderr: "" };
  const refused = "{ echo 'ssh: connect to host nas port 22: Connection refused' >&2; exit 255; }";
  const asAdmin = () => ({ access: { ...access(), user: "admin" } });

  test("is let in, then asked once", () => {
    expect(reachBy('exec bash -c "$command"')).toEqual({ ...reached, calls: 2 });
    expect(reachBy('exec bash -c "$command"', asAdmin())).toEqual({ ...reached, calls: 2 });
  });

  test("only later, and is away for a moment, as at the end of a first boot, is asked again", () => {
    const ssh = `case $calls in 1 | 3) ${refused} ;; esac; exec bash -c "$command"`;
    const waiting =
      /^waiting for nas .*: ssh: connect to host nas port 22: Connection refused \(0 s, next try in 2 s\)\nnas is reached\n$/;
    expect(reachBy(ssh)).toEqual({ ...reached, stdout: expect.stringMatching(waiting), calls: 5 });
  });

  test("and ends each connection before it has answered is given up", () => {
    const { status, stderr } = reachBy(`[[ $command == true ]] || ${refused}`);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^nas \(127\.0\.0\.1 port \d+\) answers, and ends the connection before it has told what it is: ssh: connect/,
      ),
    ]);
  });

  test("by a login shell of another kind, such as fish, is asked in words that it passes on as they are", () => {
    // It knows no ${NAME-}, no assignments and no `.`; but it runs programs with quoted words.
    const fish = `outside=$(sed "s/'[^']*'//g" <<<"$command")
      case $outside in *['$(;&|']* | '. '*) echo "fish: $command" >&2; exit 127 ;; esac
      case \${outside%% *} in *=*) echo "fish: $command" >&2; exit 127 ;; esac
      exec bash -c "$command"`;
    expect(reachBy(fish)).toEqual({ ...reached, calls: 2 });
    expect(reachBy(fish, asAdmin())).toEqual({ ...reached, calls: 2 });
  });

  test("with a greeting before and behind what it is asked for is understood", () => {
    const answers = `printf '%s note its clock is late.\\n%s end\\n' "$mark" "$mark"`;
    for (const ssh of [
      `echo Welcome to nas; ${answers}; echo Bye`,
      `printf '\\e]0;nas\\a$ '; echo; ${answers}; printf Bye`,
    ])
      expect(reachBy(ssh)).toEqual({
        ...reached,
        stdout: "nas: its clock is late.\nnas is reached\n",
        calls: 2,
      });
  });

  test("and does something else than it is asked, such as another shell that .bashrc starts, is named with the mend", () => {
    const { status, stderr } = reachBy("cat >/dev/null; echo 'Welcome to fish'");
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^nas \(.*\) lets root in, and does not do what it is asked; it said: Welcome to fish\nDoes a/,
      ),
    ]);
  });

  test("and never ends its answer is given up, and not read to the end of this machine's memory", () => {
    const { status, stderr } = reachBy('[[ $command == true ]] || exec yes "I am nas"');
    expect([status, stderr.length < 2000, stderr]).toEqual([
      1,
      true,
      expect.stringMatching(
        /^nas \(.*\) lets root in, and does not do what it is asked; it said: I am nas\n[^]*…\n\(it said more than any host has to say\)\nDoes a/,
      ),
    ]);
  });

  test("and refuses the password is asked once: hosts lock out those who guess", () => {
    const document = { passwordKey: "key", access: { ...access(), way: "password" } };
    const refusal = "echo 'Permission denied (publickey,password).' >&2; exit 255";
    const answer = reachBy(refusal, document, JSON.stringify({ password: "wrong" }));
    expect(answer.stderr).toMatch(/ refuses the password of root\. Set the right one:\n/);
    expect(answer.calls).toBe(1);
  });

  test("and cannot be set up is refused once, with all of its problems, and what is to be known besides", () => {
    const answers = [
      "note its clock is late.",
      "problem It has no apt-get.",
      "more Mend it.",
      "problem It is full.",
      "end",
    ];
    const ssh = answers.map((one) => `echo "$mark ${one}"`).join("\n");
    expect(reachBy(ssh)).toEqual({
      status: 1,
      stdout: "nas: its clock is late.\n",
      stderr: `nas (127.0.0.1 port ${closedPort}) cannot be set up as it is. Nothing was changed there.
- It has no apt-get.
  Mend it.
- It is full.
`,
      calls: 2,
    });
  });
});

test("a host that knows what its silence may mean says so last", () => {
  const answer = reach({ waitSeconds: 1, silenceMend: "look into the tunnel" });
  expect(answer.stderr).toMatch(/Connection refused\r?\nlook into the tunnel\n$/);
});

test("a name that does not exist is told at once", () => {
  const answer = reach({ access: { ...access(), host: "nas.invalid" }, waitSeconds: 60 });
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr).toMatch(/^nas: ssh: Could not resolve hostname nas\.invalid: /);
});

test("a host that takes a connection and says nothing is given up when the wait is over", async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const answer = reach({ access: { ...access(), port }, waitSeconds: 3 });
  silent.close();
  expect([answer.status, answer.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^nas does not answer: tried ssh to 127\.0\.0\.1 port \d+ as root for \d s, last answer: .*timed out/,
    ),
  ]);
}, 20_000);

test("a jump host that refuses us is named instead of the host behind it", () => {
  const answer = reach({ access: { ...access(), jump: jump() }, waitSeconds: 1 });
  expect([answer.status, answer.stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(
        `^the jump host of nas turns us away: tried ssh to 127\\.0\\.0\\.1 port ${closedPort} as root, ` +
          `through ops@127\\.0\\.0\\.1 port ${closedPort}, for \\d s, last answer: jump host: ssh: connect to host`,
      ),
    ),
  ]);
});

test("a jump host's name that does not exist is told at once", () => {
  const through = { ...jump(), host: "gate.invalid" };
  const answer = reach({ access: { ...access(), jump: through }, waitSeconds: 60 });
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr).toMatch(
    /^the jump host of nas \(gate\.invalid port \d+\): ssh: Could not resolve hostname gate\.invalid: /,
  );
});

test("a home behind a jump host that cannot be cleaned is told with the way through it", () => {
  const answer = run("host/uninstall-host.ts", cleaning({ access: { ...access(), jump: jump() } }));
  expect(answer.stderr).toContain(
    `components/home/uninstall-home.sh | ssh -J ops@127.0.0.1:${closedPort} -p ${closedPort} root@127.0.0.1 'bash -s 0123456789abcdef nas'\n`,
  );
});

test("a step on this very machine runs with no way to anywhere, and its document on stdin", () => {
  const document = { title: "nas", access: { way: "here" }, waitSeconds: 1 };
  const args = ["sh", "-c", "'cat; exit 3'"];
  const { status, stdout } = run("host/run-step.ts", document, { args, input: "document\n" });
  expect([status, stdout]).toEqual([3, "document\n"]);
});

test("what a host says in a step is text alone, whatever else it sends to the terminal", () => {
  const document = { title: "nas", access: { way: "here" }, waitSeconds: 1 };
  const words = String.raw`\033]0;nas\007\033[2Jten → \302\233five\r\n`;
  const args = ["sh", "-c", `'printf "${words}"; printf "${words}" >&2'`];
  const { status, stdout, stderr } = run("host/run-step.ts", document, { args });
  const text = "]0;nas[2Jten → five\n";
  expect([status, stdout, stderr]).toEqual([0, text, text]);
});

test("a step that never stops talking is ended", () => {
  const document = { title: "nas", access: { way: "here" }, waitSeconds: 1 };
  const { status, stderr } = run("host/run-step.ts", document, { args: ["yes"] });
  expect([status, stderr]).toEqual([1, "ended here: it said more than any host has to say\n"]);
});

test("a command that takes too long is ended, whatever it has started", () => {
  const program = `import { Connection } from "./components/host/connection.ts";
    const said = await Connection.open({ way: "here" }).run("echo begun; sleep 60 & sleep 61", { limitSeconds: 1 });
    console.log(JSON.stringify(said));`;
  const { stdout } = spawnSync(process.execPath, [quiet, "--input-type=module", "--eval", program], {
    cwd: project,
    encoding: "utf8",
    timeout: 30_000,
  });
  expect(JSON.parse(stdout)).toMatchObject({ code: 1, said: "begun\n(it took longer than 1 s)" });
});

test("this very machine is refused when it is no Debian, by its name alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-system-"));
  try {
    writeFileSync(join(folder, "os-release"), 'ID=alpine\nPRETTY_NAME="Alpine Linux v3.22"\n');
    const inside = `mount --bind ${folder}/os-release /etc/os-release && exec "$0" "$@"`;
    const program = [process.execPath, quiet, "components/host/reach-host.ts"];
    const { status, stderr } = spawnSync("unshare", [...asRoot, "--mount", "sh", "-c", inside, ...program], {
      cwd: project,
      encoding: "utf8",
      input: "",
      env: { PATH: process.env["PATH"], HOMERELAY_DOCUMENT: JSON.stringify(here()) },
    });
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^nas, this machine, cannot be set up as it is\. Nothing was changed there\.\n- It is no Debian .*; found Alpine Linux v3\.22\.\n/,
      ),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a step for a host that refuses us waits for it, and names it and how to go on without it", () => {
  const answer = step({ waitSeconds: 2 });
  expect([answer.status, answer.stdout]).toEqual([
    1,
    expect.stringMatching(/^(waiting for nas \(\d s, next try in 2 s\)\n)+$/),
  ]);
  expect(answer.stderr).toMatch(
    new RegExp(
      `^nas turned us away for [2-9] s: ssh: connect to host 127\\.0\\.0\\.1 port ${closedPort}: Connection refused\\n` +
        "[^]*\\nTo do meanwhile what does not need it: {2}pulumi up --continue-on-error\\n$",
    ),
  );
});

test("a step for a host that no resolver knows ends at once", () => {
  const answer = step({ access: { ...access(), host: "nas.invalid" }, waitSeconds: 60 });
  expect([answer.status, answer.stdout]).toEqual([255, ""]);
  expect(answer.stderr).toMatch(/^ssh: Could not resolve hostname nas\.invalid: /);
});

test("a home that cannot be cleaned is told last, with every way to finish", () => {
  const urn = "urn:pulumi:dev::home-relay::x::nas-on-destroy";
  const answer = run("host/uninstall-host.ts", cleaning({ access: { ...access(), user: "admin" }, urn }));
  expect([answer.status, answer.stdout]).toEqual([1, ""]);
  expect(answer.stderr.replace(/ was not cleaned: .*\s*\n/, " was not cleaned: …\n")).toBe(`\
nas (127.0.0.1 port ${closedPort}) was not cleaned: …
It kept nothing alive that is billed: what this run was to take away at the provider is gone.
To finish when nas is back, run the same command again: pulumi destroy, or pulumi up if you took nas out of the settings.
To give it up for good, before that command:
  pulumi state delete 'urn:pulumi:dev::home-relay::x::nas-on-destroy'
What is on it then goes by hand:
  cat ${cleaningScripts} | ssh -p ${closedPort} admin@127.0.0.1 'sudo -n bash -s 0123456789abcdef nas'
`);
});

test("the script for a home is printed as it is, and for any other name what there is", () => {
  const folder = mkdtempSync(join(tmpdir(), "home-relay-pulumi-"));
  try {
    const outputs = {
      nas: { next: "run it", script: "#!/bin/bash\n'a' \"b\"\n", wireguard: "[Interface]\n" },
    };
    writeFileSync(
      join(folder, "pulumi"),
      `#!/bin/sh\ncat <<'END'\n${JSON.stringify({ manual: outputs })}\nEND\n`,
      {
        mode: 0o755,
      },
    );
    const print = (...args: string[]) =>
      spawnSync(process.execPath, ["components/home/print-home.ts", ...args], {
        cwd: project,
        encoding: "utf8",
        env: { PATH: `${folder}:${process.env["PATH"] ?? ""}` },
      });
    expect(print("nas").stdout).toBe(outputs.nas.script);
    expect(print("nas", "wireguard").stdout).toBe("[Interface]\n");
    const { status, stdout, stderr } = print("nsa");
    expect([status, stdout, stderr]).toEqual([
      2,
      "",
      "usage: npm run -s home NAME [wireguard]; homes with install: manual: nas\n",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("a host that may be another machine than before", () => {
  /** How the machine was reached: the note of the run that set it up. */
  const note = (changes: object = {}) => JSON.stringify({ ...access(), ...changes }, undefined, 2);
  const clean = (before: string | undefined, changes: object = {}) =>
    run("host/clean-former.ts", cleaning({ access: { ...access(), ...changes } }), {
      input: JSON.stringify({ noteSecret: "secret" }),
      env: before === undefined ? {} : { PULUMI_COMMAND_STDOUT: before },
    });

  test("is noted when it is new", () => {
    expect(clean(undefined)).toEqual({ status: 0, stdout: `${note()}\n`, stderr: "" });
  });

  test("is the same at another address, with another login and another jump host", () => {
    const before = note({ host: "192.0.2.1", user: "admin", port: 1 });
    expect(clean(before, { jump: jump() })).toEqual({
      status: 0,
      stdout: `${note({ jump: jump() })}\n`,
      stderr: "",
    });
  });

  test("is another one with another host key; the one before it is named with every way to finish", () => {
    const before = note({
      hostKeys: [`${key.slice(0, -1)}V`],
      user: "admin",
      identityFile: "~/keys/old nas",
    });
    const { status, stdout, stderr } = clean(before);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      new RegExp(
        `^nas is another machine now, and the one before it \\(127\\.0\\.0\\.1 port ${closedPort}\\) was not cleaned: ssh: .*\\s+` +
          "Keep that one off until it is: .*\\n" +
          "To finish when it can be reached, .*: pulumi up\\.\\n" +
          "To give it up for good, before that command:\\n" +
          " {2}pulumi state delete --target-dependents 'urn'\\n" +
          "What is on it then goes by hand:\\n" +
          ` {2}cat ${cleaningScripts} \\| ssh -p ${closedPort} admin@127\\.0\\.0\\.1 'sudo -n bash -s 0123456789abcdef nas'\\n$`,
      ),
    );
  });
});

describe("destroy looks for a server that is left", () => {
  let api: Server;
  let endpoint: string;
  let asked: { url: string | undefined; authorization: string | undefined };
  let answer: { status: number; body: string };

  beforeAll(async () => {
    api = createApi((request, response) => {
      asked = { url: request.url, authorization: request.headers.authorization };
      response.writeHead(answer.status).end(answer.body);
    }).listen(0, "127.0.0.1");
    await once(api, "listening");
    endpoint = `http://127.0.0.1:${(api.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => {
    api.close();
  });

  /** Not `spawnSync`: this process answers. */
  async function find(
    token: string,
    at: string,
    env: Record<string, string> = {},
    more: object = {},
    args: readonly string[] = [],
  ): Promise<[number | null, string]> {
    const document = JSON.stringify({ server: "home-relay-dev", ...more });
    const environment = { PATH: process.env["PATH"], HOMERELAY_DOCUMENT: document, ...env };
    const program = [quiet, "components/hetzner/find-stray-server.ts", ...args];
    const child = spawn(process.execPath, program, { cwd: project, env: environment });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
    child.stdin.end(JSON.stringify({ endpoint: at, token, ...(token === "" ? {} : { stackId: "0123" }) }));
    const [code] = (await once(child, "close")) as [number | null];
    return [code, text];
  }

  const gone = "The server home-relay-dev is gone from Hetzner.\n";

  test("and is content when there is none", async () => {
    answer = { status: 200, body: '{ "servers": [], "meta": {} }' };
    expect(await find("token", endpoint)).toEqual([0, gone]);
    expect(asked).toEqual({
      url: "/v1/primary_ips?page=1&per_page=50",
      authorization: "Bearer token",
    });
  });

  test("with the token from the environment where it is given none, and at no other address than its own", async () => {
    answer = { status: 200, body: '{"servers":[]}' };
    const env = { HCLOUD_ENDPOINT: "http://127.0.0.1:9/v1", HCLOUD_TOKEN: "other" };
    expect(await find("", endpoint, env)).toEqual([0, gone]);
    expect(asked.authorization).toBe("Bearer other");
  });

  test("and fails with its number and what to do", async () => {
    answer = {
      status: 200,
      body: '{\n "servers": [\n {\n "labels": {}, "id": 1005,\n "image": {"id": 7}, "name": "home-relay-dev"}]}',
    };
    const [code, text] = await find("token", endpoint);
    expect([code, text]).toEqual([
      1,
      expect.stringContaining("still has a server home-relay-dev (number 1005)"),
    ]);
    expect(text).toContain("Delete it in Hetzner's console, then run the same command again.");
  });

  test("made under the stack's former name too, and none of another stack that has its name", async () => {
    const servers = (id: string) =>
      JSON.stringify({
        servers: [
          { id: 1, name: "home-relay-dev", labels: { "home-relay-stack": "others" } },
          { id: 2, name: "home-relay-old", labels: { "home-relay-stack": id } },
        ],
      });
    answer = { status: 200, body: servers("others") };
    expect(await find("token", endpoint)).toEqual([0, gone]);
    answer = { status: 200, body: servers("0123") };
    expect(await find("token", endpoint)).toEqual([
      1,
      expect.stringContaining("still has a server home-relay-old (number 2)"),
    ]);
  });

  test("and of an address of the stack's that it does not go by up is warned before it makes a server, and fails for none", async () => {
    const address = (id: number, stack: string, assignee: number | null) => ({
      id,
      name: `primary_ip-${id}`,
      ip: `203.0.113.${id}`,
      assignee_id: assignee,
      labels: { "home-relay-stack": stack },
    });
    // Known, of another stack, and still at the server that is about to be replaced.
    const others = [address(1, "0123", null), address(2, "others", null), address(3, "0123", 9)];
    const known = { addresses: ["1"] };
    answer = { status: 200, body: JSON.stringify({ servers: [], primary_ips: others }) };
    expect(await find("token", endpoint, {}, known, ["addresses"])).toEqual([0, ""]);
    const body = JSON.stringify({ servers: [], primary_ips: [...others, address(4, "0123", null)] });
    answer = { status: 200, body };
    expect(await find("token", endpoint, {}, known, ["addresses"])).toEqual([
      0,
      `Hetzner still has an address 203.0.113.4 (primary_ip-4, number 4), which this stack does not go by and which is billed.
If it is still there when this has ended well, a pulumi that was ended at once left it: delete it in Hetzner's console.
`,
    ]);
    expect(await find("token", endpoint, {}, known)).toEqual([
      0,
      "The server home-relay-dev is gone from Hetzner. Next 203.0.113.1 and 203.0.113.3 and 203.0.113.4 go back there: others will get them, and another pulumi up gets new ones.\n",
    ]);
  });

  test("and asks again while Hetzner has too much to do", async () => {
    answer = { status: 503, body: "{}" };
    const found = find("token", endpoint);
    await sleep(600);
    answer = { status: 200, body: '{"servers":[]}' };
    expect(await found).toEqual([0, gone]);
  });

  test("and says so when it cannot ask", async () => {
    answer = { status: 401, body: "{}" };
    const [code, text] = await find("s3cret", endpoint);
    expect([code, text]).toEqual([
      1,
      expect.stringMatching(
        /^Could not ask Hetzner .*home-relay-dev is left:\nhcloud:token: Hetzner does not know it/,
      ),
    ]);
    expect(text).not.toContain("s3cret");
  });
});

describe("an SSH endpoint", () => {
  const wanted = { host: "127.0.0.1", port: 2222 };
  const move = (changes: object, known = "") => {
    const document = {
      ...{ title: "the relay", user: "root", lostMend: "take a new one" },
      ...{ keys: { admin: key, host: key }, firstKeys: { admin: key, host: key } },
      ...{ wanted, publicAddress: "127.0.0.1", sshVia: "public", sshPeers: [] },
      ...changes,
    };
    const input = JSON.stringify({ loginKey: "no key\n", firstLoginKey: "no key\n", noteSecret: "" });
    return run("relay/move-ssh-endpoint.ts", document, { input, env: { PULUMI_COMMAND_STDOUT: known } });
  };

  test("of a relay that is not there yet is noted, and nobody is asked", () => {
    expect(move({})).toEqual({ status: 0, stdout: "127.0.0.1 2222\n", stderr: "" });
  });

  test("through the tunnel of such a relay is refused", () => {
    const { status, stdout, stderr } = move({ sshVia: "tunnel" });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("first run up with\nsshVia: public");
  });

  test("cannot be moved where none is open: all that were tried are named, and the mends", () => {
    const { status, stdout, stderr } = move({}, `127.0.0.1 ${closedPort}\n127.0.0.2 ${closedPort}`);
    expect([status, stdout]).toEqual([1, ""]);
    for (const address of ["127.0.0.1", "127.0.0.2"])
      expect(stderr).toMatch(new RegExp(`\n  ${address} port ${closedPort}: ssh: .* Connection refused\n`));
    expect(stderr).toContain("nothing has changed");
    expect(stderr).toMatch(/ take a new one\n$/);
  }, 60_000);

  test("that was one before, at the port that the newest has, is no reason to go on", () => {
    const known = `127.0.0.2 ${closedPort}\n127.0.0.1 ${closedPort}`;
    expect(move({ wanted: { host: "127.0.0.1", port: closedPort } }, known).status).toBe(1);
  }, 60_000);

  test("that was one before is tried even when none is open, for the provider's firewall may be all that closes it", () => {
    const { status, stdout } = move({}, `127.0.0.1 ${closedPort}\n127.0.0.1 2222`);
    expect([status, stdout]).toEqual([0, `127.0.0.1 2222\n127.0.0.1 ${closedPort}\n`]);
  }, 60_000);
});

function access(): object {
  return { way: "ssh", host: "127.0.0.1", port: closedPort, user: "root", hostKeys: [key] };
}

function jump(): object {
  return { host: "127.0.0.1", port: closedPort, user: "ops", hostKey: key };
}

/** What takes our things off a home, in the order in which the host reads it. */
const cleaningScripts = [...uninstallParts, "home/uninstall-home.sh"]
  .map((script) => `components/${script}`)
  .join(" ");

const stack = { stackId: "0123456789abcdef", stack: "home-relay/dev" };

const needs = { packages: [] };

function here(): object {
  return { title: "nas", access: { way: "here" }, ...stack, waitSeconds: 1, hostKeyMend: "mend", needs };
}

function cleaning(changes: object): object {
  const { stackId } = stack;
  return {
    title: "nas",
    nameOnHost: "nas",
    access: access(),
    stackId,
    urn: "urn",
    script: "home/uninstall-home.sh",
    ...changes,
  };
}

function reach(changes: object, fed: Fed = {}) {
  const document = { title: "nas", access: access(), ...stack, hostKeyMend: "mend", needs, ...changes };
  return run("host/reach-host.ts", document, fed);
}

function step(changes: object) {
  return run("host/run-step.ts", { title: "nas", access: access(), ...changes }, { args: ["true"] });
}

interface Fed {
  readonly args?: readonly string[];
  readonly input?: string;
  readonly env?: Record<string, string>;
}

function run(program: string, document: object, { args = [], input = "", env = {} }: Fed = {}) {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [quiet, `components/${program}`, ...args],
    {
      cwd: project,
      encoding: "utf8",
      maxBuffer: Infinity,
      input,
      env: { PATH: process.env["PATH"], LC_ALL: "C", HOMERELAY_DOCUMENT: JSON.stringify(document), ...env },
    },
  );
  if (error) throw error;
  if (/ssh is not on this machine/.test(stderr))
    throw new Error("ssh is not on this machine; install it: apt-get install openssh-client");
  return { status, stdout, stderr };
}
