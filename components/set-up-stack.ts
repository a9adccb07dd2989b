/**
 * `npm run setup`: asks what a first stack needs, looks for most of it by itself, writes a stack file of the user's own
 * and makes the stack. Until the last answer is given it only looks. Exit code: 0 written; 1 why not; 2 called wrongly.
 */
import { readFileSync } from "node:fs";
import { Api } from "./hetzner/api.ts";
import { Connection } from "./host/connection.ts";
import type { HostAccess } from "./host/operatorAccess.ts";
import { Problem, runProgram } from "./host/program.ts";
import { readScript } from "./host/scriptText.ts";
import { judgeSshComplaint } from "./host/sshComplaint.ts";
import { parseForward } from "./network/forward.ts";
import { hetznerEndpoint } from "./network/hetznerEndpoint.ts";
import { findDanger } from "./settings/dangerousPorts.ts";
import { parseSettings } from "./settings/parseSettings.ts";
import { SettingsError } from "./settings/settingsError.ts";
import { checkToken } from "./settings/token.ts";
import { Place } from "./settings/place.ts";
import { parseDestination, settingsOf } from "./setup/answers.ts";
import type {
  Answers,
  ChosenForward,
  Destination,
  HomeAnswer,
  KnownHost,
  NamesAnswer,
  RelayAnswer,
} from "./setup/answers.ts";
import { Asking } from "./setup/ask-operator.ts";
import type { Check, Choice } from "./setup/ask-operator.ts";
import { listMissing, readFlags, splitList, usage } from "./setup/flags.ts";
import type { FlagName, Given } from "./setup/flags.ts";
import { fingerprintOf, isSameKey } from "./setup/hostKeys.ts";
import { judgeLine } from "./setup/line.ts";
import { offerForwards } from "./setup/listeners.ts";
import { explainLogin } from "./setup/login.ts";
import { makeStack, needsPassphrase, refuseTaken } from "./setup/make-stack.ts";
import type { Secret } from "./setup/make-stack.ts";
import { renderNextSteps } from "./setup/nextSteps.ts";
import { readHostKey } from "./setup/read-host-key.ts";
import { isPublic } from "./setup/publicAddress.ts";
import { listOffers, renderPrice } from "./setup/relayOffers.ts";
import type { Catalogue } from "./setup/relayOffers.ts";
import { renderStackText } from "./setup/stackText.ts";
import { parseSurroundings, suggestName } from "./setup/surroundings.ts";
import type { Surroundings } from "./setup/surroundings.ts";

/** The image that a relay has where the stack file names none. */
const image = "debian-13";
const project = "home-relay";

/** Answers that are right in any case, in place of those that are not given yet. */
const innocent: Answers = {
  relay: { provider: "hetzner", location: "nbg1", serverType: "cx23" },
  homeName: "a-home-of-nobody",
  home: { install: "local" },
  forwards: [{ text: "443", service: undefined, danger: undefined }],
  names: undefined,
  devices: [],
};

