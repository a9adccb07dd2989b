import { createHash, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { controlCloud } from "../control.ts";
import { exec, machineNames } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, Operator, zone } from "../operator.ts";
import { Progress } from "../progress.ts";
import { must, run } from "../shell.ts";
import { down, up } from "../world.ts";

const minute = 60_000;
jest.setTimeout(minute);
const strangers = new Set<string>([addresses.stranger, addresses.stranger6]);
const forwards = ["80:8080", "443:8081", "64738:64738/tcp+udp"];
const dns = { zone, createZone: true, names: ["@", "www"] };

let operator: Operator;
let traces: string;

beforeAll(async () => {
  const progress = new Progress(process.stderr);
  await down();
  await up(progress);
  traces = await tracesAtHome();
  operator = await Operator.withStack("check", () => undefined);
  await operator.configure({ homes: [await home(forwards)], dns });
}, 30 * minute);

afterAll(down, minute);

/** A page as the stranger gets it; an empty string when nothing answers. */
async function fetched(url: string, family: 4 | 6 = 4): Promise<string> {
  const flags = ["--silent", "--insecure", "--max-time", "4", `-${family}`];
  return (await run(asPerson("stranger", ["curl", ...flags, url]))).stdout;
}

/** What the UDP echo at home answers to the stranger. */
async function echoed(address: string, port: number, payload: string): Promise<string> {
  const command = ["nc", "-u", "-w", "2", address, String(port)];
  return (await run(asPerson("stranger", command), { input: `${payload}\n` })).stdout.trim();
}

async function tracesAtHome(): Promise<string> {
  const script = await readFile(join(import.meta.dirname, "../traces.sh"), "utf8");
  const { code, stdout, stderr } = await exec("home", ["bash", "-s"], { input: script });
  if (code !== 0) throw new Error(`traces.sh: ${stderr}`);
  return stdout;
}

async function relayName(): Promise<string> {
  const servers = (await machineNames()).filter((name) => name.startsWith("server-"));
  expect(servers).toHaveLength(1);
  return servers[0] ?? "";
}

/** Resources that an `up` created, changed, replaced or deleted, as `type name`, sorted. */
function touched(json: string): string[] {
  const steps = (JSON.parse(json) as { steps: { op: string; urn: string }[] }).steps;
  return steps
    .filter(({ op }) => op !== "same")
    .map(({ op, urn }) => `${op} ${urn.split("::").slice(-2).join(" ").replace(/^.*\$/, "")}`)
    .sort();
}

async function previewed(): Promise<string[]> {
  const { code, stdout, stderr } = await operator.pulumi(["preview", "--json", "--non-interactive"]);
  if (code !== 0) throw new Error(stdout + stderr);
  return touched(stdout);
}

