import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderPublishedPorts } from "../../../components/firewall/publishedPorts.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { nas, toHome } from "../../unit/generators/examples.ts";
import { asRoot, runTool } from "../tool.ts";

const scripts = join(__dirname, "../../../components/firewall");

/** A folder of programs that answer as those of a machine would. */
let machine: string;
beforeEach(() => {
  machine = mkdtempSync(join(tmpdir(), "home-relay-machine-"));
});
afterEach(() => rmSync(machine, { recursive: true }));

/** Puts a program on the machine; `answer` is what it prints, or the shell text that it runs. */
function install(program: string, answer: string): void {
  const file = join(machine, program);
  writeFileSync(file, answer.startsWith("#!") ? answer : `#!/bin/sh\ncat <<'END'\n${answer}\nEND\n`);
  chmodSync(file, 0o755);
}

function ask(script: string, args: readonly string[], input = ""): string {
  // Of this machine's own programs only those that any machine has.
  const alone = 'export PATH="$0:/usr/bin:/bin"; exec bash "$@"';
  return runTool("bash", "bash", ["-c", alone, machine, resolve(scripts, script), ...args], { input });
}

describe("services of a machine whose ports are to be forwarded", () => {
  const forwards = toHome(nas, ["80:8080", "8000-8010", "53:5353/udp", "443/tcp+udp"].map(parseForward));
  const named = (sockets: string) => {
    install("ss", sockets);
    return ask("name-services.sh", [], renderPublishedPorts(forwards));
  };

  test("are named with port, protocol and program, within ranges too", () => {
    expect(
      named(`\
udp   UNCONN 0      0                0.0.0.0:53         0.0.0.0:*    users:(("dnsmasq",pid=9,fd=4))
udp   UNCONN 0      0                0.0.0.0:443        0.0.0.0:*
tcp   LISTEN 0      511              0.0.0.0:80         0.0.0.0:*    users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))
tcp   LISTEN 0      511                 [::]:80            [::]:*    users:(("nginx",pid=7,fd=7))
tcp   LISTEN 0      128    198.51.100.7%eth0:8010       0.0.0.0:*    users:(("my page",pid=3,fd=3))`),
    ).toBe(
      [
        "port 80/tcp is to be forwarded, and nginx listens on it",
        "port 8010/tcp is to be forwarded, and my page listens on it",
        "port 53/udp is to be forwarded, and dnsmasq listens on it",
        "port 443/udp is to be forwarded, and the kernel listens on it",
        "",
      ].join("\n"),
    );
  });

  test("are not those of other ports, of the other protocol, or for the machine alone", () => {
    expect(
      named(`\
udp   UNCONN 0      0          127.0.0.53%lo:53         0.0.0.0:*    users:(("systemd-resolve",pid=9,fd=4))
udp   UNCONN 0      0                0.0.0.0:80         0.0.0.0:*    users:(("other",pid=9,fd=4))
tcp   LISTEN 0      4096           127.0.0.1:8000       0.0.0.0:*    users:(("admin",pid=5,fd=4))
tcp   LISTEN 0      4096               [::1]:8000          [::]:*    users:(("admin",pid=5,fd=5))
tcp   LISTEN 0      128              0.0.0.0:22         0.0.0.0:*    users:(("sshd",pid=3,fd=3))
tcp   LISTEN 0      128              0.0.0.0:7999       0.0.0.0:*    users:(("below",pid=3,fd=3))
tcp   LISTEN 0      128              0.0.0.0:8011       0.0.0.0:*    users:(("above",pid=3,fd=3))`),
    ).toBe("");
  });
});

describe("other firewalls on a home", () => {
  const folder = join(__dirname, "../../../components/home");
  /** `sets`: those of the guard that have elements. */
  const named = (sets: readonly string[], ...args: readonly string[]) => {
    install("nft", `#!/bin/sh\ncase " ${sets.join(" ")} " in *" $5 "*) echo elements ;; *) exit 1 ;; esac`);
    return ask(join(folder, "name-neighbours.sh"), args);
  };
  const mends = (text: string) => [...text.matchAll(/^ {2}(.*)$/gm)].map(([, mend]) => mend);
  const mendOf = (tool: string) =>
    `${tool} -I FORWARD -i homerelay -j ACCEPT && ${tool} -I FORWARD -o homerelay -j ACCEPT`;

  beforeEach(() => {
    install("iptables", "-P FORWARD DROP\n-A FORWARD -j DOCKER-USER");
    install("ip6tables", "-P FORWARD ACCEPT\n-A FORWARD -j REJECT --reject-with icmp6-adm-prohibited");
  });

  test("matter only where packets are passed on, in the families in which they are", () => {
    expect(mends(named([]))).toEqual([]);
    expect(mends(named(["lan"]))).toEqual([mendOf("iptables")]);
    expect(mends(named(["devices_to_lan"]))).toEqual([mendOf("iptables")]);
    expect(mends(named(["devices_to_internet4", "devices_to_internet6"]))).toEqual(
      ["iptables", "ip6tables"].map(mendOf),
    );
    install("iptables", "-P FORWARD DROP\n-A FORWARD -i homerelay -j ACCEPT");
    expect(mends(named(["lan", "devices_to_lan"]))).toEqual([]);
  });

  test("are asked about devices alone where forwards will be tried", () => {
    install("ufw", "Status: active");
    expect(mends(named([]))).toEqual(["ufw allow in on homerelay"]);
    expect(mends(named(["lan"], "devices"))).toEqual([]);
    expect(mends(named(["devices_to_lan"], "devices"))).toEqual([mendOf("iptables")]);
  });
});

