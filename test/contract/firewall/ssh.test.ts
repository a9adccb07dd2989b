import { describe, expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { firewall } from "../../unit/generators/examples.ts";
import { at, inRelayWorld } from "./relayWorld.ts";

const open = `
  load rules
  listen relay 22
  ip -n outside route replace ${at.relay.ipv4}/32 dev eth0 src ${at.operator.ipv4}
  ip -n outside route replace ${at.relay.ipv6}/128 dev eth0 src ${at.operator.ipv6}`;

/** The relay remembers this many callers here, and as many have come. From an ordinary user the kernel takes no more at once. */
const most = 1000;
const strangers4 = Array.from({ length: most }, (_, i) => `10.9.${i >> 8}.${i & 255}`);
const strangers6 = Array.from({ length: most }, (_, i) => `2001:db8:9:${i.toString(16)}::`);
const fill = (family: 4 | 6, callers: readonly string[]) =>
  `add element inet homerelay ssh_rate${family} { ${callers.join(", ")} }\n`;

describe("on a relay of our own", () => {
  const rules = renderRelayRuleset(firewall);

  test("a flood of others who knock at SSH, more than the relay remembers, does not keep the operator out", () => {
    const said = inRelayWorld(
      {
        rules: rules.replaceAll("size 65535", `size ${most}`),
        callers: fill(4, strangers4) + fill(6, strangers6),
      },
      open,
      "load callers",
      `connect outside ${at.relay.ipv4} 22 1; connect outside ${at.relay.ipv6} 22 1`,
    );
    expect(said).toBe("1\n1\n");
  });

  test("one address opens thirty connections at once, and no more", () => {
    const said = inRelayWorld(
      { rules },
      open,
      `connect outside ${at.relay.ipv4} 22 40; connect outside ${at.relay.ipv6} 22 40`,
    );
    expect(said).toBe("30\n30\n");
  });
});

test("on a machine that was there before nobody's SSH is slowed down", () => {
  const rules = renderRelayRuleset({ ...firewall, shared: true });
  const said = inRelayWorld(
    { rules },
    open,
    `connect outside ${at.relay.ipv4} 22 60; connect outside ${at.relay.ipv6} 22 60`,
  );
  expect(said).toBe("60\n60\n");
});
