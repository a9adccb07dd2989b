/**
 * Every step of every host, broken off at any of its commands: what worked before goes on, what a unit loads is whole, also
 * for a host that starts again just then, and the step that runs again ends as if nothing had been.
 *
 * HOMERELAY_EVERY_COMMAND=1 breaks off at each place in each script, which takes hours; else at one of each step.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { addresses, hostNames, stepsOf, TwoHosts } from "../world/twoHosts.ts";
import type { HostName, HostStep, Steps } from "../world/twoHosts.ts";

const everywhere = process.env["HOMERELAY_EVERY_COMMAND"] === "1";
jest.setTimeout(everywhere ? 3_600_000 : 300_000);
/** Who is not root gets no such world; `npm test` counts what is left out. */
const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";
const homeKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7V";
const tokens = ["olderToken", "newerToken"] as const;

const settings = (forwards: readonly string[], token: string, more: object = {}) => ({
  relay: { provider: "ssh", host: addresses.relay, hostKey },
  homes: [{ name: "nas", ssh: { host: addresses.home, hostKey: homeKey }, forwards }],
  devices: ["phone"],
  dns: { provider: "freemyip", names: ["my.freemyip.com"], token },
  ...more,
});

/** Steps that run one after the other, in two versions, each of which can follow the other. */
interface Change {
  readonly before: readonly HostStep[];
  readonly after: readonly HostStep[];
}

let world: TwoHosts;
let before: Steps;
let after: Steps;
const changes = new Map<string, Change>();

describeAsRoot("a step that is broken off", () => {
  beforeAll(async () => {
    world = await TwoHosts.raise();
    before = await stepsOf(settings(["80:8080"], tokens[0]), [tokens[0]]);
    const more = { devices: ["phone", "laptop"], tunnel: { mtu: 1380, keepaliveSeconds: 20 } };
    after = await stepsOf(settings(["80:8080", "443:8081", "64738/udp"], tokens[1], more), [tokens[1]]);
    const newKeys = await stepsOf(settings(["80:8080"], tokens[0]), [tokens[0]], " newer");
    for (const step of before.all) must(step);
    // As the timer does once a minute.
    const memory = "/usr/local/lib/homerelay/remember-endpoints.sh";
    world.run("relay", `${memory} save && ${memory} restore`);
    const of = ({ all }: Steps, ...names: readonly string[]) =>
      names.map(
        (name) => all.find((step) => step.name === `home-${name}`) ?? fail(`there is no step ${name}`),
      );
    const changed = (...names: readonly string[]): Change => ({
      before: of(before, ...names),
      after: of(after, ...names),
    });
    for (const host of ["relay", "nas"]) {
      const old = of(before, `${host}-prepare`, `${host}-leftovers`);
      changes.set(`the first and the last of ${host}`, { before: old, after: old.map(withNewFile) });
    }
    changes.set("the relay's system", changed("relay-system"));
    changes.set("the relay's sshd", changed("relay-sshd"));
    changes.set("the relay's rules", changed("relay-firewall-rules", "relay-firewall-confirm"));
    changes.set("the relay's tunnel", changed("relay-tunnel-keys", "relay-tunnel-interface"));
    changes.set("DynDNS", changed("relay-dyndns-secret", "relay-dyndns-updates"));
    changes.set("the guard", changed("nas-guard"));
    changes.set("the home's tunnel", changed("nas-keys", "nas-tunnel"));
    const keys = ["relay-tunnel-keys", "nas-keys", "relay-tunnel-interface", "nas-tunnel"];
    changes.set("the keys of both ends", { before: of(before, ...keys), after: of(newKeys, ...keys) });
    changes.set("the proof", { before: of(before, "nas-proof"), after: of(before, "nas-proof") });
  });
  afterAll(() => world.end());

  test.each([
    "the first and the last of relay",
    "the first and the last of nas",
    "the relay's system",
    "the relay's sshd",
    "the relay's rules",
    "the relay's tunnel",
    "DynDNS",
    "the guard",
    "the home's tunnel",
    "the keys of both ends",
    "the proof",
  ])("in a change of %s", (name) => {
    const change = changes.get(name) ?? fail(name);
    expect(breakOff(change)).toEqual([]);
  });

  test.each(["the relay's rules", "the relay's tunnel", "the guard", "the home's tunnel"])(
    "goes to its end when nobody hears it, in a change of %s",
    (name) => {
      expect(runUnheard(changes.get(name) ?? fail(name))).toEqual([]);
    },
  );

  test.each([
    ["/", "the first and the last of relay"],
    ["/", "the relay's rules"],
    ["/", "the home's tunnel"],
    ["/", "the guard"],
    ["/run", "the relay's tunnel"],
  ])("because %s is full says so, in a change of %s", (folder, name) => {
    const { wrong, said } = runFull(changes.get(name) ?? fail(name), folder);
    expect(wrong).toEqual([]);
    expect(said).toContain(
      `No room is left on this host in ${folder}. See what fills it, make room, then run the same`,
    );
  });

  test("does not mind that /tmp is full", () => {
    expect(runFull(changes.get("the guard") ?? fail("the guard"), "/tmp")).toEqual({ wrong: [], said: "" });
  });
});

