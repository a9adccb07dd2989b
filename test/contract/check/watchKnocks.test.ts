import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parseForward } from "../../../components/network/forward.ts";
import { proveIn } from "../reachability/world.ts";

const script = join(__dirname, "../../../components/check/watch-knocks.sh");

/** `knock PORT` tries one from the core network, whose address is 203.0.113.1. */
const knocking = `
  watch() { relay bash -c 'cat "$0" - | bash -s -- "$1"' ${script} "$1"; }
  knock() { core timeout 1 bash -c ": <>/dev/tcp/203.0.113.5/$1" 2>/dev/null || :; }
  tables() { relay nft list tables; }`;

test("tells what arrives at the relay, what goes into the tunnel, and the rule that ends the others", () => {
  const { status, said } = proveIn({
    forwards: ["80:8080", "443:8081", "5000/udp"].map(parseForward),
    services: [],
    run: `${knocking}
relay nft add table inet theirs
relay nft add chain inet theirs input '{ type filter hook forward priority 10; }'
relay nft add rule inet theirs input tcp dport 8080 counter drop comment '"not wanted"'
before=$(tables)
printf 'tcp 80\\ntcp 443\\ntcp 9999\\nudp 5000\\n' | watch begin
knock 80; knock 443; knock 9999
core bash -c 'echo x >/dev/udp/203.0.113.5/5000'
watch end </dev/null
[ "$(tables)" = "$before" ] && echo 'nothing is left'`,
  });
  expect([status, said.map((line) => line.replaceAll("\t", " ")).sort()]).toEqual([
    0,
    [
      "arrived tcp 443 203.0.113.1",
      "arrived tcp 80 203.0.113.1",
      "arrived tcp 9999 203.0.113.1",
      "arrived udp 5000 203.0.113.1",
      expect.stringMatching(/^dropped tcp 80 inet theirs input: .*drop comment "not wanted"$/),
      expect.stringMatching(/^dropped tcp 9999 inet homerelay /),
      "nothing is left",
      "sent tcp 443",
      "sent udp 5000",
    ],
  ]);
});

test("begins anew over what a run left that was cut off", () => {
  const { status, said } = proveIn({
    forwards: [parseForward("80:8080")],
    services: [],
    run: `${knocking}
echo 'tcp 80' | watch begin
echo 'tcp 80' | watch begin
knock 80
watch end </dev/null | grep -c arrived
watch end </dev/null`,
  });
  expect([status, said]).toEqual([0, ["1"]]);
});
