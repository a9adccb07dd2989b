import { expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { firewall, nas, toHome } from "../../unit/generators/examples.ts";
import { at, inRelayWorld } from "./relayWorld.ts";

test("both ends of a connection send no more than fits into the tunnel, which neither of them knows", () => {
  const forwards = toHome(nas, [parseForward("80:8080")]);
  for (const shared of [false, true]) {
    const said = inRelayWorld(
      { rules: renderRelayRuleset({ ...firewall, forwards, shared }) },
      "ip -n relay link set homerelay mtu 1420",
      "load rules; listen nas 8080",
      ...[at.relay.ipv4, at.relay.ipv6].map(
        (address) => `
          connect outside ${address} 80 1 >/dev/null & asked=$!
          for _ in {1..50}; do
            if [ -n "$(on nas ss -Htn state established "sport = :8080")" ]; then break; fi
            sleep 0.05
          done
          for end in "outside dport = :80" "nas sport = :8080"; do
            on \${end%% *} ss -Htin state established "\${end#* }" | grep -o ' mss:[0-9]*'
          done
          wait $asked`,
      ),
    );
    // What is left beside the headers of IPv4 or IPv6, TCP and its time stamps.
    expect(said).toBe(` mss:${1420 - 52}\n`.repeat(2) + ` mss:${1420 - 72}\n`.repeat(2));
  }
});
