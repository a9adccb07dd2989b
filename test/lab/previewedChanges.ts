/**
 * Changes of a stack that runs, and what `npm run preview` has to say of each: the lab asks the real engine, and unit
 * tests read what it printed when test/lab/record-digests.ts last asked it.
 */
import { home, zone } from "./operator.ts";
import type { StackConfig } from "./operator.ts";

export interface PreviewedChange {
  /** The stack's settings after it, from those before. */
  readonly settings: (before: StackConfig) => StackConfig | Promise<StackConfig>;
  /** Each sentence, its kind first. */
  readonly words: readonly string[];
}

const forwards = ["80:8080", "443:8081", "64738:64738/tcp+udp"];

/** One home, a device that may reach it and one that may reach nothing, and a zone with names. */
export async function settingsBefore(): Promise<StackConfig> {
  return {
    homes: [await home(forwards), await home(["8096"], "attic")],
    devices: [{ name: "laptop", allow: ["nas"] }, { name: "phone" }],
    dns: { zone, createZone: true, names: ["@", "www"] },
  };
}

/** Another list of forwards for the first home. */
const forwarding = (forwards: readonly unknown[]) => async (before: StackConfig) => ({
  ...before,
  homes: [await home(forwards), ...before.homes.slice(1)],
});

const relay = (values: Readonly<Record<string, unknown>>) => (before: StackConfig) => ({
  ...before,
  relay: { ...before.relay, ...values },
});

const tunnel = (values: Readonly<Record<string, unknown>>) => (before: StackConfig) => ({
  ...before,
  tunnel: values,
});

export const previewedChanges: Readonly<Record<string, PreviewedChange>> = {
  nothing: { settings: (before) => before, words: [] },
  forwardAdded: {
    settings: forwarding([...forwards, "8443:443"]),
    words: ["opens 8443/tcp to the internet -> nas:443"],
  },
  forwardRemoved: {
    settings: forwarding(["80:8080", "443:8081"]),
    words: ["closes 64738/tcp+udp, which led to nas:64738"],
  },
  forwardMoved: {
    settings: forwarding(["80:8080", "443:9443", "64738:64738/tcp+udp"]),
    words: ["turns 443/tcp to nas:9443; it led to nas:8081"],
  },
  forwardNarrowed: {
    settings: forwarding([
      "80:8080",
      { published: 443, target: 8081, from: ["198.51.100.0/24"] },
      "64738:64738/tcp+udp",
    ]),
    words: ["narrows 443/tcp to 198.51.100.0/24 alone; it was open to the internet"],
  },
  forwardToLan: {
    settings: forwarding([...forwards, { published: 9100, target: 9100, to: "192.168.1.77" }]),
    words: ["opens 9100/tcp to the internet -> 192.168.1.77 behind nas:9100"],
  },
  forwardToOtherHome: {
    settings: async (before) => ({
      ...before,
      homes: [await home(["80:8080", "443:8081"]), await home(["8096", "64738:64738/tcp+udp"], "attic")],
    }),
    words: ["turns 64738/tcp+udp to attic:64738; it led to nas:64738"],
  },
  serverReplaced: {
    settings: relay({ image: "debian-12" }),
    words: [
      "interrupts all forwards, for about two minutes: the relay becomes a new server, cx23 in nbg1 with debian-12 (image debian-13 -> debian-12)",
    ],
  },
  serverResized: {
    settings: relay({ serverType: "cx33" }),
    words: [
      "interrupts all forwards, for about a minute: the server is switched off to become a cx33; it was a cx23",
    ],
  },
  addressLost: {
    settings: relay({ location: "hel1" }),
    words: [
      "loses the relay's address (IPv4 and IPv6), for good: it gets another one; names that this stack keeps follow, records made by hand do not",
      "interrupts all forwards, for about two minutes: the relay becomes a new server, cx23 in hel1 with debian-13 (location nbg1 -> hel1)",
    ],
  },
  sshNarrowed: {
    settings: relay({ adminCidrs: ["203.0.113.0/24"] }),
    words: ["narrows SSH to the relay to 203.0.113.0/24 alone; it was open to the internet"],
  },
  sshPort: {
    settings: relay({ sshPort: 2222 }),
    words: ["changes the relay's SSH port to 2222; it was 22"],
  },
  deviceAllowed: {
    settings: (before) => ({
      ...before,
      devices: [
        { name: "laptop", allow: ["nas"] },
        { name: "phone", allow: ["nas"] },
      ],
    }),
    words: ["admits phone to nas"],
  },
  deviceAdded: {
    settings: (before) => ({
      ...before,
      devices: [...(before.devices ?? []), { name: "tablet", allow: ["internet via nas"] }],
    }),
    words: ["admits tablet to the tunnel; it may reach internet via nas"],
  },
  devicesRemoved: {
    settings: (before) => ({ ...before, devices: [] }),
    words: [
      "closes the tunnel to laptop, which is a device no more",
      "closes the tunnel to phone, which is a device no more",
    ],
  },
  homeRemoved: {
    settings: (before) => ({ ...before, homes: before.homes.slice(0, 1) }),
    words: [
      "closes 8096/tcp, which led to attic:8096",
      "changes attic is a home no more: what was put there is removed",
    ],
  },
  newSshKeys: {
    settings: relay({ sshKeyGeneration: 2 }),
    words: ["changes the relay's SSH key and host key (generation 1 -> 2)"],
  },
  newKeys: {
    settings: tunnel({ keyGeneration: 2 }),
    words: [
      "interrupts laptop, until it has imported its new keys: npm run device -- laptop",
      "interrupts phone, until it has imported its new keys: npm run device -- phone",
      "changes every key of the tunnel (generation 1 -> 2); homes that this program sets up go over without a break",
    ],
  },
  listenPort: {
    settings: tunnel({ listenPort: 51999 }),
    words: [
      "interrupts the tunnel, for as long as the homes take to follow: WireGuard's port becomes 51999; it was 51820. Devices have to import their configuration anew",
    ],
  },
  nameAdded: {
    settings: (before) => ({ ...before, dns: { ...before.dns, names: ["@", "www", "git"] } }),
    words: ["changes git.example.org to point at the relay"],
  },
  namesRemoved: {
    settings: ({ homes, devices = [] }) => ({ homes, devices }),
    words: [
      "loses the names example.org, www.example.org: nothing keeps them any more",
      "loses the zone example.org, with all records in it",
    ],
  },
};

/** What it has to say of the very first `up` with these settings. */
export const firstWords: readonly string[] = [
  "opens 8096/tcp to the internet -> attic:8096",
  "opens 80/tcp to the internet -> nas:8080",
  "opens 443/tcp to the internet -> nas:8081",
  "opens 64738/tcp+udp to the internet -> nas:64738",
  "admits laptop to the tunnel; it may reach nas",
  "admits phone to the tunnel; it may reach nothing yet",
  "costs a server, cx23 in nbg1 with debian-13, from the hour in which it is made",
  "changes attic is set up as a home",
  "changes nas is set up as a home",
  "changes example.org, www.example.org to point at the relay",
];
