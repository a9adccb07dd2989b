import { refuses } from "./stackFiles.ts";

refuses("of the tunnel", [
  [
    "listenPort",
    { tunnel: { listenPort: 70_000 } },
    "home-relay:tunnel.listenPort: must be a whole number from 1 to 65535; found 70000\n  write a number from 1 to 65535",
  ],
  [
    "keepalive",
    { tunnel: { keepaliveSeconds: 300 } },
    "home-relay:tunnel.keepaliveSeconds: must be a whole number from 5 to 120; found 300\n" +
      "  a NAT may forget a silent UDP mapping after two minutes, many do after 30 s, and then nothing reaches the home; " +
      "under 5 s costs traffic and gains nothing; 5 suits most, 25 a line that is paid by the megabyte",
  ],
  [
    "a public prefix4",
    { tunnel: { prefix4: "8.8.0.0/16" } },
    'home-relay:tunnel.prefix4: "8.8.0.0/16" is outside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, the space for private networks\n' +
      '  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
  ],
  [
    "CGNAT's own prefix4",
    { tunnel: { prefix4: "100.64.0.0/16" } },
    'home-relay:tunnel.prefix4: "100.64.0.0/16" is outside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, the space for private networks\n  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
  ],
  [
    "a wide prefix4",
    { tunnel: { prefix4: "10.0.0.0/8" } },
    'home-relay:tunnel.prefix4: "10.0.0.0/8" is not a /16 to /28\n  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
  ],
  [
    "a narrow prefix4",
    { tunnel: { prefix4: "10.0.0.0/29" } },
    'home-relay:tunnel.prefix4: "10.0.0.0/29" is not a /16 to /28\n  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
  ],
  [
    "IPv6 for prefix4",
    { tunnel: { prefix4: "fd77::/64" } },
    'home-relay:tunnel.prefix4: "fd77::/64" is not an IPv4 prefix\n  write a /16 to /28 that your LAN does not use, like "10.77.0.0/16"',
  ],
  [
    "a public prefix6",
    { tunnel: { prefix6: "2001:db8::/64" } },
    'home-relay:tunnel.prefix6: "2001:db8::/64" is outside fd00::/8, the space for private networks\n  write a /64 under fd00::/8, like "fd77::/64"',
  ],
  [
    "a wide prefix6",
    { tunnel: { prefix6: "fd77::/48" } },
    'home-relay:tunnel.prefix6: "fd77::/48" is not a /64\n  write a /64 under fd00::/8, like "fd77::/64"',
  ],
  [
    "IPv4 for prefix6",
    { tunnel: { prefix6: "10.77.0.0/16" } },
    'home-relay:tunnel.prefix6: "10.77.0.0/16" is not an IPv6 prefix\n  write a /64 under fd00::/8, like "fd77::/64"',
  ],
  [
    "keyGeneration",
    { tunnel: { keyGeneration: 0 } },
    "home-relay:tunnel.keyGeneration: must be a whole number from 1 to 1000000; found 0\n  start at 1 and raise it by one for new keys",
  ],
]);