describe("the first up", () => {
  let output: string;
  const processes = new Set<string>();

  beforeAll(async () => {
    const watching = watchProcesses(processes);
    try {
      output = await operator.up(["--diff"]);
    } finally {
      await watching.end();
    }
  }, 10 * minute);

  test.each(["http://www.example.org/", "http://example.org/"])(
    "lets a stranger fetch %s by name, and home sees the stranger's own address",
    async (url) => {
      expect(await fetched(url)).toContain(`<p>You are ${addresses.stranger}</p>`);
      expect(await fetched(url, 6)).toContain(`<p>You are ${addresses.stranger6}</p>`);
    },
  );

  test("passes TLS through untouched: the certificate is the home's, and its key is nowhere else", async () => {
    const { stdout } = await run(
      asPerson("stranger", ["openssl", "s_client", "-connect", `www.${zone}:443`, "-servername", zone]),
    );
    const shown = new X509Certificate(/-----BEGIN[^]*?END CERTIFICATE-----/.exec(stdout)?.[0] ?? "");
    const files = (await shellOn("home", "find / -xdev -name '*.pem' -path '*lab*'")).trim().split("\n");
    const atHome = await Promise.all(files.map((file) => shellOn("home", `cat '${file}'`)));
    expect(
      atHome.some(
        (text) =>
          text.includes("CERTIFICATE") && new X509Certificate(text).fingerprint256 === shown.fingerprint256,
      ),
    ).toBe(true);
    expect(await fetched(`https://${zone}/`)).toContain(`You are ${addresses.stranger}`);
    const onRelay = await shellOn(
      await relayName(),
      "grep -rlE 'BEGIN (EC |RSA )?PRIVATE KEY' /etc /root /usr/local /var/lib || true",
    );
    expect(onRelay).toBe("");
  });

  test.each([4, 6] as const)(
    "carries UDP over IPv%i, and home sees the stranger's own address",
    async (family) => {
      const { ipv4Address, ipv6Address } = await operator.outputs();
      const answer = await echoed(String(family === 4 ? ipv4Address : ipv6Address), 64738, "hello");
      const [client = "", payload] = answer.split(" ");
      expect(strangers).toContain(client);
      expect(payload).toBe("hello");
    },
  );

  test("leaves everything at home that was not forwarded out of reach", async () => {
    const { ipv4Address, ipv6Address } = await operator.outputs();
    for (const address of [ipv4Address, ipv6Address])
      for (const port of [8080, 8081, 9999, 5000])
        expect(
          (await run(asPerson("stranger", ["nc", "-z", "-w", "2", String(address), String(port)]))).code,
        ).not.toBe(0);
  });

  test("keeps the home's own traffic off the relay", async () => {
    expect(await shellOn("home", `ip route get ${addresses.stranger}`)).toContain(
      `via ${addresses.homeRouter}`,
    );
  });

  test("ends the relay's first boot with no complaint, and no process of ours runs there", async () => {
    const relay = await relayName();
    expect(JSON.parse(await shellOn(relay, "cloud-init status --format json"))).toMatchObject({
      status: "done",
      errors: [],
      recoverable_errors: {},
    });
    await shellOn(relay, "cloud-init schema --system");
    const config = await shellOn(relay, "sshd -T");
    for (const line of [
      "passwordauthentication no",
      "permitrootlogin without-password",
      "allowusers root",
      "x11forwarding no",
    ])
      expect(config).toContain(`${line}\n`);
    expect(await shellOn(relay, "systemctl --failed --no-legend")).toBe("");
  });

  test("shows no private or preshared key anywhere it could be seen", async () => {
    const relay = await relayName();
    const keys = [
      ...(await keyTexts("home", "/etc/homerelay/keys")),
      ...(await keyTexts(relay, "/etc/homerelay/keys")),
      ...(await keyTexts(relay, "/etc/ssh/ssh_host_ed25519_key")),
      ...(await seeds()),
    ];
    expect(keys.length).toBeGreaterThanOrEqual(4);
    const exported = (await operator.pulumi(["stack", "export"])).stdout;
    const userData = await shellOn(relay, "cat /var/lib/cloud/instance/user-data.txt");
    const places = { output, exported, userData, processes: [...processes].join("\n") };
    expect(processes.size).toBeGreaterThan(20);
    expect(exported.length).toBeGreaterThan(1000);
    for (const key of keys)
      for (const [place, text] of Object.entries(places))
        expect([place, text.includes(key)]).toEqual([place, false]);
    expect(userData).toContain("ed25519_private");
  });

  test(
    "is followed by an up and a preview that change nothing",
    async () => {
      await controlCloud({ reset: "requests" });
      expect(await operator.up(["--expect-no-changes"])).toMatch(/unchanged/);
      const preview = await operator.pulumi(["preview", "--expect-no-changes", "--non-interactive"]);
      expect(preview.code).toBe(0);
      expect(await controlCloud({ get: "requests" })).toEqual([]);
    },
    5 * minute,
  );

  test("asked the cloud nothing that it does not know", async () => {
    expect(await controlCloud({ get: "unexpected" })).toEqual([]);
  });
});

describe("a forward that is added", () => {
  const more = [...forwards, "9000:9999"];

  beforeAll(async () => {
    await operator.configure({ homes: [await home(more)], dns });
  }, minute);

  test(
    "shows in the preview as a line of the component's inputs and of both rulesets",
    async () => {
      const { stdout } = await operator.pulumi([
        "preview",
        "--diff",
        "--non-interactive",
        "--color",
        "never",
      ]);
      expect(stdout).toMatch(/\+\s+\[3\]: "9000:9999\/tcp"/);
      expect(stdout).toMatch(/\+\s+tcp \. 9000 : 10\.77\.\d+\.\d+ \. 9999,/);
      expect(stdout).toMatch(/\+\s+tcp \. 9999,/);
    },
    minute,
  );

  test(
    "touches the relay's firewall, the provider's and the home's guard, with their proofs, and nothing else",
    async () => {
      expect(await previewed()).toEqual([
        "update command:local:Command nas-guard",
        "update command:local:Command nas-proof",
        "update command:remote:Command relay-firewall-confirm",
        "update command:remote:Command relay-firewall-rules",
        "update hcloud:index/firewall:Firewall provider-firewall-rules",
        "update homerelay:firewall:Firewall relay-firewall",
        "update homerelay:firewall:ProviderFirewall provider-firewall",
        "update homerelay:home:Home nas",
        "update homerelay:reachability:Reachability nas",
      ]);
    },
    minute,
  );

  test(
    "is reached by the stranger after the next up",
    async () => {
      await operator.up();
      const { ipv4Address } = await operator.outputs();
      const answer = await run(asPerson("stranger", ["nc", "-w", "2", String(ipv4Address), "9000"]), {
        input: "hello\n",
      });
      expect(answer.stdout.trim()).toBe(`${addresses.stranger} hello`);
    },
    3 * minute,
  );

  test(
    "is out of reach again when it is taken away, and the others still answer",
    async () => {
      await operator.configure({ homes: [await home(forwards)], dns });
      await operator.up();
      const { ipv4Address } = await operator.outputs();
      expect(
        (await run(asPerson("stranger", ["nc", "-z", "-w", "2", String(ipv4Address), "9000"]))).code,
      ).not.toBe(0);
      expect(await fetched(`http://${zone}/`)).toContain("Hello from home");
    },
    3 * minute,
  );
});

