/** Both ends of the tunnel get new keys while everybody talks: what is lost, and what becomes of it when it goes wrong. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { apart, needTools, ownNames } from "../world/namespaces.ts";

const components = join(__dirname, "../../../components");
const here = join(__dirname, "keyChange");

let folder: string;
beforeAll(() =>
  needTools({ nft: "nftables", ping: "iputils-ping", wg: "wireguard-tools", "wireguard-go": "wireguard-go" }),
);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-keys-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What is said while these lines run in the world, where everybody has keys of the first generation. */
function inWorld(lines: string): string[] {
  const script = `set -euo pipefail; exec 2>&1; ${ownNames}
    folder=${folder} components=${components} here=${here}
    . ${here}/world.sh
    trap 'take_down >/dev/null 2>&1' EXIT
    raise
    store() { for home in \${homes[@]}; do store_home_keys $home $1; done >/dev/null; store_relay_keys $1 >/dev/null; }
    ${lines}`;
  const { error, stdout } = spawnSync("unshare", [...apart, "bash", "-c", script], {
    encoding: "utf8",
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  if (error) throw new Error(`${error.message}\n${stdout}`);
  return stdout.split("\n").filter((line) => line !== "" && !/ (?:Killed|Terminated) /.test(line));
}

const nothing = {
  "datagrams to the home": 0,
  "datagrams from the home": 0,
  lines: 0,
  connections: 0,
};

/** What each home lost of what was sent to and fro. */
const lost = (said: readonly string[]) =>
  said.filter((line) => line.startsWith("{")).map((line) => (JSON.parse(line) as { lost: object }).lost);

/** Of the datagrams of the first home that tells. */
function shareLost(said: readonly string[]): number {
  const [told] = said.filter((line) => line.startsWith("{"));
  const { lost: found, sent } = JSON.parse(told ?? "") as { lost: Record<string, number>; sent: number };
  return ((found["datagrams to the home"] ?? 0) + (found["datagrams from the home"] ?? 0)) / sent;
}

const others = (said: readonly string[]) => said.filter((line) => !line.startsWith("{"));

const cutOff = "new keys cut off until they are set up anew, since nothing of ours reaches them: phone";

const allNew = ["relay: relay-2 attic-2 nas-2 phone-2", "nas: nas-2 relay-2", "attic: attic-2 relay-2"];

test("nothing is lost, all old keys are gone, and nobody gets an answer with them", () => {
  const said = inWorld(`
    begin_talking nas attic
    store 2
    apply_relay 2
    for home in \${homes[@]}; do join_home $home 2; done
    tell_lost nas attic
    everybody_in_force
    answers_keys_of nas 2; answers_keys_of nas 1`);
  expect(lost(said)).toEqual([nothing, nothing]);
  expect(others(said)).toEqual([
    "new keys: waiting until nas attic have theirs ready",
    "new keys at the relay and at nas attic, each proven by a handshake; the old ones are gone",
    "tunnel interface homerelay brought in line",
    cutOff,
    "joined the relay",
    "joined the relay",
    ...allNew,
    "an answer",
    "no answer",
  ]);
});

const allOld = ["relay: relay-1 attic-1 nas-1 phone-1", "nas: nas-1 relay-1", "attic: attic-1 relay-1"];

test("with a home that is away nobody's keys change; when it is back, everybody's do", () => {
  const said = inWorld(`
    store 2
    at attic ip link set homerelay down
    begin_talking nas
    apply_relay 2 && echo applied
    everybody_in_force
    at attic ip link set homerelay up
    apply_relay 2
    tell_lost nas
    everybody_in_force`);
  expect(lost(said)).toEqual([nothing]);
  expect(others(said)).toEqual([
    "Not heard through the tunnel: attic. New keys would shut it out, so all keys stay as they were, and everything",
    "goes on with them. Switch it on and run the same command again. Is it gone for good? Then take it out of",
    "home-relay:homes. Or set keyGeneration back to what it was.",
    ...allOld,
    "new keys: waiting until nas attic have theirs ready",
    "new keys at the relay and at nas attic, each proven by a handshake; the old ones are gone",
    "tunnel interface homerelay brought in line",
    cutOff,
    ...allNew,
  ]);
});

test("a step of before that is run again, as a check does that mends, leaves a home that waits as it is", () => {
  const said = inWorld(`
    store 2
    at attic ip link set homerelay down
    apply_relay 2 >/dev/null && echo applied
    join_home nas 1 || echo refused
    at attic ip link set homerelay up
    everybody_in_force
    at nas ping -c 1 -W 2 10.77.0.1 >/dev/null && echo "nas is served"
    apply_relay 2 >/dev/null
    join_home nas 1 || echo refused
    everybody_in_force`);
  const refusal = [
    "A change of keys has begun here and has not ended, and this step is of before it. The tunnel is left as it is. To end the",
    "change:  pulumi up",
    "refused",
  ];
  expect(said).toEqual([...refusal, ...allOld, "nas is served", ...refusal, ...allNew]);
});

test("a home that expects another relay's key sends all back to the old keys; with the right one all change", () => {
  const said = inWorld(`
    store 2
    printf '#file 0600 private\\n%s\\n#file 0600 preshared-relay\\n%s\\n#file 0600 relay\\n%s 10.77.0.1\\n' \
      "$(key nas-2)" "$(key shared-nas-2)" "$(public stranger)" | step nas store-keys.sh >/dev/null
    apply_relay 2 && echo applied
    sleep 12
    everybody_in_force
    for home in \${homes[@]}; do at $home ping -c 1 -W 2 10.77.0.1 >/dev/null && echo "$home is served"; done
    store_home_keys nas 2 >/dev/null
    apply_relay 2
    everybody_in_force`);
  expect(said).toEqual([
    "new keys: waiting until nas attic have theirs ready",
    "With the relay's new key there came no handshake: nas. The relay has taken its old key back, and all go on with it.",
    "Run the same command again. If that does not help, write the home's keys anew:  pulumi up --replace '**:Command::**-keys'",
    ...allOld,
    "nas is served",
    "attic is served",
    "new keys: waiting until nas attic have theirs ready",
    "new keys at the relay and at nas attic, each proven by a handshake; the old ones are gone",
    "tunnel interface homerelay brought in line",
    cutOff,
    ...allNew,
  ]);
});

test("a home with a wrong preshared key goes on with its old keys; with the right one it follows", () => {
  const said = inWorld(`
    store 2
    printf '#file 0600 private\\n%s\\n#file 0600 preshared-relay\\n%s\\n#file 0600 relay\\n%s 10.77.0.1\\n' \
      "$(key nas-2)" "$(key shared-nas-3)" "$(public relay-2)" | step nas store-keys.sh >/dev/null
    apply_relay 2 && echo applied
    sleep 12
    everybody_in_force
    for home in \${homes[@]}; do at $home ping -c 1 -W 2 10.77.0.1 >/dev/null && echo "$home is served"; done
    store_home_keys nas 2 >/dev/null
    apply_relay 2
    everybody_in_force`);
  expect(said).toEqual([
    "new keys: waiting until nas attic have theirs ready",
    cutOff,
    "No handshake came with the new keys of: nas. It goes on with its own old one. Run the same command again; if that does not",
    "help, write its keys anew:  pulumi up --replace '**:Command::**-keys'",
    "relay: relay-2 attic-2 nas-1 phone-2",
    "nas: nas-1 relay-2",
    "attic: attic-2 relay-2",
    "nas is served",
    "attic is served",
    "new keys: waiting until nas have theirs ready",
    "new keys at the relay and at nas, each proven by a handshake; the old ones are gone",
    "tunnel interface homerelay brought in line",
    ...allNew,
  ]);
});

test("a preshared key that somebody overwrote at a home breaks nothing: the step fails, and takes it back", () => {
  const said = inWorld(`
    begin_talking nas
    cp "$folder/nas/wireguard/homerelay.conf" "$folder/before"
    wg genpsk >"$folder/nas/etc/keys/preshared-relay"
    join_home nas 1 || echo "failed"
    cmp "$folder/nas/wireguard/homerelay.conf" "$folder/before"
    everybody_in_force
    store_home_keys nas 1 >/dev/null
    join_home nas 1
    tell_lost nas`);
  // WireGuard keeps 128 packets until a handshake comes; on a busy machine this talk may send more in a turn.
  expect(lost(said)).toEqual([
    {
      ...nothing,
      "datagrams to the home": expect.any(Number),
      "datagrams from the home": expect.any(Number),
    },
  ]);
  expect(shareLost(said)).toBeLessThan(0.1);
  expect(others(said).map((line) => line.replace(/try \d+/, "try 1"))).toEqual([
    "waiting for a handshake with the relay",
    "The relay does not answer to the preshared key that this home was just given. So the tunnel goes on with the one of before.",
    "Have the two ends different keys? Then this mends it:",
    "  pulumi up --replace '**:Command::**-keys' --replace '**:Command::**-tunnel'",
    "failed",
    ...allOld,
    "tunnel interface homerelay brought in line",
    "waiting for a handshake with the relay",
    "the relay answers through the tunnel (try 1)",
    "joined the relay",
  ]);
});

test("one that is new at both ends is in force after one handshake, and nothing is lost", () => {
  const said = inWorld(`
    begin_talking nas
    (umask 077; wg genpsk >"$folder/new")
    at relay wg set homerelay peer "$(public nas-1)" preshared-key "$folder/new"
    cp "$folder/new" "$folder/nas/etc/keys/preshared-relay"
    join_home nas 1
    tell_lost nas
    grep -cxF "PresharedKey = $(cat "$folder/new")" "$folder/nas/wireguard/homerelay.conf"
    ls "$folder/nas/etc"`);
  expect(lost(said)).toEqual([nothing]);
  expect(others(said)).toEqual([
    "waiting for a handshake with the relay",
    "the relay answers through the tunnel",
    "tunnel interface homerelay brought in line",
    "joined the relay",
    "1",
    "address6",
    "keys",
    "relay.nft",
  ]);
});

test("another address of the relay's at which nobody answers is given up, however much the relay talks", () => {
  const said = inWorld(`
    ip -n internet route add blackhole 198.51.1.99/32
    at relay ping -i 0.05 10.77.0.2 >/dev/null &
    endpoint=198.51.1.99 join_home nas 1 || echo "failed"
    at nas wg show homerelay endpoints | cut -f 2
    kill %%`);
  expect(said.filter((line) => !line.startsWith("the relay answers"))).toEqual([
    "tunnel interface homerelay brought in line",
    "waiting for a handshake with the relay",
    "The relay does not answer what changed here, and answers this home as it was before. So the tunnel goes on as before. Have the",
    "two ends different keys? Then this mends it:",
    "  pulumi up --replace '**:Command::**-keys' --replace '**:Command::**-tunnel'",
    "failed",
    "198.51.1.2:51820",
  ]);
});

test("set back before the relay has changed anything, all is as it was and nobody waits", () => {
  const said = inWorld(`
    store 2
    store 1
    for home in \${homes[@]}; do until_awaited $home; done
    apply_relay 1
    everybody_in_force`);
  expect(said).toEqual(["tunnel interface homerelay brought in line", ...allOld]);
});

test("a relay's step that was killed in the middle is finished by the next one", () => {
  const said = inWorld(`
    store 2
    begin_talking nas attic
    (apply_relay 2 >/dev/null) &
    until [ "$(at relay wg show homerelay private-key)" = "$(key relay-2)" ]; do sleep 0.05; done
    pkill -9 -f "$folder/relay/lib/apply-tunnel.sh"
    sleep 3
    apply_relay 2
    tell_lost nas attic
    everybody_in_force`);
  expect(lost(said)).toEqual([
    {
      ...nothing,
      "datagrams to the home": expect.any(Number),
      "datagrams from the home": expect.any(Number),
    },
    {
      ...nothing,
      "datagrams to the home": expect.any(Number),
      "datagrams from the home": expect.any(Number),
    },
  ]);
  expect(others(said).slice(-3)).toEqual(allNew);
});
