/** What lies on a host, read from what the first step of whole programs brings there. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { loadRelayAddresses } from "../../../components/home/ownCalls.ts";
import { includePassing } from "../../../components/network/othersPassing.ts";
import { sshdConfigPath } from "../../../components/relay/sshdConfig.ts";
import { renderRelaySysctls } from "../../../components/relay/sysctls.ts";
import { renderUpgrades, upgradesPath } from "../../../components/relay/upgrades.ts";
import { renderMetricsSocket } from "../../../components/status/metrics.ts";
import { listPath, pathsIn, prepareHosts } from "../preparedHosts.ts";
import type { PreparedHost } from "../preparedHosts.ts";

const components = join(__dirname, "../../../components");
const read = (source: string) => readFileSync(join(components, source), "utf8");

/** What hosts run or read. */
const sources = globSync("*/*.{sh,service,socket,timer,conf,nft}", { cwd: components });

let hosts: ReadonlyMap<string, PreparedHost>;
beforeAll(async () => {
  hosts = await prepareHosts();
});

describe.each(["relay of this stack's own", "relay that was there before", "home"])("on a %s", (kind) => {
  const host = (): PreparedHost => {
    const found = hosts.get(kind);
    if (found === undefined) throw new Error(`no host is a ${kind}`);
    return found;
  };
  const installed = () => host().files.map(({ path }) => path);

  test("every file is one of the project's or rendered by it, and goes to a place of its own", () => {
    const rendered = [
      renderRelaySysctls({ isShared: false }),
      renderUpgrades({ isShared: false }),
      renderMetricsSocket({ ipv4: "10.77.0.1", ipv6: "fd77::1" }),
    ];
    const known = new Set([...sources.map(read), ...rendered]);
    expect(
      host()
        .files.filter(({ text }) => !known.has(text))
        .map(({ path }) => path),
    ).toEqual([]);
    expect(new Set(installed()).size).toBe(installed().length);
  });

  test("scripts may be run, and nothing else may", () => {
    const wrong = host().files.filter(({ path, mode }) => mode !== (path.endsWith(".sh") ? "0755" : "0644"));
    expect(wrong).toEqual([]);
  });

  test("whatever a script or unit there calls or sources is there too", () => {
    const needed = host().files.flatMap(({ text }) => pathsIn(text));
    expect(needed.length).toBeGreaterThan(0);
    expect(needed.filter((path) => !installed().includes(path))).toEqual([]);
  });

  test("every script that a step runs, or its document names, is installed", () => {
    const { scripts, documents } = host();
    expect(scripts.length).toBeGreaterThan(0);
    const needed = [...scripts, ...documents.flatMap(pathsIn)];
    expect(needed.filter((path) => !installed().includes(path))).toEqual([]);
  });

  test("the list names every file, so that each goes when a later version has it no more", () => {
    const { list } = host();
    expect(list.filter((line) => line.startsWith("file ")).map((line) => line.slice(5))).toEqual(installed());
    expect(list.filter((line) => !/^((?:file|folder|settings) \/\S+|package \S+ \S+)$/.test(line))).toEqual(
      [],
    );
    // Nothing else is taken away there.
    expect(list.filter((line) => /^(file|folder) /.test(line) && !line.includes("homerelay"))).toEqual([]);
  });
});

test("only a relay of this stack's own is told to set its kernel by its first step, by one file of its own", () => {
  const told = [...hosts].map(([kind, { list }]) => [kind, list.filter((line) => /^settings /.test(line))]);
  expect(Object.fromEntries(told)).toEqual({
    "relay of this stack's own": ["settings /etc/homerelay/sysctls"],
    "relay that was there before": [],
    home: [],
  });
  expect(hosts.get("relay of this stack's own")?.list).toContain("file /etc/homerelay/sysctls");
});

test("a path that scripts, units and programs name is the same in each", () => {
  const paths = read("host/paths.sh");
  const [, sysctl = ""] = /\bsysctl_file=(\S+)/.exec(paths) ?? [];
  const [, addresses = "", passing = ""] = /\brelay_addresses=(\S+) passing_note=(\S+)/.exec(paths) ?? [];
  // By a pattern that finds nothing else, or no file.
  expect(loadRelayAddresses).toBe(`include "${addresses.replace(/.$/, "[$&]")}"\n`);
  expect(includePassing).toBe(`include "${passing.replace(/.(?=\.nft$)/, "[$&]")}"\n`);
  expect(read("host/homerelay-sysctl.service")).toContain(`-sysctl ${sysctl}\n`);
  expect(paths).toContain(`sshd_drop_in=${sshdConfigPath}\n`);
  expect(paths).toContain(`upgrades_file=${upgradesPath}\n`);
  expect(paths).toContain(`wanted_list=${listPath}\n`);
});

test("what a timer starts again and again writes no line for having run, or for having nothing to do", () => {
  const services = sources
    .filter((source) => source.endsWith(".timer"))
    .map((source) => source.replace(/timer$/, "service"));
  expect(services.length).toBeGreaterThan(2);
  const noisy = services.filter(
    (service) =>
      !/^LogLevelMax=notice\nSyslogLevel=notice$/m.test(read(service)) || /^Requi/m.test(read(service)),
  );
  expect(noisy).toEqual([]);
});

test("no script of a host lies about uninstalled", () => {
  const texts = [...hosts.values()].flatMap(({ files }) => files.map(({ text }) => text));
  const onStdin = scriptsOnStdin();
  const unused = sources.filter((source) => !texts.includes(read(source)) && !onStdin.includes(source));
  expect(unused).toEqual([]);
});

/** Scripts that a host reads from stdin, or in the script for a home by hand: the program names their paths. */
function scriptsOnStdin(): string[] {
  const programs = globSync("**/*.ts", {
    cwd: components,
    exclude: (path) => path.endsWith("installation.ts"),
  }).map(read);
  return sources.filter((source) => programs.some((text) => text.includes(`"${source}"`)));
}
