import type { Forward } from "../network/forward.ts";
import { mostProbes } from "../network/ourNumbers.ts";
import type { SshAccess } from "../network/sshAccess.ts";
import { optional, record, required, withDefault } from "./fields.ts";
import { forward } from "./forwards.ts";
import { peerName } from "./peerName.ts";
import { isRead, refused } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { flag, items, notEmpty, oneOf } from "./readers.ts";
import type { Kind } from "./readers.ts";
import type { HomeSettings } from "./settings.ts";
import { ssh } from "./ssh.ts";

/** A home as the user wrote it: parts that were refused do not keep the others from being compared. */
export interface WrittenHome extends Pick<HomeSettings, "name" | "install" | "ipv6" | "endpoint"> {
  /** `undefined` where nothing is reached over SSH. */
  readonly ssh: Draft<SshAccess> | undefined;
  /** Each at the index where it was written. */
  readonly forwards: readonly Read<Forward>[];
}

const example = 'a home needs name, ssh and forwards, for example forwards: ["80:8080"]';

const written = record<WrittenHome>({
  name: required(peerName, {
    means: "Names the home everywhere. Its addresses in the tunnel come from it; it may be changed.",
    example: "nas",
  }),
  install: withDefault(oneOf(["ssh", "local", "manual"]), {
    default: "ssh",
    means:
      "How the home is set up: over SSH, on the very machine that runs pulumi (local), or by a script that you run " +
      "there (manual).",
    example: "local",
  }),
  ssh: optional(ssh, {
    otherwise: "none; required with install: ssh",
    means: "How the home is reached.",
    example: { host: "192.168.1.10", hostKey: "ssh-ed25519 AAAA..." },
  }),
  ipv6: withDefault(flag, {
    default: true,
    means:
      "Write false for a home whose kernel was started with ipv6.disable=1: the relay then refuses at once what strangers " +
      "send to it over IPv6, and names that lead to no other home get no AAAA record. Where IPv6 is switched off in any " +
      "other way the tunnel has it all the same.",
    example: false,
  }),
  endpoint: withDefault(oneOf(["ipv4", "ipv6"]), {
    default: "ipv4",
    means:
      "Which of the relay's addresses the home calls. Write ipv6 where its line has no IPv4 at all; behind CGNAT or " +
      "DS-Lite it has.",
    example: "ipv6",
  }),
  forwards: required(
    notEmpty(items(forward, "list of forwards"), "has no forward, so nothing would reach this home", example),
    {
      means:
        'What strangers reach there, as in a Compose file: "443", "80:8080", "50000-50100:50000-50100/udp", ' +
        `"64738:64738/tcp+udp", or the long form below. Of more than ${mostProbes} ports (a range counts as two) the proof ` +
        `at the end of \`pulumi up\` tries ${mostProbes}, spread over all.`,
      example: ["80:8080"],
    },
  ),
});

const home: Kind<Draft<WrittenHome>> = {
  ...written,
  read: (value, place, siblings) => {
    const draft = written.read(value, place, siblings);
    if (!isRead(draft) || !isRead(draft.install)) return draft;
    if (draft.install === "ssh")
      return draft.ssh === undefined ? { ...draft, ssh: refuseMissing(place.at("ssh")) } : draft;
    if (draft.ssh !== undefined) refuseUnused(place.at("ssh"), draft.install);
    return draft;
  },
};

function refuseMissing(place: Place): typeof refused {
  return place.refuse(
    "is missing",
    'write it, for example: ssh: { host: 192.168.1.10, hostKey: "ssh-ed25519 AAAA..." }; ' +
      "or install: local where this machine is the home, or install: manual",
  );
}

const withoutSsh = {
  local: "sets up the machine that runs pulumi",
  manual: "leaves the home to a script that you run there",
} as const;

function refuseUnused(place: Place, install: keyof typeof withoutSsh): void {
  place.refuse(
    `has no use with install: ${install}, which ${withoutSsh[install]}`,
    "remove the ssh section, or write install: ssh",
  );
}

/** The `homes` section. */
export const homes = notEmpty(
  items(home, "list of mappings"),
  "has no home: write at least one, under homes:",
  example,
);
