import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderSysctls } from "../../../components/home/sysctls.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { renderRelaySysctls } from "../../../components/relay/sysctls.ts";
import { optionedForwards } from "../../unit/generators/examples.ts";
import { asRoot, runTool } from "../tool.ts";

const host = join(__dirname, "../../../components/host");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-settings-"));
  mkdirSync(join(folder, "etc"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (name: string) => readFileSync(join(folder, "etc", name), "utf8");

/**
 * Runs lines of bash on a machine of its own: its network settings are those of a new namespace. `apply TEXT` makes
 * TEXT the wanted settings, `give_back` gives all back, `get KEY…` prints values on one line, `link TYPE NAME` makes an
 * interface. Prints what the lines print.
 */
function onMachine(...lines: readonly string[]): string {
  // The same scripts with their files in a place of the test's own.
  for (const script of ["paths.sh", "kernel-settings.sh"]) {
    const text = readFileSync(join(host, script), "utf8");
    const here = text.replace(/^(readonly sysctl_\w+=)\/.*\/(.*)$/gm, `$1${folder}/etc/$2`);
    writeFileSync(join(folder, script), here);
  }
  const script = `
    set -euo pipefail
    . ${folder}/paths.sh; . ${host}/messages.sh; . ${host}/files.sh; . ${folder}/kernel-settings.sh
    exec 2>&1
    apply() { printf '%s\\n' "$1" >${folder}/wanted; apply_kernel_settings ${folder}/wanted; }
    give_back() { give_back_kernel_settings; }
    get() { local key; for key; do printf '%s ' "$(cat "$(setting_path "$key")")"; done; echo; }
    put() { printf '%s\\n' "$2" >"$(setting_path "$1")"; }
    link() { if [ "$1" = bridge ]; then ip link add "$2" type bridge; else ip link add "$2" type veth peer name "$2-other"; fi; }
    ${lines.join("\n")}`;
  return runTool("util-linux iproute2", "unshare", [...asRoot, "--net", "bash", "-c", script]);
}

const forward4 = "net.ipv4.ip_forward";
const forward6 = "net.ipv6.conf.all.forwarding";
const redirects = "net.ipv4.conf.all.accept_redirects";
const reserved = "net.ipv4.ip_local_reserved_ports";
const acceptRa = "net/ipv6/conf/eth0.5/accept_ra";
const changed = "the kernel's settings have changed\n";

describe("settings of the kernel that are applied", () => {
  test("are in force, are there for the next boot, and what they were is noted and given back", () => {
    const said = onMachine(
      `get ${forward4} ${redirects}`,
      `apply '${forward4}=1'`,
      `get ${forward4} ${redirects}`,
      `cat ${folder}/etc/before ${folder}/etc/60-homerelay.conf`,
      "give_back",
      `get ${forward4} ${redirects}`,
    );
    expect(said).toBe(
      `0 1 \n${changed}1 0 \n# What this host had before home-relay.\nnet.ipv4.conf.all.send_redirects=1\n${forward4}=0\n${redirects}=1\n` +
        `# Written by home-relay.\n${forward4}=1\n0 1 \n`,
    );
  });

  test("are noted once, whatever they are by the second time", () => {
    const said = onMachine(
      `apply '${forward4}=1'`,
      `apply '${forward4}=1'`,
      `put ${forward4} 0`,
      `apply '${forward4}=1'`,
      `get ${forward4}`,
      `give_back; get ${forward4}`,
    );
    expect(said).toBe(`${changed}1 \n0 \n`);
  });

  test("are given back when they are no longer wanted, and only those", () => {
    const said = onMachine(
      `put ${reserved} 4000`,
      `apply $'${forward4}=1\\n${reserved}+=5353,6000-6002'`,
      `get ${forward4} ${reserved}`,
      `apply '${forward4}=1'`,
      `get ${forward4} ${reserved}`,
      `cat ${folder}/etc/before`,
    );
    expect(said).toBe(
      `${changed}1 4000,5353,6000-6002 \n${changed}1 4000 \n` +
        `# What this host had before home-relay.\nnet.ipv4.conf.all.send_redirects=1\n${forward4}=0\n${redirects}=1\n`,
    );
  });

  test("go back to an empty value, too", () => {
    const said = onMachine(
      `apply '${reserved}+=5353'; get ${reserved}; cat ${folder}/etc/before`,
      `give_back; get ${reserved}`,
    );
    expect(said).toBe(
      `${changed}5353 \n# What this host had before home-relay.\nnet.ipv4.conf.all.send_redirects=1\n${reserved}=\n \n`,
    );
  });

  test("are the owner's where those are larger, and only where that is asked for", () => {
    const wanted = (how: string) =>
      `put net.ipv4.ip_default_ttl 200; apply 'net.ipv4.ip_default_ttl${how}64'`;
    const get = "get net.ipv4.ip_default_ttl";
    expect(onMachine(wanted("="), get)).toBe(`${changed}64 \n`);
    rmSync(join(folder, "etc"), { recursive: true });
    mkdirSync(join(folder, "etc"));
    expect(onMachine(wanted(">="), get, "apply 'net.ipv4.ip_default_ttl>=255'", get)).toBe(
      `${changed}200 \n${changed}255 \n`,
    );
  });

  test("hold a thousand scattered ports, now and at the next boot, whoever says otherwise before", () => {
    const ports = Array.from({ length: 1000 }, (_, i) => 5000 + 7 * i);
    const unit = readFileSync(join(host, "homerelay-sysctl.service"), "utf8");
    const [, atBoot = ""] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
    const said = onMachine(
      `put ${reserved} 4000; apply '${reserved}+=${ports.join(",")}'; get ${reserved}`,
      `put ${reserved} 30000; put ${forward4} 1`,
      `${atBoot.replace("/etc/sysctl.d/", `${folder}/etc/`)}; get ${reserved}`,
      `give_back; get ${reserved}`,
    );
    const all = [4000, ...ports].join(",");
    expect(said).toBe(`${changed}${all} \n${all} \n4000 \n`);
  });

  test("are the owner's where he has chosen, and not the kernel's own, and only where that is asked for", () => {
    const wanted = "apply 'net.ipv4.ip_default_ttl?64=70'; get net.ipv4.ip_default_ttl";
    expect(onMachine(wanted)).toBe(`${changed}70 \n`);
    rmSync(join(folder, "etc"), { recursive: true });
    mkdirSync(join(folder, "etc"));
    expect(onMachine("put net.ipv4.ip_default_ttl 60", wanted)).toBe(`${changed}60 \n`);
  });

  test("of the connection tracker's times apply to a machine that was there before, but for the owner's choice", () => {
    const times = [
      "net.netfilter.nf_conntrack_tcp_timeout_established",
      "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
    ];
    const wanted = renderRelaySysctls({ isShared: true })
      .split("\n")
      .filter((line) => times.some((time) => line.includes(time)));
    const apply = `apply $'${wanted.join("\\n")}'; get ${times.join(" ")}`;
    expect(onMachine(apply)).toBe(`${changed}7440 30 \n`);
    rmSync(join(folder, "etc"), { recursive: true });
    mkdirSync(join(folder, "etc"));
    expect(onMachine(`put ${times[0] ?? ""} 86400`, apply)).toBe(`${changed}86400 30 \n`);
  });

  test("that this kernel does not have are passed over, and not written down", () => {
    expect(onMachine(`apply $'net.ipv4.nothing=1\\n${forward4}=1'; get ${forward4}`)).toBe(`${changed}1 \n`);
    expect(read("60-homerelay.conf")).not.toContain("nothing");
    expect(read("before")).not.toContain("nothing");
  });

  test("that the machine refuses end the script, unless they are marked", () => {
    const refuse = "set_setting() { [ $1 != net.ipv4.ip_forward ]; }";
    expect(() => onMachine(refuse, `apply '${forward4}=1'; echo went on`)).toThrow(
      `ended with 1:\n${changed}this machine does not let us set ${forward4} to 1, which home-relay needs\n`,
    );
    expect(onMachine(refuse, `apply '-${forward4}=1'; echo went on`)).toBe(`${changed}went on\n`);
  });
});

describe("where IPv6 is passed on", () => {
  const wanted = `apply '-${forward6}=1'`;

  test("an interface that listened to routers still does, an interface that did not does not, and both as before at the end", () => {
    const said = onMachine(
      "link veth eth0; link veth quiet; link veth homerelay; ip link set eth0 name eth0.5",
      "put net.ipv6.conf.quiet.accept_ra 0",
      `${wanted}; get ${forward6} ${acceptRa} net/ipv6/conf/quiet/accept_ra net/ipv6/conf/homerelay/accept_ra`,
      `give_back; get ${forward6} ${acceptRa}`,
    );
    expect(said).toBe(`${changed}1 2 0 1 \n0 1 \n`);
    // Told first, since the kernel forgets a router's routes when it begins to pass packets on.
    const file = read("60-homerelay.conf");
    expect(file).toContain(`\n-${acceptRa}=2\n`);
    expect(file.indexOf("accept_ra")).toBeLessThan(file.indexOf(forward6));
    expect(file).toMatch(new RegExp(`\\n-${forward6}=1\\n$`));
  });

  test("one that does not listen because its owner passes packets on already does not begin to", () => {
    expect(
      onMachine(`link veth eth0; put ${forward6} 1; ${wanted}`, "get net.ipv6.conf.eth0.accept_ra"),
    ).toBe(`${changed}1 \n`);
  });

  test("one that has gone, or come, keeps nothing from being applied again or given back", () => {
    const said = onMachine(
      "link veth passing",
      `${wanted}; ip link delete passing; link veth late; ${wanted}; get ${forward6} net/ipv6/conf/late/accept_ra`,
      `give_back; get ${forward6}`,
    );
    expect(said).toBe(`${changed}1 1 \n0 \n`);
    expect(read("before")).toContain("\nnet/ipv6/conf/passing/accept_ra=1\n");
  });

  test("and no longer is, interfaces listen as before", () => {
    const said = onMachine(
      "link veth eth0",
      `${wanted}; apply '${forward4}=1'; get ${forward6} net/ipv6/conf/eth0/accept_ra`,
    );
    expect(said).toBe(`${changed}${changed}0 1 \n`);
    expect(read("60-homerelay.conf")).not.toContain("ipv6");
  });
});

describe("at the end", () => {
  test("redirects are sent again, which any WireGuard interface that comes up ends for all, unless another one is there", () => {
    const all = "net.ipv4.conf.all.send_redirects";
    // As the kernel does at our interface's first start.
    const first = `apply '${forward4}=1'; put ${all} 0; apply '${forward4}=1'`;
    const none = "wg() { echo; }";
    expect(onMachine(`${none}; get ${all}; ${first}; give_back; get ${all}`)).toBe(`1 \n${changed}1 \n`);
    rmSync(join(folder, "etc"), { recursive: true });
    mkdirSync(join(folder, "etc"));
    const another = "wg() { echo homerelay wg0; }";
    expect(onMachine(`${another}; ${first}; give_back; get ${all}`)).toBe(`${changed}0 \n`);
  });

  const apply = `link veth eth0; apply $'${forward4}=1\\n-${forward6}=1\\n${reserved}+=5353'`;
  const all = `get ${forward4} ${forward6} net/ipv6/conf/eth0/accept_ra ${reserved}`;

  test("packets are passed on for a bridge that came after us, and all else is given back", () => {
    expect(onMachine(`link bridge old; ${apply}`, `give_back; ${all}`)).toBe(`${changed}0 0 1  \n`);
    rmSync(join(folder, "etc"), { recursive: true });
    mkdirSync(join(folder, "etc"));
    expect(onMachine(`link bridge old; ${apply}`, `link bridge new; give_back; ${all}`)).toBe(
      `${changed}1 1 2  \n`,
    );
  });

  test("a machine that lets nobody change a setting gives the others back", () => {
    const said = onMachine(
      apply,
      // As root may write everything here, the file is another one, which nobody can write.
      `setting_path() { if [ "$1" = ${forward4} ]; then echo /proc/version; else printf '/proc/sys/%s' "$(tr . / <<<"$1")"; fi; }`,
      "give_back; echo went on",
      `get ${forward6} ${reserved}`,
    );
    expect(said).toBe(`${changed}this machine does not let us set ${forward4} back to 0\nwent on\n0  \n`);
  });

  test("a host on which nothing was noted is left alone", () => {
    expect(onMachine(`put ${forward4} 1; give_back; get ${forward4}`)).toBe("1 \n");
    expect(existsSync(join(folder, "etc/before"))).toBe(false);
  });
});

test.each([
  ["a home", renderSysctls([parseForward("53:5353/udp"), ...optionedForwards])],
  ["a server of ours", renderRelaySysctls({ isShared: false })],
  ["a relay that was there before", renderRelaySysctls({ isShared: true })],
])("the settings of %s are all understood", (_, wanted) => {
  const line = 'while IFS= read -r line; do parse_wanted "$line" && echo "$mark$key$how$value"; done';
  expect(onMachine(`${line} <<'END'\n${wanted}END`)).toBe(wanted);
});