/** What goes wrong, a line each. */
function breakOff(change: Change): string[] {
  const { before, after } = change;
  const { old, expected, wrong } = looksOf(change);
  const places = after.map((step) => world.trace(step));
  for (const step of before) must(step);
  let tried = 0;
  after.forEach((step, index) => {
    for (const { at, place } of pointsOf(places[index] ?? [])) {
      tried++;
      const by = tried % 3 === 0 ? "TERM" : "KILL";
      const what = `${step.name}, ${by} at ${place} (kill_at=${at})`;
      for (const earlier of after.slice(0, index)) must(earlier);
      const { said } = world.step(step, { breaking: { at, by } });
      if (!world.strangerGetsThrough()) wrong.push(`${what}: nobody gets through any more: ${said}`);
      if (tried % 2 === 0) {
        world.reboot(step.host);
        if (!world.strangerGetsThrough()) wrong.push(`${what}: nobody gets through after a reboot: ${said}`);
      }
      wrong.push(...finish(what, after.slice(index)));
      wrong.push(...differences(what, expected, look()));
      for (const one of before) must(one);
      wrong.push(...differences(`${what}, and back`, old, look()));
    }
  });
  return wrong;
}

/** With nobody who reads what the steps say, as when the connection has ended. */
function runUnheard(change: Change): string[] {
  const { old, expected, wrong } = looksOf(change);
  for (const step of change.after) world.step(step, { reader: "true" });
  wrong.push(...differences("unheard", expected, look()));
  for (const step of change.before) must(step);
  return [...wrong, ...differences("unheard, and back", old, look())];
}

/** With a folder on both hosts that takes nothing more, and then takes it again. */
function runFull(change: Change, folder: string): { readonly wrong: string[]; readonly said: string } {
  const { before, after } = change;
  const { old, expected, wrong } = looksOf(change);
  for (const host of hostNames)
    world.run(
      host,
      `for size in 1M 4k 1; do dd if=/dev/zero bs=$size status=none 2>/dev/null; done >${folder}/fill`,
    );
  const told: string[] = [];
  const failed = after.findIndex((step) => {
    const { status, said } = world.step(step);
    if (status !== 0) told.push(said.trim());
    return status !== 0;
  });
  if (!world.strangerGetsThrough()) wrong.push(`${folder} is full: nobody gets through any more`);
  for (const host of hostNames) world.run(host, `rm ${folder}/fill`);
  if (failed !== -1) wrong.push(...finish(`${folder} was full`, after.slice(failed)));
  wrong.push(...differences(`${folder} was full`, expected, look()));
  for (const step of before) must(step);
  return {
    wrong: [...wrong, ...differences(`${folder} was full, and back`, old, look())],
    said: told.join("\n"),
  };
}

/** What both hosts look like before and after a change, and what is wrong with going back. They are as before. */
function looksOf(change: Change): Seen {
  const known = seen.get(change);
  if (known) return { ...known, wrong: [] };
  const { before, after } = change;
  for (const step of before) must(step);
  const old = look();
  for (const step of after) must(step);
  const expected = look();
  for (const step of before) must(step);
  seen.set(change, { old, expected });
  return { old, expected, wrong: differences("going back", old, look()) };
}

interface Seen {
  readonly old: Looks;
  readonly expected: Looks;
  readonly wrong: string[];
}

const seen = new Map<Change, Omit<Seen, "wrong">>();

/** What the next `up` does; what goes wrong. */
function finish(what: string, steps: readonly HostStep[]): string[] {
  return steps.flatMap((step) => {
    let { status, said } = world.step(step);
    // The one thing that it does not do by itself: rules that were taken back are proven anew only when they are asked for.
    const again = /pulumi up --replace '\*\*relay-firewall-rules'/.test(said);
    if (again) {
      for (const one of changes.get("the relay's rules")?.after ?? []) ({ status, said } = world.step(one));
    }
    return status === 0 ? [] : [`${what}: ${step.name} again ended with ${status}: ${said}`];
  });
}

interface Point {
  readonly at: number;
  readonly place: string;
}

/** The first command at each place of a script, and the last one; one of them, another at each run, unless all are asked for. */
function pointsOf(places: readonly string[]): readonly Point[] {
  const all = places.flatMap((place, i) =>
    places.indexOf(place) === i || places.lastIndexOf(place) === i ? [{ at: i + 1, place }] : [],
  );
  if (everywhere) return all;
  const one = all[Math.floor(Math.random() * all.length)];
  return one ? [one] : [];
}

type Looks = Readonly<Record<HostName, string>>;

function look(): Looks {
  return { relay: world.look("relay"), home: world.look("home") };
}

function differences(what: string, expected: Looks, found: Looks): string[] {
  return hostNames.flatMap((host) => {
    const [wanted, here] = [expected[host].split("\n"), found[host].split("\n")];
    const lines = [
      ...wanted.filter((line) => !here.includes(line)).map((line) => `- ${line}`),
      ...here.filter((line) => !wanted.includes(line)).map((line) => `+ ${line}`),
    ];
    return lines.length === 0 ? [] : [`${what}: ${host}: ${lines.join(" ")}`];
  });
}

function must(step: HostStep): void {
  const { status, said } = world.step(step);
  if (status !== 0) throw new Error(`${step.name} ended with ${status}:\n${said}`);
}

function fail(what: string): never {
  throw new Error(what);
}

/** A step of another version of this program, which has one file more and another text in one. */
function withNewFile(step: HostStep): HostStep {
  const path = "/usr/local/lib/homerelay/newer.sh";
  const list = (text: string) =>
    text.replace(/(file \/usr\/local\/lib\/homerelay\/paths\.sh\n)/, `$1file ${path}\n`);
  const file = /#file 0755 \/usr\/local\/lib\/homerelay\/messages\.sh\n/;
  return {
    ...step,
    input: list(step.input).replace(file, (line) => `#file 0755 ${path}\necho newer\n${line}# newer\n`),
  };
}
