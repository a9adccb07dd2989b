import { expect, test } from "@jest/globals";
import { ProviderFirewall } from "../../../components/hetzner/ProviderFirewall.ts";
import { renderProviderRules } from "../../../components/hetzner/providerRules.ts";
import { firewall } from "../generators/examples.ts";
import { earlier } from "../componentArguments.ts";
import { named, register, tree, valueOf } from "../mockEngine.ts";

test("is one firewall at Hetzner with the same openings, and goes before a home is cleaned", async () => {
  let made: ProviderFirewall | undefined;
  const registered = await register(() => {
    const after = [earlier("nas-on-destroy")];
    made = new ProviderFirewall("provider-firewall", { label: "home-relay-test", openings: firewall, after });
  });
  const component = "homerelay:firewall:ProviderFirewall provider-firewall";
  expect(tree(registered).slice(1)).toEqual([
    component,
    `hcloud:index/firewall:Firewall provider-firewall-rules < ${component}`,
  ]);
  expect(registered[1]?.inputs).toEqual({
    forwards: [
      "80:8080/tcp",
      "443:8081/tcp",
      "64738:64738/tcp+udp",
      "50000-50002:50000-50002/udp",
      "2200-2201:22-23/tcp",
    ],
  });
  const { inputs, dependsOn } = named(registered, "provider-firewall-rules");
  expect(inputs).toEqual({
    name: "home-relay-test",
    // Sent as JSON: the rule for ICMP has no port at all.
    rules: JSON.parse(JSON.stringify(renderProviderRules(firewall))) as unknown,
  });
  expect(dependsOn).toEqual(["nas-on-destroy"]);
  if (!made) throw new Error("the firewall was not made");
  expect(await valueOf(made.firewallId)).toBe(401);
});
