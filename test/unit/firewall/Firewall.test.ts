import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import { Firewall } from "../../../components/firewall/Firewall.ts";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { firewall } from "../generators/examples.ts";
import { relayHost } from "../componentArguments.ts";
import { named, register, tree } from "../mockEngine.ts";

test("asks first who else is on a machine that is shared", async () => {
  const registered = await register(
    () => new Firewall("relay-firewall", relayHost(), { ...firewall, shared: true }),
  );
  expect(named(registered, "relay-firewall-rules").inputs["create"]).toBe(
    "timeout 300 /usr/local/lib/homerelay/apply-firewall.sh public shared 51820",
  );
});

test("loads the ruleset on trial, then confirms that very ruleset over another connection", async () => {
  const registered = await register(() => new Firewall("relay-firewall", relayHost(), firewall));
  const component = "homerelay:firewall:Firewall relay-firewall";
  expect(tree(registered).slice(3)).toEqual([
    component,
    `command:remote:Command relay-firewall-rules < ${component}`,
    `command:remote:Command relay-firewall-confirm < ${component}`,
  ]);
  const ruleset = renderRelayRuleset(firewall);
  const rules = named(registered, "relay-firewall-rules");
  const confirm = named(registered, "relay-firewall-confirm");
  expect(
    [rules, confirm].map(({ inputs, dependsOn }) => [inputs["create"], inputs["stdin"], dependsOn]),
  ).toEqual([
    ["timeout 300 /usr/local/lib/homerelay/apply-firewall.sh public", ruleset, ["relay-host-prepare"]],
    [
      "timeout 300 /usr/local/lib/homerelay/confirm-firewall.sh",
      `${createHash("sha256").update(ruleset).digest("hex")}\n`,
      ["relay-firewall-rules"],
    ],
  ]);
});