/** What the program itself will say of these answers. */
function problemsOf(answers: Partial<Answers>, dnsToken = "1"): readonly string[] {
  const { relay, homes, dns, devices } = settingsOf({ ...innocent, ...answers });
  const names = { ...innocent, ...answers }.names;
  const secret = names === undefined || names.provider === "hetzner" ? {} : { token: dnsToken };
  try {
    parseSettings(
      {
        relay,
        homes,
        devices,
        tunnel: undefined,
        dns: dns && { ...dns, ...secret },
        isEncrypted: () => true,
        hcloudToken: "t".repeat(64),
      },
      project,
    );
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

/** The first of them as a sentence for the one who gives the answer. */
function firstProblem(answers: Partial<Answers>, dnsToken?: string): string | undefined {
  const [problem] = problemsOf(answers, dnsToken);
  return problem?.slice(problem.indexOf(": ") + 2).replaceAll(/\s*\n\s*/g, ": ");
}

const placeholderKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdrPNNQoboRuwlw77m/0np4zuVHFEtkOBsvAdTzKM7U";

const somewhere: KnownHost = { user: "root", host: "relay.example", port: 22, hostKey: placeholderKey };

const checkDestination: Check = (text) => {
  try {
    const at = { ...parseDestination(text), hostKey: placeholderKey };
    return firstProblem({ home: { install: "ssh", at } });
  } catch (error) {
    return (error as Error).message;
  }
};

const checkKey: Check = (text) =>
  /^SHA256:[A-Za-z0-9+/]{43}$/.test(text) || /^ssh-ed25519 [A-Za-z0-9+/]{68}$/.test(text)
    ? undefined
    : 'must be the host\'s key, "ssh-ed25519 AAAA...", or its fingerprint, SHA256:...';

const checkZone: Check = (zone) =>
  firstProblem({ names: { provider: "hetzner", zone, createZone: false, names: ["@"] } });

/** Of the names that the flags give, as far as they say where. */
function checkNames({ dns, zone = "example.org" }: Given): Check {
  return (text) => {
    const names = splitList(text);
    if (dns === "duckdns" || dns === "freemyip") return firstProblem({ names: { provider: dns, names } });
    return checkZone(zone) === undefined
      ? firstProblem({ names: { provider: "hetzner", zone, createZone: false, names } })
      : undefined;
  };
}

const checkHomeName: Check = (homeName) => firstProblem({ homeName });

const checkHetznersName: Check = (text) =>
  /^[a-z][a-z0-9-]*$/.test(text) ? undefined : `must be Hetzner's name, like nbg1 or cx23; found "${text}"`;

const checkStackName: Check = (text) =>
  /^[A-Za-z0-9][\w.-]{0,99}$/.test(text)
    ? undefined
    : `must be letters, digits, hyphens, dots and underscores; found "${text}"`;

function checkForwards(relay: RelayAnswer): Check {
  return (text) =>
    firstProblem({ relay, homeName: "home", forwards: splitList(text).map((one) => choose(one)) });
}

function checkDevices(homeName: string): Check {
  return (text) => firstProblem({ homeName, devices: splitList(text) });
}

function checkReadable(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() === "" ? `${path} is empty` : undefined;
  } catch {
    return `${path} cannot be read`;
  }
}

/** A forward of a Compose file, and what is dangerous of it. What it cannot be is told elsewhere. */
function choose(text: string, service?: string): ChosenForward {
  try {
    return { text, service, danger: findDanger(parseForward(text))?.why };
  } catch {
    return { text, service, danger: undefined };
  }
}

/** All that is wrong with the flags on their own; nothing is asked or contacted for it. */
function flagProblems(given: Given): readonly string[] {
  const checks: Partial<Record<FlagName, Check>> = {
    stack: checkStackName,
    "token-file": checkReadable,
    location: checkHetznersName,
    "server-type": checkHetznersName,
    "relay-host": checkDestination,
    "relay-key": checkKey,
    "relay-ipv4": (ipv4) =>
      firstProblem({ relay: { provider: "ssh", at: somewhere, ipv4, ipv6: undefined } }),
    "home-host": checkDestination,
    "home-key": checkKey,
    "home-name": checkHomeName,
    forwards: checkForwards(innocent.relay),
    zone: checkZone,
    names: checkNames(given),
    "dns-token-file": checkReadable,
    devices: checkDevices(given["home-name"] ?? innocent.homeName),
  };
  return (Object.keys(checks) as FlagName[]).flatMap((name) => {
    const value = given[name];
    const problem = value === undefined ? undefined : checks[name]?.(value);
    return problem === undefined ? [] : [`--${name}: ${problem}`];
  });
}

class Setup {
  readonly #asking: Asking;
  readonly #given: Given;
  readonly #stack: string;
  #api: Api | undefined;
  #token: string | undefined;
  readonly #secrets: Secret[] = [];

  constructor(given: Given, stack: string, isTerminal: boolean) {
    this.#given = given;
    this.#stack = stack;
    this.#asking = new Asking(given, isTerminal);
  }

  async run(): Promise<void> {
    const file = `Pulumi.${this.#stack}.yaml`;
    this.#asking.begin("home-relay: a public address for a server at home");
    const { relay, price } = await this.#askRelay();
    const { home, around } = await this.#askHome();
    const homeName = this.#given["home-name"] ?? suggestName(around?.hostname ?? "");
    const forwards = await this.#askForwards(relay, around);
    const names = await this.#askNames(relay);
    const devices = splitList(
      await this.#asking.write(
        "devices",
        "Laptops and phones that are to join and reach the home, by names of your choice",
        checkDevices(homeName),
        { usual: "none" },
      ),
    );
    const answers: Answers = { relay, homeName, home, forwards, names, devices };
    // Each was looked at on its own; together they may contend for a port or a name.
    const problems = problemsOf(answers);
    if (problems.length > 0) throw new Problem(problems.join("\n\n"));
    const passphrase = await this.#askPassphrase();
    const text = renderStackText(answers);
    this.#asking.say(`${file}:\n\n${text.trimEnd()}`);
    if (price !== undefined)
      this.#asking.say(`The relay costs about ${price} from pulumi up to pulumi destroy, running or not.`);
    if (
      !(await this.#asking.agree(
        "yes",
        `Write ${file}, and make the stack ${this.#stack}? Nothing is ordered by it.`,
        true,
      ))
    )
      this.#asking.stop();
    await makeStack(this.#stack, file, text, passphrase, this.#listSecrets(answers));
    this.#asking.end(renderNextSteps(this.#stack, file, answers));
  }

  #listSecrets({ relay, names }: Answers): readonly Secret[] {
    const isAtHetzner = relay.provider === "hetzner" || names?.provider === "hetzner";
    return [
      ...(isAtHetzner && this.#token !== undefined ? [{ key: "hcloud:token", value: this.#token }] : []),
      ...this.#secrets,
    ];
  }

  async #askRelay(): Promise<{ readonly relay: RelayAnswer; readonly price: string | undefined }> {
    const provider = await this.#asking.choose(
      "relay",
      "Where is the relay to be, the server with the public address?",
      [
        { value: "hetzner", label: "at Hetzner: a small server is made, and goes with pulumi destroy" },
        { value: "ssh", label: "on a VPS that you have already, with Debian or Ubuntu" },
      ],
      "hetzner",
    );
    return provider === "hetzner" ? this.#askHetzner() : { relay: await this.#askVps(), price: undefined };
  }

  async #askHetzner(): Promise<{ readonly relay: RelayAnswer; readonly price: string }> {
    const api = await this.#openApi();
    const catalogue = await readCatalogue(api);
    const { currency } = catalogue.pricing;
    const offers = listOffers(catalogue, image);
    const [anywhere] = offers;
    if (anywhere === undefined)
      throw new Problem(
        "Hetzner has no server for a relay at this moment, in no location. Try again later, or take a VPS: --relay ssh",
      );
    const usual = offers.find(({ name }) => name === "nbg1") ?? anywhere;
    const location = await this.#asking.choose(
      "location",
      "Where is it to stand? Near your home is fastest. Prices: the smallest, with its IPv4 address and VAT.",
      offers.map(({ name, place, types: [cheapest] }) => ({
        value: name,
        label: `${name.padEnd(5)} ${place.padEnd(18)} ${renderPrice(cheapest?.monthly ?? 0, currency)}`,
      })),
      usual.name,
    );
    const { types } = offers.find(({ name }) => name === location) ?? usual;
    const serverType = await this.#asking.choose(
      "server-type",
      "How large? The smallest carries far more than a line at home.",
      types.map(({ name, machine, monthly }) => ({
        value: name,
        label: `${name.padEnd(6)} ${machine.padEnd(20)} ${renderPrice(monthly, currency)}`,
      })),
      types[0]?.name ?? "",
    );
    const monthly = types.find(({ name }) => name === serverType)?.monthly ?? 0;
    return { relay: { provider: "hetzner", location, serverType }, price: renderPrice(monthly, currency) };
  }

  /** Asks for the token until it is one that may make things. */
  async #openApi(): Promise<Api> {
    if (this.#api !== undefined) return this.#api;
    for (;;) {
      const { token, isAsked } = await this.#readToken();
      const endpoint = process.env["HCLOUD_ENDPOINT"] || hetznerEndpoint;
      const api = new Api({ endpoint, token });
      const problem = await tryToken(api);
      if (problem === undefined) {
        this.#asking.say("The token works, and may make things.");
        [this.#api, this.#token] = [api, token];
        return api;
      }
      if (!isAsked) throw new Problem(problem);
      this.#asking.warn(problem);
    }
  }

  async #readToken(): Promise<{ readonly token: string; readonly isAsked: boolean }> {
    const path = this.#given["token-file"];
    const token = (path === undefined ? process.env["HCLOUD_TOKEN"] : readFileSync(path, "utf8"))?.trim();
    if (token) {
      const problem = checkTokenForm(token);
      if (problem !== undefined) throw new Problem(`${path ?? "HCLOUD_TOKEN"}: ${problem}`);
      return { token, isAsked: false };
    }
    this.#asking
      .say(`A token of Hetzner's API is needed, for a project of yours: console.hetzner.com, the project,
Security, API tokens, Generate, with read AND write. It is shown nowhere here, and stored encrypted.`);
    return { token: (await this.#asking.hide("The token", checkTokenForm)).trim(), isAsked: true };
  }

  async #askVps(): Promise<RelayAnswer> {
    const { at, around } = await this.#askHost(
      "relay-host",
      "relay-key",
      "Your VPS, as you write it after ssh",
    );
    const own = (around?.addresses ?? []).filter(isPublic);
    const ipv6 = own.find((address) => address.includes(":"));
    const judge = (ipv4: string | undefined) =>
      firstProblem({ relay: { provider: "ssh", at, ipv4, ipv6: undefined } });
    let ipv4 = this.#given["relay-ipv4"];
    if (ipv4 === undefined && judge(undefined) !== undefined)
      ipv4 = own.find((address) => !address.includes(":"));
    if (judge(ipv4) !== undefined)
      ipv4 = await this.#asking.write("relay-ipv4", "Its public IPv4 address", judge, {
        example: "203.0.113.5",
      });
    return { provider: "ssh", at, ipv4, ipv6 };
  }

  async #askHome(): Promise<{ readonly home: HomeAnswer; readonly around: Surroundings | undefined }> {
    const here: Choice<HomeAnswer["install"]>[] =
      process.platform === "linux" || this.#given.home === "local"
        ? [{ value: "local", label: "it is this machine" }]
        : [];
    const install = await this.#asking.choose<HomeAnswer["install"]>(
      "home",
      "And the home, the server that is to be reached?",
      [
        { value: "ssh", label: "I reach it from here by SSH" },
        ...here,
        { value: "manual", label: "by hand: a script that I run there, or a router" },
      ],
      "ssh",
    );
    if (install === "ssh") {
      const { at, around } = await this.#askHost(
        "home-host",
        "home-key",
        "Your home server, as you write it after ssh",
      );
      this.#tellAround(around);
      return { home: { install, at }, around };
    }
    const around = install === "local" ? await lookAround(Connection.open({ way: "here" })) : undefined;
    this.#tellAround(around);
    return { home: { install }, around };
  }

  #tellAround(around: Surroundings | undefined): void {
    if (around?.canBeRoot === false)
      this.#asking.warn(
        "pulumi up will have to be root there, and sudo asks for a password. Let it ask none, or log in as root.",
      );
    this.#asking.say(judgeLine(around?.line ?? { cards: [], hops: [], routerSays: undefined }).text);
  }

  /** A machine that was reached, by the key that a person has compared. */
  async #askHost(
    hostFlag: FlagName,
    keyFlag: FlagName,
    question: string,
  ): Promise<{ readonly at: KnownHost; readonly around: Surroundings | undefined }> {
    for (;;) {
      const text = await this.#asking.write(hostFlag, question, checkDestination, {
        example: "root@192.168.1.10",
      });
      const isAsked = this.#given[hostFlag] === undefined;
      try {
        const to = parseDestination(text);
        const hostKey = await this.#compareKey(to, keyFlag);
        const at = { ...to, hostKey };
        const around = await this.#logIn(at);
        if (around !== "elsewhere") return { at, around };
      } catch (error) {
        if (!isAsked || !(error instanceof Retriable)) throw error;
        this.#asking.warn(error.message);
      }
    }
  }

  async #compareKey(to: Destination, keyFlag: FlagName): Promise<string> {
    const { hostKey, known } = await readHostKey(to).catch((error: unknown) => {
      throw error instanceof Problem ? new Retriable(error.message) : error;
    });
    const fingerprint = fingerprintOf(hostKey);
    const given = this.#given[keyFlag];
    if (given !== undefined) {
      if (isSameKey(given, hostKey)) return hostKey;
      throw new Problem(
        `--${keyFlag}: ${to.host} shows another key, ${fingerprint}. Either it is another machine, or somebody stands between.`,
      );
    }
    const met = {
      same: "Your known_hosts have the same key for it: it is the machine that you have met before.",
      other:
        "Your known_hosts have ANOTHER key for it. Unless it was set up anew, somebody stands between you and it.",
      none: `Compare it with what the machine itself says. On its own console, type:
  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`,
    }[known];
    this.#asking.say(`${to.host} shows this host key:\n  ${fingerprint}\n${met}`);
    if (await this.#asking.agree(undefined, "Is it the same?", known === "same")) return hostKey;
    throw new Retriable(
      "Then nothing is sent there. Give the address of your own machine, or Ctrl-C ends this.",
    );
  }

  /** Logs in with the operator's own OpenSSH and looks around; `elsewhere`: another machine is wanted. */
  async #logIn({ hostKey, ...to }: KnownHost): Promise<Surroundings | undefined | "elsewhere"> {
    const access: HostAccess = {
      ...to,
      way: "ssh",
      hostKeys: [hostKey],
      identityFile: undefined,
      jump: undefined,
    };
    const connection = Connection.open(access);
    for (;;) {
      const { code, said } = await connection.reach();
      if (code === 0) return lookAround(connection);
      const { kind } = judgeSshComplaint(said);
      const problem = explainLogin(
        to,
        kind === "refusedLogin" ? "refused" : kind === "wrongHostKey" ? "wrongKey" : "other",
        said,
      );
      if (!this.#asking.isTerminal) throw new Problem(problem);
      this.#asking.warn(problem);
      const next = await this.#asking.choose(
        undefined,
        "And now?",
        [
          { value: "again", label: "try again" },
          { value: "elsewhere", label: "another address or user" },
          { value: "on", label: "go on: write the file all the same, without having looked there" },
        ],
        "again",
      );
      if (next === "on") return undefined;
      if (next === "elsewhere") {
        if (this.#given["home-host"] ?? this.#given["relay-host"]) throw new Problem(problem);
        return next;
      }
    }
  }

  async #askForwards(
    relay: RelayAnswer,
    around: Surroundings | undefined,
  ): Promise<readonly ChosenForward[]> {
    for (;;) {
      const forwards = await this.#listForwards(relay, around);
      if (forwards.length > 0) return forwards;
      const nothing = "Then nothing would be open, and there would be nothing to set up.";
      if (this.#given.forwards !== undefined) throw new Problem(nothing);
      this.#asking.warn(nothing);
    }
  }

  async #listForwards(
    relay: RelayAnswer,
    around: Surroundings | undefined,
  ): Promise<readonly ChosenForward[]> {
    const example = "80:8080,443";
    const judge = checkForwards(relay);
    const write = (question: string) => this.#asking.write("forwards", question, judge, { example });
    const given = this.#given.forwards;
    const taken = [`${relay.provider === "ssh" ? relay.at.port : 22}/tcp`, "51820/udp"];
    const offers = offerForwards(around?.listeners ?? [], taken, (forward) => findDanger(forward)?.why);
    const ports =
      "Port on the relay, or port on the relay:port at home, with /udp where it is that; with commas";
    if (given !== undefined || offers.length === 0) {
      if (around !== undefined && given === undefined)
        this.#asking.say("Nothing listens there that other machines could reach.");
      const texts = splitList(await write(`What is to be open to everybody? ${ports}`));
      return this.#confirmDangers(texts.map((text) => choose(text)));
    }
    const byHand = "by hand";
    const picked = await this.#asking.several(
      "What is to be open to everybody? These listen there (space marks, Enter goes on).",
      [
        ...offers.map(({ text, service, danger }) => ({
          value: text,
          label: [text.padEnd(10), service ?? "", ...(danger === undefined ? [] : [`  DANGEROUS: ${danger}`])]
            .join(" ")
            .trimEnd(),
        })),
        { value: byHand, label: "other ports, which I type" },
      ],
      offers.filter(({ isUsual, danger }) => isUsual && danger === undefined).map(({ text }) => text),
    );
    const found = offers.filter(({ text }) => picked.includes(text));
    const typed = picked.includes(byHand)
      ? splitList(
          await this.#asking.write(
            undefined,
            `The other ports. ${ports}`,
            (text) => judge([...found.map((one) => one.text), text].join(",")),
            { example },
          ),
        )
      : [];
    return [...found, ...(await this.#confirmDangers(typed.map((text) => choose(text))))];
  }

  /** What is dangerous stands only where somebody has said that it may. */
  async #confirmDangers(forwards: readonly ChosenForward[]): Promise<readonly ChosenForward[]> {
    const kept: ChosenForward[] = [];
    for (const forward of forwards) {
      const { text, danger } = forward;
      if (
        danger === undefined ||
        (await this.#asking.agree("dangerous", `${text}: ${danger}. Open it all the same?`, false))
      )
        kept.push(forward);
    }
    return kept;
  }

  async #askNames(relay: RelayAnswer): Promise<NamesAnswer | undefined> {
    const { dns } = this.#given;
    const needsZones = dns === undefined ? relay.provider === "hetzner" : dns === "hetzner";
    const zones = needsZones ? await this.#listZones() : [];
    const prefix = "zone ";
    const chosen =
      dns ??
      (await this.#asking.choose(
        undefined,
        "By which name is it to be found?",
        [
          ...zones.map((zone) => ({
            value: prefix + zone,
            label: `in ${zone}, a zone of this Hetzner project`,
          })),
          { value: "new-zone", label: "in a domain of mine whose DNS is to move to Hetzner" },
          { value: "duckdns", label: "a free name below duckdns.org" },
          { value: "freemyip", label: "a free name below freemyip.com" },
          { value: "none", label: "none: by address, or I set A and AAAA myself where my domain is" },
        ],
        zones[0] === undefined ? "none" : prefix + zones[0],
      ));
    if (chosen === "none") return undefined;
    if (chosen === "duckdns" || chosen === "freemyip") return this.#askDynDns(chosen);
    if (chosen === "new-zone") return this.#askZoneNames(await this.#askNewZone(), true);
    return this.#askZoneNames(
      chosen === "hetzner" ? await this.#askZone(zones) : chosen.slice(prefix.length),
      false,
    );
  }

  async #listZones(): Promise<readonly string[]> {
    const api = await this.#openApi();
    return (await asked(api.list<{ readonly name: string }>("zones", "/zones"))).map(({ name }) => name);
  }

  /** One that the project has. */
  async #askZone(zones: readonly string[]): Promise<string> {
    return this.#asking.write("zone", "The domain", (zone) => {
      if (zones.includes(zone)) return undefined;
      const there = zones.length === 0 ? "It has none at all." : `It has: ${zones.join(", ")}.`;
      return (
        checkZone(zone) ??
        `this Hetzner project has no zone ${zone}. ${there} To have it made: --dns new-zone`
      );
    });
  }

  /** One that the project has not. */
  async #askNewZone(): Promise<string> {
    const zones = await this.#listZones();
    const judge: Check = (zone) =>
      zones.includes(zone)
        ? `this Hetzner project has the zone ${zone} already. To use it: --dns hetzner`
        : checkZone(zone);
    return this.#asking.write("zone", "The domain", judge, { example: "example.org" });
  }

  async #askZoneNames(zone: string, createZone: boolean): Promise<NamesAnswer> {
    const answer = (text: string): NamesAnswer => ({
      provider: "hetzner",
      zone,
      createZone,
      names: splitList(text),
    });
    const text = await this.#asking.write(
      "names",
      `Which names in ${zone}? "@" is ${zone} itself; several with commas: @,www`,
      (one) => firstProblem({ names: answer(one) }),
      { usual: "@" },
    );
    return answer(text);
  }

  async #askDynDns(provider: "duckdns" | "freemyip"): Promise<NamesAnswer> {
    const domain = provider === "duckdns" ? "duckdns.org" : "freemyip.com";
    const answer = (text: string): NamesAnswer => ({ provider, names: splitList(text) });
    const text = await this.#asking.write(
      "names",
      `Your name there, as you have claimed it at ${domain}`,
      (one) => firstProblem({ names: answer(one) }),
      { example: `myhome.${domain}` },
    );
    const names = answer(text);
    const path = this.#given["dns-token-file"];
    const judge: Check = (token) =>
      firstProblem({ names }, token) === undefined
        ? undefined
        : `must be the token that ${domain} shows: letters and digits${provider === "duckdns" ? ", with hyphens" : ""}`;
    const value =
      path === undefined
        ? await this.#asking.hide("The token that it gave you", judge)
        : readFileSync(path, "utf8").trim();
    const problem = judge(value);
    if (problem !== undefined) throw new Problem(`${path ?? ""}: ${problem}`);
    this.#secrets.push({ key: "home-relay:dns.token", value });
    return names;
  }

  /** `undefined`: pulumi has it from elsewhere. */
  async #askPassphrase(): Promise<string | undefined> {
    if (!needsPassphrase()) return undefined;
    this.#asking
      .say(`Last, a passphrase of your choice. All keys of the tunnel and your token are stored encrypted with it, in
~/.pulumi and in the stack file. pulumi asks for it at each command; without it, nobody can go on with this
stack, so keep it in your password manager.`);
    const passphrase = await this.#asking.hide("The passphrase", (text) =>
      text.length < 8 ? "at least 8 characters" : undefined,
    );
    await this.#asking.hide("The same once more", (text) =>
      text === passphrase ? undefined : "it is not the same as before",
    );
    return passphrase;
  }
}

