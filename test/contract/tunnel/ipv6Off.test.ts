import { expect, test } from "@jest/globals";
import { parseForward } from "../../../components/network/forward.ts";
import { proveIn, publicAddresses } from "../reachability/world.ts";

/** What a stranger finds at a port of the relay's, over IPv4 and over IPv6. */
const ask = (port: number) =>
  Object.values(publicAddresses)
    .map(
      (address) =>
        `(timeout 3 ip netns exec core bash -c 'cat </dev/tcp/${address}/${port}' 2>&1 || echo silent) | grep -oE 'hello|refused|silent' | head -n 1`,
    )
    .join("\n");

test("where a home has switched IPv6 off, strangers reach it over both families all the same", () => {
  const { said } = proveIn({
    ipv6: "off",
    forwards: ["80:8080", "81:8081"].map(parseForward),
    services: ["tcp :: 8080", "tcp 0.0.0.0 8081"],
    run: [ask(80), ask(81), "home cat /proc/sys/net/ipv6/conf/{all,lan}/disable_ipv6"].join("\n"),
  });
  expect(said).toEqual(["hello", "hello", "hello", "refused", "1", "1"]);
});
