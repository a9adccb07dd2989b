import { createHash, X509Certificate } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { addresses } from "../addresses.ts";
import { cloudRequests, forgetCloudRequests, inCloud } from "../cloudByHand.ts";
import { controlCloud } from "../control.ts";
import { failingUp } from "../expectations.ts";
import { raiseLab } from "../fixture.ts";
import { exec, machineNames, relayMachine } from "../machines.ts";
import { asPerson } from "../network.ts";
import { home, zone } from "../operator.ts";
import { pageOf, shell } from "../people.ts";
import type { Place } from "../people.ts";
import { must, run } from "../shell.ts";
import { tracesOn } from "../traces.ts";

const strangers = new Set<string>([addresses.stranger, addresses.stranger6]);
const forwards = ["80:8080", "443:8081", "64738:64738/tcp+udp"];
const dns = { zone, createZone: true, names: ["@", "www"] };

let traces: string;

const lab = raiseLab({
  stack: "check",
  before: async () => {
    traces = await tracesOn("home");
  },
  settings: async () => ({ homes: [await home(forwards)], dns }),
});

/** What the UDP echo at home answers to the stranger. */
async function echoed(address: string, port: number, payload: string): Promise<string> {
  const command = ["nc", "-u", "-w", "2", address, String(port)];
  return (await run(asPerson("stranger", command), { input: `${payload}\n` })).stdout.trim();
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
  const { code, stdout, stderr } = await lab.operator.pulumi(["preview", "--json", "--non-interactive"]);
  if (code !== 0) throw new Error(stdout + stderr);
  return touched(stdout);
}

describe("the first up", () => {
  let output: string;
  const processes = new Set<string>();

  beforeAll(async () => {
    const watching = watchProcesses(processes);
    try {
      output = await lab.operator.up(["--diff"]);
    } finally {
      await watching.end();
    }
  });

  test.each(["http://www.example.org/", "http://example.org/"])(
    "lets a stranger fetch %s by name, and home sees the stranger's own address",
    async (url) => {
      expect(await pageOf(url, 4)).toContain(`<p>You are ${addresses.stranger}</p>`);
      expect(await pageOf(url, 6)).toContain(`<p>You are ${addresses.stranger6}</p>`);
    },
  );

  test("passes TLS through untouched: the certificate is the home's, and its key is nowhere else", async () => {
    const { stdout } = await run(
      asPerson("stranger", ["openssl", "s_client", "-connect", `www.${zone}:443`, "-servername", zone]),
    );
    const shown = new X509Certificate(/-----BEGIN[^]*?END CERTIFICATE-----/.exec(stdout)?.[0] ?? "");
    const files = (await shell("home", "find / -xdev -name '*.pem' -path '*lab*'")).trim().split("\n");
    const atHome = await Promise.all(files.map((file) => shell("home", `cat '${file}'`)));
    expect(
      atHome.some(
        (text) =>
          text.includes("CERTIFICATE") && new X509Certificate(text).fingerprint256 === shown.fingerprint256,
      ),
    ).toBe(true);
    expect(await pageOf(`https://${zone}/`, 4)).toContain(`You are ${addresses.stranger}`);
    const onRelay = await shell(
      await relayMachine(),
      "grep -rlE 'BEGIN (EC |RSA )?PRIVATE KEY' /etc /root /usr/local /var/lib || true",
    );
    expect(onRelay).toBe("");
  });

  test.each([4, 6] as const)(
    "carries UDP over IPv%i, and home sees the stranger's own address",
    async (family) => {
      const { ipv4Address, ipv6Address } = await lab.operator.outputs();
      const answer = await echoed(String(family === 4 ? ipv4Address : ipv6Address), 64738, "hello");
      const [client = "", payload] = answer.split(" ");
      expect(strangers).toContain(client);
      expect(payload).toBe("hello");
    },
  );

  test("leaves everything at home that was not forwarded out of reach", async () => {
    const { ipv4Address, ipv6Address } = await lab.operator.outputs();
    for (const address of [ipv4Address, ipv6Address])
      for (const port of [8080, 8081, 9999, 5000])
        expect(
          (await run(asPerson("stranger", ["nc", "-z", "-w", "2", String(address), String(port)]))).code,
        ).not.toBe(0);
  });

  test("keeps the home's own traffic off the relay", async () => {
    expect(await shell("home", `ip route get ${addresses.stranger}`)).toContain(
      `via ${addresses.homeRouter}`,
    );
  });

  test("ends the relay's first boot with no complaint, and no process of ours runs there", async () => {
    const relay = await relayMachine();
    expect(JSON.parse(await shell(relay, "cloud-init status --format json"))).toMatchObject({
      status: "done",
      errors: [],
      recoverable_errors: {},
    });
    await shell(relay, "cloud-init schema --system");
    const config = await shell(relay, "sshd -T");
    for (const line of [
      "passwordauthentication no",
      "permitrootlogin without-password",
      "allowusers root",
      "x11forwarding no",
    ])
      expect(config).toContain(`${line}\n`);
    expect(await shell(relay, "systemctl --failed --no-legend")).toBe("");
  });

  test("shows no private or preshared key anywhere it could be seen", async () => {
    const relay = await relayMachine();
    const keys = [
      ...(await keyTexts("home", "/etc/homerelay/keys")),
      ...(await keyTexts(relay, "/etc/homerelay/keys")),
      ...(await keyTexts(relay, "/etc/ssh/ssh_host_ed25519_key")),
      ...(await seeds()),
    ];
    expect(keys.length).toBeGreaterThanOrEqual(4);
    const exported = (await lab.operator.pulumi(["stack", "export"])).stdout;
    const userData = await shell(relay, "cat /var/lib/cloud/instance/user-data.txt");
    const places = { output, exported, userData, processes: [...processes].join("\n") };
    expect(processes.size).toBeGreaterThan(20);
    expect(exported.length).toBeGreaterThan(1000);
    for (const key of keys)
      for (const [place, text] of Object.entries(places))
        expect([place, text.includes(key)]).toEqual([place, false]);
    expect(userData).toContain("ed25519_private");
  });

  test("is followed by an up and a preview that change nothing", async () => {
    await forgetCloudRequests();
    expect(await lab.operator.up(["--expect-no-changes"])).toMatch(/unchanged/);
    const preview = await lab.operator.pulumi(["preview", "--expect-no-changes", "--non-interactive"]);
    expect(preview.code).toBe(0);
    expect(await cloudRequests()).toEqual([]);
  });

  test("asked the cloud nothing that it does not know", async () => {
    expect(await controlCloud({ get: "unexpected" })).toEqual([]);
  });
});

