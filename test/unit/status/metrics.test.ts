import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { HomeRelay } from "../../../components/HomeRelay.ts";
import { expectFiles } from "../../../components/check/expectedFiles.ts";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { metricsPort } from "../../../components/network/ourNumbers.ts";
import { renderMetricNames, renderMetricsSocket } from "../../../components/status/metrics.ts";
import { homeRelayArgs, hostKey } from "../componentArguments.ts";
import { firewall, media, mediaForwards, nas, nasForwards, relay } from "../generators/examples.ts";
import { named, register } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";
import { hostOf } from "../preparedHosts.ts";

const project = join(__dirname, "../../..");
const read = (path: string) => readFileSync(join(project, path), "utf8");

const homes = [{ name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] }];
const program = (section: object) =>
  register(() => new HomeRelay("home", homeRelayArgs({ relay: { ...section }, homes, devices: ["phone"] })));
const rulesOf = (registered: readonly Registered[]) =>
  String(named(registered, "home-relay-firewall-rules").inputs["stdin"]);

test("the names say whose address is whose, and where each forward leads, a line for each protocol", () => {
  const all = [
    { name: "nas", tunnelAddress: nas, forwards: nasForwards },
    { name: "media", tunnelAddress: media, forwards: mediaForwards },
  ];
  const phone = { name: "phone", tunnelAddress: { ipv4: "10.77.9.9", ipv6: "fd77::909" } };
  expect(`\n${renderMetricNames(all, [phone])}`).toBe(`
peer 10.77.3.4 nas home
peer 10.77.5.6 media home
peer 10.77.9.9 phone device
forward tcp 80 80 nas
forward tcp 443 443 nas
forward tcp 64738 64738 nas
forward udp 64738 64738 nas
forward udp 50000 50002 media
forward tcp 2200 2201 media
`);
});

test("the socket listens in the tunnel alone, and never starts many programs at once", () => {
  const socket = renderMetricsSocket(relay);
  expect(socket.match(/^Listen.*$/gm)).toEqual([`ListenStream=10.77.0.1:${metricsPort}`]);
  expect(socket).toMatch(/^MaxConnections=4\nMaxConnectionsPerSource=2$/m);
});

describe("off by default", () => {
  test("nothing on the relay speaks of metrics, and there is no rule for them", async () => {
    const registered = await program({});
    const { files, documents } = hostOf(registered, "home-relay");
    expect(files.map(({ path }) => path).filter((path) => /metrics/.test(path))).toEqual([]);
    expect(documents.filter((text) => /metrics/.test(text))).toEqual([]);
    expect(rulesOf(registered)).toContain("table inet homerelay");
  });

  test("and on for a device, there is no more in a preview, and a socket, a rule and the names at the relay", async () => {
    const [off, on] = [await program({}), await program({ metricsPeers: ["phone"] })];
    expect(on.map(({ name }) => name)).toEqual(off.map(({ name }) => name));
    const { files } = hostOf(on, "home-relay");
    expect(files.map(({ path }) => path).filter((path) => /metrics/.test(path))).toEqual([
      "/usr/local/lib/homerelay/print-metrics.sh",
      "/usr/local/lib/homerelay/mend/80-metrics.sh",
      "/etc/systemd/system/homerelay-metrics@.service",
      "/etc/systemd/system/homerelay-metrics.socket",
    ]);
    const step = {
      name: "rules",
      script: "apply-firewall.sh",
      arguments: [],
      timeoutSeconds: 300,
      document: rulesOf(on),
    };
    expect(expectFiles([step]).map(({ path, mode }) => [path, mode])).toEqual([
      ["/etc/homerelay/firewall.nft", "600"],
      ["/etc/homerelay/metrics", "644"],
    ]);
    expect(expectFiles([step])[1]?.text).toMatch(
      /^peer \S+ nas home\npeer \S+ phone device\nforward tcp 80 80 nas\n$/,
    );
  });
});

