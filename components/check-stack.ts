/**
 * `npm run check [-- --mend] [--json] [ARGUMENTS OF PULUMI]`: compares what is live at both ends, at the provider and in
 * the names with what the last `pulumi up` made, and tries every forward. It changes nothing without `--mend`, which puts
 * right what differs. Exit code: 0 all is so, 1 something is not, 2 it was called wrongly.
 */
import { CheckedHost } from "./check/ask-hosts.ts";
import { explainFailure, fails, portOf, readFindings, readSightings } from "./check/forwardReport.ts";
import type {
  Answer,
  Family,
  Finding,
  ForwardResult,
  RelaySighting,
  TriedForward,
} from "./check/forwardReport.ts";
import type { HostLook } from "./check/hostLook.ts";
import { listHostSteps, relaySteps } from "./check/hostSteps.ts";
import { knockFromHere } from "./check/knock-here.ts";
import { judgePublished } from "./check/namesReport.ts";
import {
  describe,
  exitCode,
  remarkOnRelapse,
  renderJson,
  renderMended,
  renderReport,
} from "./check/screen.ts";
import type { CheckedPlace, Mended, Report } from "./check/screen.ts";
import { publicDns } from "./dns/publicDns.ts";
import { askForThings, openApi } from "./hetzner/askThings.ts";
import type { ProviderState } from "./hetzner/askThings.ts";
import { Problem, runProgram } from "./host/program.ts";
import { stackHosts } from "./host/stackHosts.ts";
import { readStackState } from "./host/stackState.ts";
import type { StackState } from "./host/stackState.ts";
import type { Difference } from "./network/difference.ts";
import { createForward, parseRendered } from "./network/forward.ts";
import { listProbes } from "./reachability/probes.ts";

const usage = `usage: npm run check [-- --mend] [--json] [--stack NAME]
  --mend   puts right what differs, and nothing else; without it nothing is changed
  --json   for a program`;

interface Options {
  readonly mend: boolean;
  readonly json: boolean;
  /** For pulumi. */
  readonly stack: readonly string[];
}

function readOptions(words: readonly string[]): Options | undefined {
  let [mend, json] = [false, false];
  const stack: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const name = words[i + 1];
    if (word === "--mend") mend = true;
    else if (word === "--json") json = true;
    else if (word.startsWith("--stack=")) stack.push(word);
    else if ((word === "--stack" || word === "-s") && name !== undefined) {
      stack.push(word, name);
      i++;
    } else return undefined;
  }
  return { mend, json, stack };
}

/** What became of one host, or of Hetzner. */
interface Looks {
  readonly hosts: ReadonlyMap<string, HostLook>;
  readonly provider: ProviderState | undefined;
  readonly places: readonly CheckedPlace[];
  readonly differences: readonly Difference[];
}

class StackCheck {
  readonly #state: StackState;
  readonly #hosts: readonly CheckedHost[];

