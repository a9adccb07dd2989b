import type { Forward } from "../network/forward.ts";
import { defaults } from "./defaults.ts";
import { readForward } from "./forwards.ts";
import { readPeerName } from "./peerName.ts";
import type { Draft, Place, Read } from "./place.ts";
import { fields, isAbsent, items, oneOf, optional, required } from "./readers.ts";
import type { Reader } from "./readers.ts";
import type { HomeSettings, SshSettings } from "./settings.ts";
import { readSsh } from "./ssh.ts";

/** A home as the user wrote it: parts that were refused do not keep the others from being compared. */
export interface WrittenHome extends Pick<HomeSettings, "name" | "install"> {
  readonly ssh: Draft<SshSettings>;
  /** Each at the index where it was written. */
  readonly forwards: readonly Read<Forward>[];
}

const readHome = fields<WrittenHome>({
  name: required(readPeerName, "name: nas"),
  install: optional(oneOf(["ssh"]), defaults.home.install),
  ssh: required<Draft<SshSettings>>(readSsh, 'ssh: { host: 192.168.1.10, hostKey: "ssh-ed25519 AAAA..." }'),
  forwards: required(
    atLeastOne(items(readForward), "has no forward, so nothing would reach this home"),
    'forwards: ["80:8080"]',
  ),
});

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
