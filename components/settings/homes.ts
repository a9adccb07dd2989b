import type { Forward } from "../network/forward.ts";
import { defaults } from "./defaults.ts";
import { readForward } from "./forwards.ts";
import { readPeerName } from "./peerName.ts";
import { isRead, refused } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { fields, isAbsent, items, oneOf, optional, required } from "./readers.ts";
import type { Reader } from "./readers.ts";
import type { HomeSettings, SshSettings } from "./settings.ts";
import { readSsh } from "./ssh.ts";

/** A home as the user wrote it: parts that were refused do not keep the others from being compared. */
export interface WrittenHome extends Pick<HomeSettings, "name" | "install"> {
  /** `undefined` where nothing is reached over SSH. */
  readonly ssh: Draft<SshSettings> | undefined;
  /** Each at the index where it was written. */
  readonly forwards: readonly Read<Forward>[];
}

const readFields = fields<WrittenHome>({
  name: required(readPeerName, "name: nas"),
  install: optional(oneOf(["ssh", "local", "manual"]), defaults.home.install),
  ssh: optional(readSsh, undefined),
  forwards: required(
    atLeastOne(items(readForward), "has no forward, so nothing would reach this home"),
    'forwards: ["80:8080"]',
  ),
});

function readHome(value: unknown, place: Place): Read<Draft<WrittenHome>> {
  const home = readFields(value, place);
  if (!isRead(home) || !isRead(home.install)) return home;
  const { install, ssh } = home;
  if (install === "ssh") return ssh === undefined ? { ...home, ssh: refuseMissing(place.at("ssh")) } : home;
  if (ssh !== undefined) refuseUnused(place.at("ssh"), install);
  return home;
}

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

const readList = atLeastOne(
  items<Draft<WrittenHome>>(readHome),
  "has no home: write at least one, under homes:",
);

/** The `homes` section. */
export function readHomes(value: unknown, place: Place): Read<readonly Read<Draft<WrittenHome>>[]> {
  return readList(isAbsent(value) ? [] : value, place);
}

function atLeastOne<T>(list: Reader<readonly T[]>, what: string): Reader<readonly T[]> {
  return (value, place) =>
    Array.isArray(value) && value.length === 0
      ? place.refuse(what, 'a home needs name, ssh and forwards, for example forwards: ["80:8080"]')
      : list(value, place);
}
