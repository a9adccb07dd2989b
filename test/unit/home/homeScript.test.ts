import { expect, test } from "@jest/globals";
import { renderHomeScript } from "../../../components/home/homeScript.ts";
import { renderPlainWireguard } from "../../../components/home/plainWireguard.ts";
import { createForward, parseForward } from "../../../components/network/forward.ts";
import { nas, tunnelPlan } from "../generators/examples.ts";

const installed = (script: string) => `timeout 300 /usr/local/lib/homerelay/${script}`;
const prepare = { name: "prepare", command: "timeout 900 bash -s", document: "prepare this\n" };
const guard = { name: "guard", command: installed("apply-guard.sh"), document: "guard" };
const keys = { name: "keys", command: installed("store-keys.sh"), document: "keys\n" };
const tunnel = { name: "tunnel", command: installed("join-relay.sh 10.77.0.1"), document: "tunnel\n" };
const proof = { name: "proof", command: installed("prove-forwards.sh"), document: "proof\n" };
const uninstall = { name: "uninstall", command: "timeout 300 bash -s", document: "uninstall\n" };
const render = (guardDocument = "guard") =>
  renderHomeScript({
    home: "nas",
    install: [prepare, { ...guard, document: guardDocument }, keys, tunnel, proof],
    uninstall,
    main: 'main "$@"\n',
  });

test("a script holds the steps as functions, each with its command and its document, and then its last part", () => {
  expect(render()).toMatchInlineSnapshot(`
    "#!/bin/bash
    # Sets up the server "nas" at home, brings it in line, or takes all of it away again. On that server:
    #   sudo bash nas.sh install | remove | status
    # It holds this server's keys: keep it from others, and delete it when it has done its work.
    # After a change in the stack, write it anew and run it again.
    set -euo pipefail

    readonly home=nas version=1c8f1124d25b
    readonly steps=(prepare guard keys tunnel proof)

    prepare() {
      timeout 900 bash -s <<'=== end of prepare ==='
    prepare this
    === end of prepare ===
    }

    guard() {
      timeout 300 /usr/local/lib/homerelay/apply-guard.sh <<'=== end of guard ==='
    guard
    === end of guard ===
    }

    keys() {
      timeout 300 /usr/local/lib/homerelay/store-keys.sh <<'=== end of keys ==='
    keys
    === end of keys ===
    }

    tunnel() {
      timeout 300 /usr/local/lib/homerelay/join-relay.sh 10.77.0.1 <<'=== end of tunnel ==='
    tunnel
    === end of tunnel ===
    }

    proof() {
      timeout 300 /usr/local/lib/homerelay/prove-forwards.sh <<'=== end of proof ==='
    proof
    === end of proof ===
    }

    uninstall() {
      timeout 300 bash -s <<'=== end of uninstall ==='
    uninstall
    === end of uninstall ===
    }

    main "$@"
    "
  `);
});

test("another document is another version", () => {
  const version = (script: string) => /version=([0-9a-f]{12})$/m.exec(script)?.[1];
  expect(version(render())).toBeDefined();
  expect(version(render("another"))).not.toBe(version(render()));
});

test("a document that would end itself is refused", () => {
  expect(() => render("a\n=== end of guard ===\nb\n")).toThrow(
    'guard: a line is "=== end of guard ===", which ends documents',
  );
});

test("the plain configuration takes packets from the relay alone, and says what it lacks and which forwards that costs", () => {
  const plan = {
    name: "nas",
    devices: [],
    tunnelAddress: nas,
    ipv6: true,
    forwards: [
      parseForward("80:8080"),
      createForward({ first: 443, last: 443 }, { first: 443, last: 443 }, "tcp", { clientIp: "masquerade" }),
    ],
    tunnel: tunnelPlan,
  };
  const keys = { privateKey: "private nas", publicKey: "public nas", presharedKey: "preshared nas" };
  const relay = { publicKey: "public relay", ipv4Address: "203.0.113.5", ipv6Address: "2001:db8:77::1" };
  expect(renderPlainWireguard(plan, keys, relay)).toMatchInlineSnapshot(`
    "# This end of the tunnel alone, for what is no Debian. What it lacks of the script:
    # - The guard: a relay in the wrong hands reaches every service that listens on this machine. Firewall it.
    # - Policy routing: answers to strangers would leave by your router and be lost. So a forward works only with
    #   clientIp: masquerade, where the service sees the relay as its client; and only to this machine itself.
    #   Without it are now, and do not work:
    #     80:8080/tcp
    [Interface]
    Address = 10.77.3.4/32, fd77::304/128
    PrivateKey = private nas
    MTU = 1420

    # relay
    [Peer]
    PublicKey = public relay
    PresharedKey = preshared nas
    AllowedIPs = 10.77.0.1/32, fd77::1/128
    Endpoint = 203.0.113.5:51820
    PersistentKeepalive = 25
    "
  `);
  const masqueraded = { ...plan, forwards: plan.forwards.slice(1) };
  expect(renderPlainWireguard(masqueraded, keys, relay)).not.toContain("do not work");
});