describe("the rules", () => {
  const metrics = { address: relay, peers: [media] };
  const own = renderRelayRuleset({ ...firewall, metrics });
  const shared = renderRelayRuleset({ ...firewall, metrics, shared: true });

  test.each([
    ["of our own", own],
    ["that is shared", shared],
  ])("of a machine %s let in who is named, before nobody else from the tunnel is", (_, rules) => {
    expect(rules).toContain(`set metrics_peers {\n\t\ttype ipv4_addr\n\t\telements = {\n\t\t\t10.77.5.6,\n`);
    expect(rules).toMatch(
      new RegExp(
        `iifname "homerelay" ip daddr 10.77.0.1 ip saddr @metrics_peers tcp dport ${metricsPort} ct state new jump metrics\n` +
          '.*counter drop comment "the tunnel reaches nothing on the relay"',
      ),
    );
  });

  test("of a machine that is shared keep others than the tunnel from that address and port alone", () => {
    const hidden = `ip daddr 10.77.0.1 tcp dport ${metricsPort} counter drop`;
    expect(shared.indexOf(hidden)).toBeGreaterThan(shared.indexOf("jump from_tunnel"));
    expect(own).not.toContain(hidden);
  });

  test("are the same as ever where nobody reads them", () => {
    expect(renderRelayRuleset({ ...firewall, metrics: undefined })).toBe(renderRelayRuleset(firewall));
    expect(renderRelayRuleset(firewall)).not.toContain("metrics");
  });
});

describe("what there is to read", () => {
  const script = read("components/status/print-metrics.sh");
  const there = new Set([...script.matchAll(/"(homerelay_[a-z_]+)"/g)].map(([, name]) => name));
  const page = read("docs/metrics.md");
  const dashboard = JSON.parse(read("docs/grafana-dashboard.json")) as {
    readonly panels: readonly { readonly title: string; readonly targets: readonly Target[] }[];
    readonly templating: { readonly list: readonly { readonly definition: string }[] };
  };
  interface Target {
    readonly expr: string;
    readonly legendFormat?: string;
  }
  const namesIn = (text: string) => [...text.matchAll(/\bhomerelay_[a-z_]+/g)].map(([name]) => name);

  test("stands in the page, each name once in its table, and no other", () => {
    const rows = [...page.matchAll(/^\| `(homerelay_[a-z_]+)`/gm)].map(([, name]) => name);
    expect(rows).toEqual([...there]);
    expect(namesIn(page).filter((name) => !there.has(name))).toEqual([]);
  });

  test("is what each query of the dashboard asks for, and a legend names labels that are there", () => {
    const targets = dashboard.panels.flatMap((panel) => panel.targets);
    expect(targets.length).toBeGreaterThan(12);
    const labels = new Set(["job", ...[...script.matchAll(/[{,]([a-z]+)=\\"/g)].map(([, label]) => label)]);
    for (const { expr, legendFormat = "" } of targets) {
      const names = namesIn(expr);
      expect([expr, names.length > 0, names.filter((name) => !there.has(name))]).toEqual([expr, true, []]);
      const used = [...expr.matchAll(/[{,]\s*([a-z]+)=/g), ...legendFormat.matchAll(/\{\{(\w+)\}\}/g)];
      expect(used.map(([, label]) => label).filter((label) => !labels.has(label))).toEqual([]);
      for (const [, counter = ""] of expr.matchAll(/rate\((\w+)/g)) expect(counter).toMatch(/_total$/);
      if (!expr.includes("rate(")) expect(expr).not.toMatch(/_total/);
    }
    for (const { definition } of dashboard.templating.list)
      expect(namesIn(definition).filter((name) => !there.has(name))).toEqual([]);
  });

  test("is on the dashboard, all of it", () => {
    const shown = new Set(
      dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr))),
    );
    expect([...there].filter((name) => name === undefined || !shown.has(name))).toEqual([]);
  });

  test("is read at the port of which the page speaks", () => {
    expect(page).toContain(`10.77.0.1:${metricsPort}`);
    expect(
      [...page.matchAll(/10\.77\.0\.1:(\d+)/g)].filter(([, port]) => Number(port) !== metricsPort),
    ).toEqual([]);
  });
});