/** What may be mended by another answer. */
class Retriable extends Problem {}

function checkTokenForm(text: string): string | undefined {
  const problems: string[] = [];
  checkToken(text.trim(), new Place("token", problems));
  return problems[0]?.split("\n")[0]?.slice("token: ".length);
}

async function tryToken(api: Api): Promise<string | undefined> {
  try {
    await api.get("/locations");
    if (await api.mayWrite()) return undefined;
    return `This token may only read. Make one with read AND write: console.hetzner.com, the project, Security, API tokens.`;
  } catch (error) {
    return (error as Error).message.split("\n")[0];
  }
}

async function readCatalogue(api: Api): Promise<Catalogue> {
  const [locations, serverTypes, images, { pricing }] = await asked(
    Promise.all([
      api.list<Catalogue["locations"][number]>("locations", "/locations"),
      api.list<Catalogue["serverTypes"][number]>("server_types", "/server_types"),
      api.list<Catalogue["images"][number]>("images", "/images", { type: "system" }),
      api.get("/pricing") as Promise<{ readonly pricing: Catalogue["pricing"] }>,
    ]),
  );
  return { locations, serverTypes, images, pricing };
}

/** What Hetzner says against it, as a problem for the reader. */
async function asked<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw new Problem((error as Error).message, { cause: error });
  });
}