describe("other firewalls on a machine", () => {
  const named = () => ask("name-firewalls.sh", ["51820"]);

  test("are none where there is none", () => {
    expect(named()).toBe("");
  });

  const active = (incoming: string, routed: string, rules: string) =>
    `Status: active\nLogging: on (low)\nDefault: ${incoming} (incoming), allow (outgoing), ${routed} (routed)\n\n${rules}`;

  test.each([
    [
      "that stop both",
      active("deny", "deny", "22/tcp ALLOW IN Anywhere"),
      ["allow 51820/udp", "route allow out on homerelay"],
    ],
    [
      "that know WireGuard",
      active("deny", "disabled", "51820/udp ALLOW IN Anywhere"),
      ["route allow out on homerelay"],
    ],
    [
      "that know the forwards",
      active("reject", "deny", "Anywhere on homerelay ALLOW FWD Anywhere"),
      ["allow 51820/udp"],
    ],
    [
      "that know both",
      active("deny", "deny", "51820/udp ALLOW IN Anywhere\nAnywhere on homerelay ALLOW FWD Anywhere"),
      [],
    ],
    ["that stop nothing", active("allow", "allow", ""), []],
    ["that are off", "Status: inactive", []],
  ])("ufw's rules %s", (_, status, mends) => {
    install("ufw", status);
    expect([...named().matchAll(/^ {2}ufw (.*)$/gm)].map(([, mend]) => mend)).toEqual(mends);
  });

  test("firewalld is named until it lets WireGuard in", () => {
    install("firewall-cmd", '#!/bin/sh\ntest "$1" = --state');
    expect(named()).toContain("firewall-cmd --permanent --add-port=51820/udp && firewall-cmd --reload\n");
    install("firewall-cmd", "#!/bin/sh\nexit 0");
    expect(named()).toBe("");
  });

  test("Docker's is named with its own chain, for each family by itself, until the tunnel is let through", () => {
    const docker = "-P INPUT ACCEPT\n-P FORWARD DROP\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER";
    install("iptables", docker);
    install("ip6tables", "-P INPUT ACCEPT\n-P FORWARD ACCEPT");
    expect(named()).toContain(
      "\n  iptables -I DOCKER-USER -i homerelay -j ACCEPT && iptables -I DOCKER-USER -o homerelay -j ACCEPT\n",
    );
    expect(named()).not.toContain("ip6tables");
    install("iptables", `${docker}\n-A DOCKER-USER -o homerelay -j ACCEPT`);
    expect(named()).toBe("");
  });

  test("rules that end in a refusal of everything are named, as some providers have them, until they are told", () => {
    const oracle =
      "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n" +
      "-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n" +
      "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n" +
      "-A FORWARD -j REJECT --reject-with icmp-host-prohibited";
    install("iptables", oracle);
    const mends = () => [...named().matchAll(/^ {2}(iptables .*)$/gm)].map(([, mend]) => mend);
    expect(mends()).toEqual([
      "iptables -I INPUT -p udp --dport 51820 -j ACCEPT",
      "iptables -I FORWARD -i homerelay -j ACCEPT && iptables -I FORWARD -o homerelay -j ACCEPT",
    ]);
    install(
      "iptables",
      `${oracle}\n-A INPUT -p udp -m udp --dport 51820 -j ACCEPT\n-A FORWARD -o homerelay -j ACCEPT`,
    );
    expect(mends()).toEqual([]);
    install("iptables", "-P INPUT DROP\n-P FORWARD ACCEPT");
    expect(mends()).toEqual(["iptables -I INPUT -p udp --dport 51820 -j ACCEPT"]);
  });

  test("chains that their owner wrote for nft are named with mends that nft takes, and not again after those", () => {
    const name = join(scripts, "name-firewalls.sh");
    const script = `
      nft -f - <<'RULES'
      table inet filter {
        chain input { type filter hook input priority filter; policy drop; tcp dport 22 accept; }
        chain forward { type filter hook forward priority filter; policy drop; }
        chain output { type filter hook output priority filter; policy drop; }
      }
      table inet open { chain input { type filter hook input priority 10; policy accept; }; }
      table inet homerelay { chain forward { type filter hook forward priority 10; policy drop; }; }
RULES
      mends=$(bash ${name} 51820 | sed -n 's/^  nft/nft/p')
      printf '%s\\n' "$mends"
      bash -ec "$mends"
      bash ${name} 51820`;
    expect(
      runTool("util-linux nftables", "unshare", [
        ...asRoot,
        "--net",
        "bash",
        "-ec",
        `(${script}) 2>&1`,
      ]).trim(),
    ).toBe(
      [
        "nft insert rule inet filter input udp dport 51820 accept",
        "nft insert rule inet filter forward iifname homerelay accept",
        "nft insert rule inet filter forward oifname homerelay accept",
      ].join("\n"),
    );
  });

  test("a policy that is ufw's is ufw's to lift", () => {
    install("iptables", "-P FORWARD DROP\n-N ufw-user-forward\n-A ufw-user-forward -o docker0 -j ACCEPT");
    expect(named()).toBe("");
  });
});
