import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import { Firewall } from "../../../components/firewall/Firewall.ts";
import type { FirewallArgs } from "../../../components/firewall/Firewall.ts";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { renderPublishedPorts } from "../../../components/firewall/publishedPorts.ts";
import { endDocument, renderDocument } from "../../../components/network/document.ts";
import { parseForward } from "../../../components/network/forward.ts";
import { firewall, nas, toHome, tunnelPlan } from "../generators/examples.ts";
import { Host } from "../../../components/host/Host.ts";
import { installationOnRelay, machine, operatorAccess, owner, relayHost } from "../componentArguments.ts";
import { documentOf, named, register, tree } from "../mockEngine.ts";

const relayFirewall = (change: Partial<FirewallArgs> = {}) =>
  new Firewall("relay-firewall", {
    host: relayHost(),
    ssh: { port: 22, via: "public", adminCidrs: firewall.adminCidrs, peers: [] },
    isShared: false,
    tunnel: tunnelPlan,
    forwards: firewall.forwards,
    devices: [],
    ...change,
  });

test("asks first who else is on a machine that is shared", async () => {
  const registered = await register(() => relayFirewall({ isShared: true }));
  const { inputs } = named(registered, "relay-firewall-rules");
  expect(inputs["create"]).toBe("timeout 300 /usr/local/lib/homerelay/apply-firewall.sh public shared 51820");
  expect(inputs["stdin"]).toBe(
    endDocument(
      renderDocument([
        { name: "ruleset", text: renderRelayRuleset({ ...firewall, shared: true }) },
        { name: "published", text: renderPublishedPorts(firewall.forwards) },
      ]),
    ),
  );
});

test("loads the ruleset on trial, then confirms that very ruleset over another connection", async () => {
  const registered = await register(() => relayFirewall());
  const component = "homerelay:firewall:Firewall relay-firewall";
  expect(tree(registered).slice(3)).toEqual([
    component,
    `command:remote:Command relay-firewall-rules < ${component}`,
    `command:remote:Command relay-firewall-confirm < ${component}`,
  ]);
  const ruleset = renderRelayRuleset(firewall);
  const document = endDocument(renderDocument([{ name: "ruleset", text: ruleset }]));
  const rules = named(registered, "relay-firewall-rules");
  const confirm = named(registered, "relay-firewall-confirm");
  expect(
    [rules, confirm].map(({ inputs, dependsOn }) => [inputs["create"], inputs["stdin"], dependsOn]),
  ).toEqual([
    ["timeout 300 /usr/local/lib/homerelay/apply-firewall.sh public", document, ["relay-prepare"]],
    [
      "timeout 300 /usr/local/lib/homerelay/confirm-firewall.sh",
      `${createHash("sha256").update(ruleset).digest("hex")}\n#end\n`,
      ["relay-firewall-rules"],
    ],
  ]);
});

test("on a machine that the operator's own OpenSSH reaches, confirms over a connection that was not there before", async () => {
  const registered = await register(() => {
    const host = new Host(
      "relay",
      {
        ...{ title: "the relay", nameOnHost: "Relay", owner, hostKeySetting: "hostKey" },
        access: operatorAccess,
        installation: installationOnRelay,
      },
      { parent: machine() },
    );
    relayFirewall({ host, isShared: true });
  });
  const connection = (name: string) => documentOf(named(registered, name))["connection"];
  expect(["relay-firewall-rules", "relay-firewall-confirm"].map(connection)).toEqual([undefined, "new"]);
});

test("publishes each port once, in ranges that do not touch, the protocols apart", () => {
  const forwards = toHome(
    nas,
    ["443/tcp+udp", "81", "80:8080", "8000-8010", "53:5353/udp"].map(parseForward),
  );
  expect(renderPublishedPorts(forwards)).toBe("tcp 80-81\ntcp 443\ntcp 8000-8010\nudp 53\nudp 443\n");
});
