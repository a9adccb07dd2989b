import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderGuard } from "../../../components/home/guard.ts";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { publishForwards } from "../../../components/network/publishedForward.ts";
import { firewall, nas, nasForwards, relay } from "../../unit/generators/examples.ts";
import { MendedHost } from "../host/mendedHost.ts";
import { asRoot } from "../tool.ts";

let host: MendedHost;
beforeEach(() => {
  host = new MendedHost(
    mkdtempSync(join(tmpdir(), "home-relay-table-")),
    ["firewall/mend-table.sh"],
    ["firewall/table.sh", "firewall/load-firewall.sh"],
  );
});
afterEach(() => rmSync(host.folder, { recursive: true }));

const load = "bash /usr/local/lib/homerelay/load-firewall.sh";
const apart = ["unshare", ...asRoot, "--net"];
const run = (commands: string) => host.run(`${load}; ${commands}`, apart);

const publish = () => publishForwards([{ tunnelAddress: nas, ipv6: true, forwards: nasForwards }]);
const tables: readonly (readonly [string, string, string])[] = [
  ["home", renderGuard({ home: nas, relay, forwards: nasForwards }), "from_relay"],
  ["relay", renderRelayRuleset({ ...firewall, forwards: publish() }), "to_home"],
];

describe.each(tables)("the table of a %s", (_, table, chain) => {
  beforeEach(() => host.write("etc/firewall.nft", table));

  test("that nobody has touched is as it should be", () => {
    expect(run("mend look; mend watch")).toBe("");
  });

  test("that somebody flushed is missing, and is back", () => {
    expect(
      run("nft flush ruleset; mend look; mend watch; mend look; nft list table inet homerelay | head -n 1"),
    ).toBe(
      "firewall\ttable inet homerelay\tmissing\tthere\ntable inet homerelay was missing, and is there again\ntable inet homerelay {\n",
    );
  });

  test("of which somebody emptied a chain is named by it", () => {
    expect(run(`nft flush chain inet homerelay ${chain}; mend look; mend mend >/dev/null; mend look`)).toBe(
      `firewall\tchain ${chain} of table inet homerelay\tchanged\tas loaded\n`,
    );
  });

  test("in which somebody put a rule, a set and an element is named by each", () => {
    const set = chain === "to_home" ? "published_tcp { 4444 }" : "open { tcp . 4444 }";
    const words = [
      `nft insert rule inet homerelay ${chain} counter accept`,
      "nft add set inet homerelay more '{ type ipv4_addr; }'",
      `nft add element inet homerelay ${set.replace("{", "'{").replace("}", "}'")}`,
    ];
    const found = run(`${words.join("; ")}; mend look`)
      .trim()
      .split("\n")
      .sort();
    expect(found).toEqual(
      [
        `firewall\tchain ${chain} of table inet homerelay\tchanged\tas loaded`,
        "firewall\tset more of table inet homerelay\tthere\tmissing",
        `firewall\tset ${set.split(" ")[0]} of table inet homerelay\tchanged\tas loaded`,
      ].sort(),
    );
  });

  test("of another file is loaded anew", () => {
    expect(run("echo >>/etc/homerelay/firewall.nft; mend look; mend mend >/dev/null; mend look")).toBe(
      `firewall\ttable inet homerelay\tfrom another file\tfrom ${host.folder}/etc/firewall.nft\n`,
    );
  });

  test("of a file that was cut off stays as it was, and the tunnel is ended", () => {
    host.program("systemctl", 'case $1 in show) exit 1 ;; *) echo "$@" >>/run/homerelay-systemctl ;; esac');
    const said = run(
      ": >/etc/homerelay/firewall.nft; mend mend || :; nft list table inet homerelay | head -n 1; cat /run/homerelay-systemctl",
    );
    expect(said).toContain("has no table in it; run pulumi up");
    expect(said).toContain("table inet homerelay {\n");
    expect(said).toContain("stop homerelay-firewall.service\n");
  });
});

test("an element that goes by itself, and what packets leave, is no difference", () => {
  host.write("etc/firewall.nft", tables[1]?.[1] ?? "");
  expect(run("nft add element inet homerelay ssh_public '{ 2222 timeout 40s }'; mend look")).toBe("");
  expect(
    run(
      "nft add element inet homerelay new_rate4 '{ 192.0.2.1 limit rate over 200/second }' || :; mend look",
    ),
  ).not.toContain("firewall\t");
});

test("rules are checked where there is no table of ours", () => {
  host.write("etc/firewall.nft", tables[0]?.[1] ?? "");
  host.write("bad.nft", "table inet homerelay {\n\tchain a {\n\t\tno rule\n\t}\n}\n");
  const check = `. /usr/local/lib/homerelay/paths.sh; . /usr/local/lib/homerelay/table.sh; check_table`;
  expect(
    run(
      `(${check} /etc/homerelay/firewall.nft && echo good); (${check} ${host.folder}/bad.nft >/dev/null 2>&1 || echo bad)`,
    ),
  ).toBe("good\nbad\n");
});
