import { devices } from "./devices.ts";
import { dns } from "./dns.ts";
import { withDefault } from "./fields.ts";
import { homes } from "./homes.ts";
import { notify } from "./notify.ts";
import { isAbsent } from "./readers.ts";
import type { Field } from "./readers.ts";
import { relay } from "./relay.ts";
import { tunnel } from "./tunnel.ts";

/** The sections of the stack file, each a key of the project's own namespace, in the order in which people read them. */
export const sections = {
  relay: withDefault(relay, {
    default: {},
    means: "The VPS with the public address.",
    example: { location: "nbg1", serverType: "cx23" },
  }),
  homes: {
    ...homes,
    means: "The servers at home, at least one.",
    example: [
      { name: "nas", ssh: { host: "192.168.1.10", hostKey: "ssh-ed25519 AAAA..." }, forwards: ["80:8080"] },
    ],
    // "has no home" says more than "is missing".
    read: (value, place, siblings) => homes.read(isAbsent(value) ? [] : value, place, siblings),
  } satisfies Field<unknown>,
  devices: withDefault(devices, {
    default: [],
    means: "Laptops and phones that join the tunnel. npm run device -- NAME prints the configuration of one.",
    example: ["phone", { name: "laptop", allow: ["nas"] }],
  }),
  tunnel: withDefault(tunnel, {
    default: {},
    means: "WireGuard between the relay and the homes.",
    example: { mtu: 1412 },
  }),
  dns: withDefault(dns, {
    default: {},
    means: "Names that point at the relay; none when empty.",
    example: { zone: "example.org", names: ["@", "www"] },
  }),
  notify: withDefault(notify, {
    default: [],
    means:
      "Who is told by the relay when a home is away and when it is back: ntfy, gotify, slack, discord, post (plain text). " +
      "And who is told every five minutes that the relay lives: healthchecks (and whether all homes are there), heartbeat.",
    example: [{ service: "ntfy", url: { secure: "AAABAD..." } }],
  }),
};