describe("a pinned host key that is not the home's", () => {
  test(
    "stops up with both fingerprints and the mend",
    async () => {
      const other = await must(
        asPerson("operator", [
          "sh",
          "-c",
          "d=$(mktemp -d); ssh-keygen -qt ed25519 -N '' -f $d/k; cat $d/k.pub; rm -r $d",
        ]),
      );
      const [type = "", blob = ""] = other.split(" ");
      const it = await home(forwards);
      const pinned = `${type} ${blob}`;
      await operator.configure({
        homes: [{ ...it, ssh: { ...(it["ssh"] as object), hostKey: pinned } }],
        dns,
      });
      const { code, stdout } = await operator.pulumi(["up", "--yes", "--skip-preview", "--non-interactive"]);
      expect(code).not.toBe(0);
      expect(stdout).toContain("shows a host key that is not the pinned one");
      const fingerprint = createHash("sha256")
        .update(Buffer.from(blob, "base64"))
        .digest("base64")
        .replace(/=+$/, "");
      expect(stdout).toContain(`pinned:  SHA256:${fingerprint}`);
      expect(stdout).toContain("put its new line into ssh.hostKey of nas");
      await operator.configure({ homes: [it], dns });
      await operator.up();
    },
    3 * minute,
  );
});

describe("destroy", () => {
  beforeAll(async () => {
    await operator.destroy();
  }, 5 * minute);

  test("leaves no server, address, key, firewall, zone or record in the cloud", async () => {
    expect(await controlCloud({ get: "everything" })).toEqual({
      ssh_keys: [],
      primary_ips: [],
      firewalls: [],
      servers: [],
      zones: [],
      rrsets: [],
    });
  });

  test("leaves no file, unit, rule, route, interface or setting of ours at home", async () => {
    expect(await tracesAtHome()).toBe(traces);
  });
});

async function shellOn(machine: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await exec(machine, ["sh", "-c", command]);
  if (code !== 0) throw new Error(`${machine}: ${command}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** The distinguishing part of every key below a path: whole short texts, one inner line of a PEM file. */
async function keyTexts(machine: string, path: string): Promise<string[]> {
  const text = await shellOn(machine, `find ${path} -type f -exec cat {} +`);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  return text.includes("-----BEGIN") ? [lines[2] ?? lines[0] ?? ""] : lines;
}

/** The random texts that all keys are derived from. */
async function seeds(): Promise<string[]> {
  const { stdout } = await operator.pulumi(["stack", "export", "--show-secrets"]);
  return [...stdout.matchAll(/"result": ?"\\?"?([^"\\]{32,})/g)].map(([, seed = ""]) => seed);
}

/** Collects every command line that is seen on the hosts and at the operator's while something runs. */
function watchProcesses(seen: Set<string>): { end: () => Promise<void> } {
  const ending = new AbortController();
  const loop = (async () => {
    while (!ending.signal.aborted) {
      const machines = await machineNames().catch(() => []);
      const lists = await Promise.all([
        ...machines.map((name) => exec(name, ["ps", "axww", "-o", "args="]).catch(() => undefined)),
        run(["ps", "axww", "-o", "args="]),
      ]);
      for (const list of lists) for (const line of (list?.stdout ?? "").split("\n")) seen.add(line);
      await sleep(150);
    }
  })();
  return {
    end: () => {
      ending.abort();
      return loop;
    },
  };
}
