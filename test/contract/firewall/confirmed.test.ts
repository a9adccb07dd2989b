/** Rules that were confirmed on a relay once, and what became of their file since. */
import { globSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { endDocument, renderDocument } from "../../../components/network/document.ts";
import { BareHost } from "../host/bareHost.ts";

const components = join(__dirname, "../../../components");
const library = "/usr/local/lib/homerelay";
const file = "/etc/homerelay/firewall.nft";
const rules = "table inet homerelay {\n}\n";

let host: BareHost;
beforeEach(() => {
  host = new BareHost();
  host.stub("systemd-run");
  // It reads to its end what it is to load: whoever writes that would hear otherwise that nobody reads it.
  host.stub("nft", 'for word; do case $word in /dev/fd/*) cat "$word" >/dev/null ;; esac; done');
  // Debian's is a link by way of /etc.
  host.stub("awk", 'exec /usr/bin/mawk "$@"');
  for (const script of globSync("*/*.sh", { cwd: components }))
    host.write(`${library}/${basename(script)}`, readFileSync(join(components, script), "utf8"));
});
afterEach(() => host.remove());

const apply = (text: string) =>
  host.run(
    ["bash", `${library}/apply-firewall.sh`, "public"],
    endDocument(renderDocument([{ name: "ruleset", text }])),
  );
const confirm = (text: string) =>
  host.run(
    ["bash", `${library}/confirm-firewall.sh`],
    endDocument(`${createHash("sha256").update(text).digest("hex")}\n`),
  );

test.each(["", "table inet homerelay {", "\0\0\0\0"])(
  "are whole again with their step, and need no second trial, where the file is %j",
  (damaged) => {
    expect(apply(rules).said).toContain("new rules are on trial");
    expect(confirm(rules).status).toBe(0);
    host.write(file, damaged);
    host.calls();
    expect(apply(rules)).toEqual({
      status: 0,
      said: "the file of the rules was another one\nthe firewall is as it should be\n",
    });
    expect(host.read(file)).toBe(rules);
    // Where its unit failed, the tunnel waits for it.
    expect(host.calls()).toContain("systemctl start homerelay-firewall.service");
    expect(host.calls().filter((call) => call.startsWith("systemd-run"))).toEqual([]);
  },
);

test("are on trial again when others were confirmed since", () => {
  for (const text of [rules, `${rules}# other\n`]) {
    apply(text);
    confirm(text);
  }
  expect(apply(rules).said).toContain("new rules are on trial");
  expect(host.read(file)).toContain("# other");
});
