import { expect, test } from "@jest/globals";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { parsePortRange } from "../../../components/network/port.ts";
import { proveIn, publicAddresses } from "../reachability/world.ts";
import type { World } from "../reachability/world.ts";

/** What a stranger finds at a port of the relay's, over IPv4 and over IPv6. */
const ask = (port: number) =>
  Object.values(publicAddresses)
    .map(
      (address) =>
        `(timeout 3 ip netns exec core bash -c 'cat </dev/tcp/${address}/${port}' 2>&1 || echo silent) | grep -oE 'hello|refused|silent' | head -n 1`,
    )
    .join("\n");

/** What a stranger over IPv6 hears of a port over UDP before he sends again. */
const udp = (port: number) =>
  `echo "n udp ${publicAddresses.ipv6} ${port}" | ip netns exec core bash $folder/send-knocks.sh 01234567 20 | cut -d ' ' -f 2`;

/** IPv4 alone leads to a machine in the LAN. */
const toLan = createForward(parsePortRange("8000"), parsePortRange("80"), "tcp", { to: "192.168.1.50" });

test("where a home has switched IPv6 off, strangers reach it over both families all the same", () => {
  const { said } = proveIn({
    ipv6: "off",
    forwards: ["80:8080", "81:8081"].map(parseForward),
    services: ["tcp :: 8080", "tcp 0.0.0.0 8081"],
    run: [ask(80), ask(81), "home cat /proc/sys/net/ipv6/conf/{all,lan}/disable_ipv6"].join("\n"),
  });
  expect(said).toEqual(["hello", "hello", "hello", "refused", "1", "1"]);
});

test("over IPv6 the relay refuses at once what leads nowhere over it, and nothing else", () => {
  const world = {
    forwards: [parseForward("80:8080"), toLan, parseForward("5000/udp")],
    services: ["tcp :: 8080", "udp :: 5000"],
    run: [ask(80), ask(8000), ask(9), udp(5000)].join("\n"),
  };
  const lan = ["silent", "refused"];
  const unpublished = ["silent", "silent"];
  expect(proveIn(world).said).toEqual(["hello", "hello", ...lan, ...unpublished, "silent"]);
  expect(proveIn({ ...world, homeHasIpv6: false }).said).toEqual([
    ...["hello", "refused"],
    ...lan,
    ...unpublished,
    "refused",
  ]);
});

test("a home whose kernel has no IPv6 says so before it joins, with both ways out", () => {
  const join = (home: Partial<World>) =>
    proveIn({
      forwards: [parseForward("80:8080")],
      services: [],
      run: "home sh -c 'mount -t tmpfs none /proc/sys/net/ipv6; (cat $0/tunnel; echo \"#end\") | bash $0/join-relay.sh 10.77.0.1' $folder",
      ...home,
    });
  expect(join({})).toEqual({
    status: 1,
    said: [
      "This home's kernel has no IPv6 (it was started with ipv6.disable=1), so strangers who come over IPv6 would wait in vain.",
      "Take that word off its command line, or write at this home in the stack file:",
      "  ipv6: false",
    ],
  });
  expect(join({ homeHasIpv6: false }).said.join("\n")).not.toContain("ipv6: false");
});

test("a home without IPv4, which cannot call the relay's, says what to write before it joins", () => {
  const { status, said } = proveIn({
    forwards: [parseForward("80:8080")],
    services: [],
    run: "home sh -c 'ip -4 route flush table main; (cat $0/tunnel; echo \"#end\") | bash $0/join-relay.sh 10.77.0.1' $folder",
  });
  expect([status, said]).toEqual([
    1,
    [
      `This home has no way to the relay's address ${publicAddresses.ipv4}. Has its line no IPv4? Then write at this home in the stack file:`,
      "  endpoint: ipv6",
    ],
  ]);
});
