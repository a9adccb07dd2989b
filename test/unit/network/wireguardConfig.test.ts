import { expect, test } from "@jest/globals";
import { renderWireguardConfig } from "../../../components/network/wireguardConfig.ts";

test("renders a relay's side: it listens, and each peer has its own addresses", () => {
  const text = renderWireguardConfig({
    addresses: ["10.77.0.1/16", "fd77::1/64"],
    listenPort: 51820,
    mtu: 1420,
    peers: ["nas", "media"].map((name, i) => ({
      name,
      publicKey: `public key of ${name}`,
      allowedIps: [`10.77.0.${2 + i}/32`, `fd77::${2 + i}/128`],
      endpoint: undefined,
      keepaliveSeconds: undefined,
    })),
  });
  expect(text).toBe(`\
[Interface]
Address = 10.77.0.1/16, fd77::1/64
ListenPort = 51820
PrivateKey = key:private
MTU = 1420
Table = off

# nas
[Peer]
PublicKey = public key of nas
PresharedKey = key:preshared-nas
AllowedIPs = 10.77.0.2/32, fd77::2/128

# media
[Peer]
PublicKey = public key of media
PresharedKey = key:preshared-media
AllowedIPs = 10.77.0.3/32, fd77::3/128
`);
});

test("renders a home's side: it calls the relay, and keeps calling", () => {
  const text = renderWireguardConfig({
    addresses: ["10.77.3.4/16"],
    listenPort: undefined,
    mtu: 1280,
    peers: [
      {
        name: "relay",
        publicKey: "public key of the relay",
        allowedIps: ["0.0.0.0/0", "::/0"],
        endpoint: "203.0.113.5:51820",
        keepaliveSeconds: 25,
      },
    ],
  });
  expect(text).toBe(`\
[Interface]
Address = 10.77.3.4/16
PrivateKey = key:private
MTU = 1280
Table = off

# relay
[Peer]
PublicKey = public key of the relay
PresharedKey = key:preshared-relay
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 203.0.113.5:51820
PersistentKeepalive = 25
`);
});