async function lookAround(connection: Connection): Promise<Surroundings | undefined> {
  const { stdout } = await connection.run("bash -s", {
    input: readScript("setup/look-around.sh"),
    limitSeconds: 60,
  });
  return parseSurroundings(stdout);
}

async function main(): Promise<void> {
  let given: Given;
  try {
    given = readFlags(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (given.help !== undefined) {
    console.log(usage);
    return;
  }
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  const stack = given.stack ?? "home";
  const problems = [...flagProblems(given), ...(isTerminal ? [] : explainMissing(given))];
  if (problems.length > 0) throw new Problem(problems.join("\n"));
  if (isTerminal)
    console.log("Looking which stacks there are. The first time, pulumi is fetched, which takes a minute.");
  await refuseTaken(stack, `Pulumi.${stack}.yaml`);
  await new Setup(given, stack, isTerminal).run();
}

function explainMissing(given: Given): string[] {
  const missing = [
    ...listMissing(given, { hasToken: Boolean(process.env["HCLOUD_TOKEN"]) }),
    ...(needsPassphrase()
      ? ["  PULUMI_CONFIG_PASSPHRASE_FILE=FILE in the environment: the passphrase of the state"]
      : []),
  ];
  return missing.length === 0
    ? []
    : ["This is no terminal, so nothing can be asked, and these answers are missing:", ...missing];
}

await runProgram(main);
