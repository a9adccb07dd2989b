import { expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { firewall, relay } from "../../unit/generators/examples.ts";
import { at, inRelayWorld } from "./relayWorld.ts";

/** Each ping of a process of its own, and so a connection of its own. */
const ping = (name: string, address: string) => `on ${name} ping -c 1 -W 0.5 ${address} >/dev/null`;

test("strangers who ping more than the relay answers do not keep it from answering a home", () => {
  const said = inRelayWorld(
    { rules: renderRelayRuleset(firewall) },
    "load rules",
    ...[
      [at.relay.ipv4, relay.ipv4],
      [at.relay.ipv6, relay.ipv6],
    ].map(
      ([outside = "", inside = ""]) => `
        for _ in {1..40}; do ${ping("outside", outside)} & done
        answered=0
        for _ in 1 2 3 4 5 6 7 8 9 10; do
          ${ping("outside", outside)} &
          if ${ping("nas", inside)}; then answered=$((answered + 1)); fi
        done
        echo "$answered of 10"; wait`,
    ),
  );
  expect(said).toBe("10 of 10\n10 of 10\n");
});