describe("a forward that is added", () => {
  const more = [...forwards, "9000:9999"];

  beforeAll(async () => {
    await lab.operator.forward(more, { dns });
  });

  test("shows in the preview as a line of the component's inputs and of both rulesets", async () => {
    const { stdout } = await lab.operator.pulumi([
      "preview",
      "--diff",
      "--non-interactive",
      "--color",
      "never",
    ]);
    expect(stdout).toMatch(/\+\s+\[3\]: "9000:9999\/tcp"/);
    expect(stdout).toMatch(/\+\s+tcp \. 9000 : 10\.77\.\d+\.\d+ \. 9999,/);
    expect(stdout).toMatch(/\+\s+tcp \. 9999,/);
  });

  test("touches the relay's firewall, the provider's and the home's guard, with their proofs, and nothing else", async () => {
    expect(await previewed()).toEqual([
      "update command:local:Command home-nas-guard",
      "update command:local:Command home-nas-proof",
      "update command:remote:Command home-relay-firewall-confirm",
      "update command:remote:Command home-relay-firewall-rules",
      "update hcloud:index/firewall:Firewall home-relay-provider-firewall",
      "update homerelay:firewall:Firewall home-relay-firewall",
      "update homerelay:home:Home home-nas",
    ]);
  });

  test("is reached by the stranger after the next up", async () => {
    await lab.operator.up();
    const { ipv4Address } = await lab.operator.outputs();
    const answer = await run(asPerson("stranger", ["nc", "-w", "2", String(ipv4Address), "9000"]), {
      input: "hello\n",
    });
    expect(answer.stdout.trim()).toBe(`${addresses.stranger} hello`);
  });

  test("is out of reach again when it is taken away, and the others still answer", async () => {
    await lab.operator.forward(forwards, { dns });
    await lab.operator.up();
    const { ipv4Address } = await lab.operator.outputs();
    expect(
      (await run(asPerson("stranger", ["nc", "-z", "-w", "2", String(ipv4Address), "9000"]))).code,
    ).not.toBe(0);
    expect(await pageOf(`http://${zone}/`, 4)).toContain("Hello from home");
  });
});

describe("a pinned host key that is not the home's", () => {
  test("stops up with both fingerprints and the mend", async () => {
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
    await lab.operator.configure({
      homes: [{ ...it, ssh: { ...(it["ssh"] as object), hostKey: pinned } }],
      dns,
    });
    const said = await failingUp(lab.operator);
    expect(said).toContain("shows a host key that is not the pinned one");
    const fingerprint = createHash("sha256")
      .update(Buffer.from(blob, "base64"))
      .digest("base64")
      .replace(/=+$/, "");
    expect(said).toContain(`pinned:  SHA256:${fingerprint}`);
    expect(said).toContain("put its new line into ssh.hostKey of nas");
    await lab.operator.configure({ homes: [it], dns });
    await lab.operator.up();
  });
});

describe("destroy", () => {
  beforeAll(async () => {
    await lab.operator.destroy();
  });

  test("leaves no server, address, key, firewall, zone or record in the cloud", async () => {
    expect(await inCloud()).toEqual({
      ssh_keys: [],
      primary_ips: [],
      firewalls: [],
      servers: [],
      zones: [],
      rrsets: [],
    });
  });

  test("leaves no file, unit, rule, route, interface or setting of ours at home", async () => {
    expect(await tracesOn("home")).toBe(traces);
  });
});

/** The distinguishing part of every key below a path: whole short texts, one inner line of a PEM file. */
async function keyTexts(machine: Place, path: string): Promise<string[]> {
  const text = await shell(machine, `find ${path} -type f -exec cat {} +`);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  return text.includes("-----BEGIN") ? [lines[2] ?? lines[0] ?? ""] : lines;
}

/** The random texts that all keys are derived from. */
async function seeds(): Promise<string[]> {
  const { stdout } = await lab.operator.pulumi(["stack", "export", "--show-secrets"]);
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
