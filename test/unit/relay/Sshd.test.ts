import { expect, test } from "@jest/globals";
import { Sshd } from "../../../components/relay/Sshd.ts";
import { renderSshdConfig } from "../../../components/relay/sshdConfig.ts";
import { earlier, relayHost } from "../componentArguments.ts";
import { named, register } from "../mockEngine.ts";

test("gives sshd its one port when the firewall's way is proven, in plain sight of a preview", async () => {
  const registered = await register(
    () => new Sshd("relay-sshd", relayHost(), { sshPort: 2222, after: earlier("confirmed") }),
  );
  const { inputs, dependsOn } = named(registered, "relay-sshd-config");
  expect([inputs["create"], inputs["stdin"], dependsOn]).toEqual([
    "timeout 300 /usr/local/lib/homerelay/apply-sshd.sh",
    renderSshdConfig(2222),
    ["confirmed"],
  ]);
});