  constructor(state: StackState) {
    this.#state = state;
    const hosts = stackHosts(state);
    const homes = hosts.filter(({ isRelay }) => !isRelay).map(({ title }) => title);
    const steps = listHostSteps(state.resources, homes);
    const relayFirst = hosts.toSorted((a, b) => Number(b.isRelay) - Number(a.isRelay));
    this.#hosts = relayFirst.map(
      (host) => new CheckedHost(host, steps.get(host.isRelay ? relaySteps : host.title) ?? []),
    );
  }

  /** Whether `pulumi up` has made anything that could be looked at. */
  get isThere(): boolean {
    return this.#hosts.length > 0;
  }

  async run(): Promise<Report> {
    const { stack, outputs } = this.#state;
    const looks = await this.#look();
    const { forwards, notes } = await this.#tryForwards(looks);
    return {
      stack: `home-relay/${stack}`,
      addresses: [outputs["ipv4Address"], outputs["ipv6Address"]].filter((one) => typeof one === "string"),
      places: looks.places,
      differences: looks.differences,
      forwards,
      notes: [...this.#noteState(), ...notes],
    };
  }

  /** All ends and everybody who keeps a part of the stack, at once. */
  async #look(): Promise<Looks> {
    const [hosts, provider, names] = await Promise.all([
      Promise.all(this.#hosts.map(async (host) => [host.where, await host.look()] as const)),
      this.#askProvider(),
      this.#lookUpNames(),
    ]);
    const records = (provider.state?.differences ?? [])
      .filter(({ kind }) => kind === "record")
      .map(({ what }) => what);
    const reached = hosts.flatMap(([where, state]) =>
      "look" in state ? [[where, state.look] as const] : [],
    );
    return {
      hosts: new Map(reached),
      provider: provider.state,
      places: [
        ...hosts.map(([where, state]) =>
          "look" in state ? { where, looked: state.looked } : { where, looked: "", problem: state.problem },
        ),
        ...provider.places,
        ...names.places,
      ],
      differences: [
        ...reached.flatMap(([, { differences }]) => differences),
        ...(provider.state?.differences ?? []),
        // A record that is another one is what the world sees.
        ...names.differences.filter(({ what }) => !records.some((record) => record.startsWith(`${what} `))),
      ],
    };
  }

  async #askProvider(): Promise<{
    readonly state: ProviderState | undefined;
    readonly places: readonly CheckedPlace[];
  }> {
    const where = "Hetzner";
    const { resources } = this.#state;
    const api = openApi(resources);
    if (api === undefined) return { state: undefined, places: [] };
    try {
      const state = await askForThings(api, resources);
      const counts = [...state.counts].map(([kind, count]) => countThings(kind, count));
      return { state, places: [{ where, looked: counts.join(", ") }] };
    } catch (error) {
      return { state: undefined, places: [{ where, looked: "", problem: (error as Error).message }] };
    }
  }

  async #lookUpNames(): Promise<{
    readonly places: readonly CheckedPlace[];
    readonly differences: readonly Difference[];
  }> {
    const where = "names";
    const { outputs, resources } = this.#state;
    const names = (outputs["names"] ?? []) as readonly string[];
    const ipv4 = outputs["ipv4Address"];
    if (names.length === 0 || typeof ipv4 !== "string") return { places: [], differences: [] };
    const told = resources.find(({ name }) => name.endsWith("-dyndns-updates"))?.name;
    const hasIpv6 =
      told !== undefined ||
      resources.some(({ types, inputs }) => types.endsWith("ZoneRrset") && inputs["type"] === "AAAA");
    const ipv6 = hasIpv6 && typeof outputs["ipv6Address"] === "string" ? outputs["ipv6Address"] : undefined;
    try {
      const found = await Promise.all(names.map((name) => publicDns.addresses(name)));
      const differences = names.flatMap(
        (name, i) => judgePublished({ name, ipv4, ipv6, told }, found[i] ?? []) ?? [],
      );
      return {
        places: [{ where, looked: names.length > 3 ? `${names.length} names` : names.join(", ") }],
        differences,
      };
    } catch (error) {
      const problem = `no resolver told where they lead (${(error as Error).message}): is this machine online?`;
      return { places: [{ where, looked: "", problem }], differences: [] };
    }
  }

  async #tryForwards(
    looks: Looks,
  ): Promise<{ readonly forwards: readonly ForwardResult[]; readonly notes: readonly string[] }> {
    const tried = this.#listForwards();
    const addresses = this.#relayAddresses();
    const proving = this.#hosts.filter(({ isRelay, where }) => !isRelay && looks.hosts.has(where));
    const [fromHere, ...proofs] = await Promise.all([
      knockFromHere(tried, addresses),
      ...proving.map((home) => home.prove()),
    ]);
    const findings = new Map<string, readonly Finding[]>();
    const notes = proofs.flatMap((proof, i) => {
      if (!("said" in proof))
        return [`${proving[i]?.where ?? ""} could not try its forwards: ${proof.problem}`];
      const where = proving[i]?.where ?? "";
      const its = tried.filter(({ home }) => home === where).map(portOf);
      const read = readFindings(proof.said, its);
      for (const [port, found] of read) findings.set(port, found);
      return read.size > 0 || its.length === 0
        ? []
        : [
            `The scripts on ${where} are of an older version, and cannot tell this one what they find: pulumi up`,
          ];
    });
    const failing = tried.filter((one) =>
      fails(one, findings.get(portOf(one)) ?? [], fromHere.get(portOf(one)) ?? new Map()),
    );
    const sightings = await this.#watch(failing, findings, looks);
    return {
      forwards: tried.map((forward) => {
        const port = portOf(forward);
        const found = findings.get(port) ?? [];
        const answers = fromHere.get(port) ?? new Map<Family, Answer>();
        if (!failing.includes(forward))
          return { forward, findings: found, fromHere: answers, failure: undefined };
        const look = looks.hosts.get(forward.home);
        const letsIn = looks.provider?.letsIn;
        const failure = explainFailure(forward, found, answers, {
          provider:
            letsIn === undefined ? undefined : ({ protocol, published }) => letsIn(protocol, published),
          activeAtHome: look?.active ?? [],
          activeAtRelay: looks.hosts.get(relaySteps)?.active ?? [],
          handshakeSeconds: look?.handshakes[0],
          homeIsReached: look !== undefined,
          differences: looks.differences,
          sighting:
            sightings?.get(port) ??
            (sightings === undefined ? undefined : { arrived: false, sent: false, rule: "" }),
        });
        return { forward, findings: found, fromHere: answers, failure };
      }),
      notes: [...notes, ...this.#notePlace(looks), ...noteNotTried(findings)],
    };
  }

  /** Tries once more what did not come out of a tunnel, while the relay watches. `undefined`: nothing did, or it cannot. */
  async #watch(
    failing: readonly TriedForward[],
    findings: ReadonlyMap<string, readonly Finding[]>,
    { hosts }: Looks,
  ): Promise<ReadonlyMap<string, RelaySighting> | undefined> {
    const relay = this.#hosts.find(({ isRelay }) => isRelay);
    const look = hosts.get(relaySteps);
    const lost = failing.filter((one) => {
      const places = (findings.get(portOf(one)) ?? [])
        .map(({ place }) => place)
        .filter((place) => place !== "");
      return places.length === 0 || places.includes("way") || places.includes("relay");
    });
    if (relay === undefined || look === undefined || lost.length === 0) return undefined;
    const ports = lost.map(portOf);
    const begun = await relay.beginWatch(ports);
    if (!("said" in begun)) return undefined;
    const homes = this.#hosts.filter(
      ({ where }) => hosts.has(where) && lost.some(({ home }) => home === where),
    );
    await Promise.all([
      knockFromHere(lost, this.#relayAddresses()),
      ...homes.map((home) => home.prove(ports)),
    ]);
    const seen = await relay.endWatch();
    const senders = [...look.endpoints, ...(look.caller === undefined ? [] : [look.caller])];
    return "said" in seen ? readSightings(seen.said, senders) : undefined;
  }

  #listForwards(): readonly TriedForward[] {
    const forwards = (this.#state.outputs["forwards"] ?? {}) as Readonly<Record<string, readonly string[]>>;
    return Object.entries(forwards).flatMap(([home, texts]) =>
      texts.flatMap((text) => {
        const { published, target, protocols, to, from } = parseRendered(text);
        const forward = createForward(published, target, protocols.join("+"), { to });
        return listProbes([forward]).map((probe) => ({ ...probe, home, restricted: from !== "" }));
      }),
    );
  }

  #relayAddresses(): ReadonlyMap<Family, string> {
    const { ipv4Address, ipv6Address } = this.#state.outputs;
    return new Map<Family, string>([
      ...(typeof ipv4Address === "string" ? [[4, ipv4Address] as const] : []),
      ...(typeof ipv6Address === "string" ? [[6, ipv6Address] as const] : []),
    ]);
  }

  #noteState(): readonly string[] {
    const reached = this.#hosts.map(({ where }) => where);
    const homes = Object.keys(this.#state.outputs["forwards"] ?? {});
    const manual = homes.filter((home) => !reached.includes(home));
    return [
      ...(manual.length > 0 ? [`Set up by hand, so looked at from outside alone: ${manual.join(", ")}`] : []),
    ];
  }

  /** What a knock from this machine shows. */
  #notePlace({ hosts }: Looks): readonly string[] {
    const relay = hosts.get(relaySteps);
    const caller = relay?.caller;
    if (relay === undefined || caller === undefined) return [];
    const tunnel = (this.#state.outputs["tunnelAddresses"] ?? {}) as Readonly<
      Record<string, { ipv4: string; ipv6: string }>
    >;
    const peer = Object.entries(tunnel).find(([, { ipv4, ipv6 }]) => caller === ipv4 || caller === ipv6)?.[0];
    if (peer !== undefined)
      return [`"From here" is through the tunnel, as ${peer}: it shows less than a stranger would see.`];
    return relay.endpoints.includes(caller)
      ? [
          `"From here" is from behind the same line as a home, ${caller}: it goes out to the relay and back like a stranger's.`,
        ]
      : [];
  }

  /** Puts right each difference that something of ours may; each step, request and host once. */
  async mend(differences: readonly Difference[]): Promise<readonly Mended[]> {
    const done = new Map<string, Promise<string | undefined>>();
    const once = (key: string, work: () => Promise<string | undefined>) => {
      const before = done.get(key);
      if (before !== undefined) return before;
      const doing = work();
      done.set(key, doing);
      return doing;
    };
    // The provider comes first, since it may be what keeps us from the hosts; then files, in the order of their steps.
    const ordered = [...differences].sort((a, b) => this.#place(a) - this.#place(b));
    const mended: Mended[] = [];
    for (const difference of ordered) {
      const { repair, where } = difference;
      if (repair.by === "person") {
        mended.push({ difference, did: undefined });
        continue;
      }
      const [did, problem] =
        repair.by === "request"
          ? [
              "told Hetzner again",
              await once(JSON.stringify(repair), () => this.#request(repair.path, repair.body)),
            ]
          : repair.by === "step"
            ? [`ran ${repair.step} again`, await once(repair.step, () => this.#repeat(repair.step))]
            : [`${where} put it right`, await once(where, () => this.#mendLive(where))];
      mended.push({ difference, did, ...(problem === undefined ? {} : { problem }) });
    }
    return mended;
  }

  #place({ repair }: Difference): number {
    if (repair.by === "request") return -1;
    if (repair.by === "step") return this.#state.resources.findIndex(({ name }) => name === repair.step);
    return repair.by === "host" ? this.#state.resources.length : this.#state.resources.length + 1;
  }

  async #request(path: string, body: object): Promise<string | undefined> {
    try {
      await openApi(this.#state.resources)?.change(path, body);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  async #repeat(name: string): Promise<string | undefined> {
    for (const host of this.#hosts) {
      const step = host.steps.find((one) => one.name === name);
      if (step === undefined) continue;
      const answer = await host.repeat(step);
      return "said" in answer ? undefined : answer.problem;
    }
    return "its step is not in the state; run: pulumi up";
  }

  async #mendLive(where: string): Promise<string | undefined> {
    const answer = await this.#hosts.find((host) => host.where === where)?.mendLive();
    return answer === undefined || "said" in answer ? undefined : answer.problem;
  }
}

/** Why nothing was tried over a family, where that is so of many; once each. */
function noteNotTried(findings: ReadonlyMap<string, readonly Finding[]>): readonly string[] {
  const why = [...findings.values()]
    .flat()
    .filter(({ verdict, why }) => verdict === "not tried" && why !== "")
    .map(({ family, why }) => `Not tried as strangers over IPv${family}: ${why}`);
  return [...new Set(why)];
}

/** @example 2 addresses */
function countThings(kind: string, count: number): string {
  return count === 1 ? kind : `${count} ${kind}${kind.endsWith("s") ? "es" : "s"}`;
}

/** Rounds of mending: a host that lacked our scripts can tell what else differs only when it has them. */
const mostRounds = 3;

await runProgram(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const check = new StackCheck(readStackState(options.stack));
  if (!check.isThere)
    throw new Problem("The stack has nothing yet that could be checked. It has after: pulumi up");
  if (process.stderr.isTTY)
    console.error("Looking at all ends and trying each forward, which takes a while …");
  let report = await check.run();
  const mended: Mended[] = [];
  const isNew = (difference: Difference) =>
    !mended.some((one) => describe(one.difference) === describe(difference));
  for (let round = 0; options.mend && round < mostRounds && report.differences.some(isNew); round++) {
    const now = await check.mend(report.differences.filter(isNew));
    if (!options.json) process.stdout.write(renderMended(now));
    mended.push(...now);
    report = remarkOnRelapse(await check.run(), mended);
  }
  process.stdout.write(
    options.json ? renderJson(report, options.mend ? mended : undefined) : renderReport(report),
  );
  process.exitCode = exitCode(report);
});
