import { expect, test } from "@jest/globals";
import { renderRelayRuleset } from "../../../components/firewall/ruleset.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { firewall, nas, toHome } from "../../unit/generators/examples.ts";
import { at, inRelayWorld } from "./relayWorld.ts";

/** A program on the relay's machine calls a name that points at the relay. */

const port = parsePortRange("7000");
const forwards = toHome(nas, [
  parseForward("6000:6001/tcp+udp"),
  createForward(port, port, "udp", { clientIp: "masquerade" }),
]);

test.each([true, false])(
  "by the public address it reaches the home as strangers do; shared: %s",
  (shared) => {
    const said = inRelayWorld(
      { rules: renderRelayRuleset({ ...firewall, shared, forwards }).replace(/^include .*\n/m, "") },
      "load rules; serve nas 6001 nas; serve nas 7000 masqueraded; listen nas 6001",
      `ask relay 4000 ${at.relay.ipv4} 6000; ask relay 4000 ${at.relay.ipv6} 6000`,
      `ask relay 4001 ${at.relay.ipv4} 7000`,
      `connect relay ${at.relay.ipv4} 6000 3; connect relay ${at.relay.ipv6} 6000 3`,
    );
    expect(said.split("\n")).toEqual([
      `nas sees ${at.relay.ipv4} 4000`,
      `nas sees ${at.relay.ipv6} 4000`,
      "masqueraded sees 10.77.0.1 4001",
      "3",
      "3",
      "",
    ]);
  },
);

test("its own services on the same port, at addresses of its own alone, and ports that are not published stay its own", () => {
  const said = inRelayWorld(
    { rules: renderRelayRuleset({ ...firewall, shared: true, forwards }).replace(/^include .*\n/m, "") },
    "load rules; serve nas 6001 nas; serve relay 6000 own; serve relay 9000 other",
    `ask relay 4000 127.0.0.1 6000; ask relay 4000 ::1 6000; ask relay 4000 ${at.relay.ipv4} 9000`,
  );
  expect(said).toBe(`own sees 127.0.0.1 4000\nown sees ::1 4000\nother sees ${at.relay.ipv4} 4000\n`);
});
