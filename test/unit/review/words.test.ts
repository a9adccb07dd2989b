import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { compareDigests, parseDigest } from "../../../components/review/digest.ts";
import type { Digest, Step } from "../../../components/review/digest.ts";
import type { Prices } from "../../../components/network/prices.ts";
import { describeChange, mayCostOtherwise } from "../../../components/review/words.ts";
import { firstWords, previewedChanges } from "../../lab/previewedChanges.ts";

const recorded = (name: string): Digest =>
  parseDigest(readFileSync(join(import.meta.dirname, "digests", `${name}.json`), "utf8"));

const wordsOf = (digest: Digest) =>
  describeChange(digest).sentences.map(({ kind, text }) => `${kind} ${text}`);
const namesOf = (steps: readonly Step[]) => steps.map(({ operation, name }) => `${operation} ${name}`);

describe("a change that the real engine previewed", () => {
  test.each(Object.entries(previewedChanges))("%s", (name, { words }) => {
    const change = describeChange(recorded(name));
    expect(wordsOf(recorded(name))).toEqual(words);
    expect(namesOf(change.unsaid)).toEqual([]);
    expect(change.steps.length > 0).toBe(words.length > 0);
  });

  test("the first of all", () => {
    expect(wordsOf(recorded("first")).toSorted()).toEqual(firstWords.toSorted());
    expect(describeChange(recorded("first")).unsaid).toEqual([]);
  });

  test.each(Object.keys(previewedChanges))("each sentence about %s stands on a step that changes", (name) => {
    const { sentences, steps } = describeChange(recorded(name));
    const changed = new Set(steps.map(({ id }) => id));
    for (const { on } of sentences)
      expect([on.length > 0, on.filter((id) => !changed.has(id))]).toEqual([true, []]);
  });
});

describe("what Hetzner takes for a month, where that is known", () => {
  const prices: Prices = {
    currency: "EUR",
    ipv4: { nbg1: 0.6, hel1: 0.6 },
    servers: { cx23: { nbg1: 4.2, hel1: 5 }, cx33: { nbg1: 7.199 } },
  };
  const costs = (digest: Digest, known: Prices | undefined = prices) =>
    describeChange(digest, known).sentences.flatMap(({ kind, text }) => (kind === "costs" ? [text] : []));
  const made = "a server, cx23 in nbg1 with debian-13, from the hour in which it is made";

  test.each([
    ["first", [made, "4.80 EUR a month, with its IPv4 address and VAT"]],
    ["serverResized", ["7.80 EUR a month, with its IPv4 address and VAT; it was 4.80"]],
    ["addressLost", ["5.60 EUR a month, with its IPv4 address and VAT; it was 4.80"]],
    ["serverReplaced", []],
    ["forwardAdded", []],
  ])("%s", (name, said) => {
    expect(costs(recorded(name))).toEqual(said);
  });

  test("a server that goes", () => {
    const steps = recorded("first").steps.map(({ after, ...step }): Step => ({
      ...step,
      operation: "delete",
      before: after,
      after: undefined,
    }));
    expect(costs({ ...recorded("first"), steps })).toEqual(["4.80 EUR a month less"]);
  });

  test("nothing is said of a price that is not named, nor where none is known", () => {
    expect(costs(recorded("first"), { ...prices, ipv4: {} })).toEqual([made]);
    expect(costs(recorded("serverResized"), { ...prices, servers: { cx33: { nbg1: 7.2 } } })).toEqual([]);
    expect(describeChange(recorded("first")).sentences.filter(({ kind }) => kind === "costs").length).toBe(1);
  });

  test.each(["first", "serverResized", "addressLost", "serverReplaced"])("it is asked about %s", (name) => {
    expect(mayCostOtherwise(recorded(name))).toBe(true);
  });

  test.each(["forwardAdded", "newKeys", "nothing"])("nobody is asked about %s", (name) => {
    expect(mayCostOtherwise(recorded(name))).toBe(false);
  });
});

describe("told without a state", () => {
  /** The digest of a stack from nothing, with the inputs that a change of the same stack led to. */
  const fromNothing = (name: string, which: "before" | "after"): Digest => {
    const { steps, ...rest } = recorded(name);
    const made = steps.flatMap((step) =>
      step[which] === undefined
        ? []
        : [{ ...step, operation: "create", before: undefined, after: step[which] }],
    );
    return { ...rest, steps: made };
  };

  test.each(Object.entries(previewedChanges))("%s has the same words", (name, { words }) => {
    const digest = compareDigests(fromNothing(name, "before"), fromNothing(name, "after"));
    expect(wordsOf(digest)).toEqual(words);
  });
});

describe("a step that no sentence tells of", () => {
  const step = (name: string, values: Partial<Step>): Step => ({
    operation: "update",
    id: `homerelay:index:HomeRelay$homerelay:firewall:Firewall$command:remote:Command::${name}`,
    type: "command:remote:Command",
    name,
    before: { stdin: "old\n" },
    after: { stdin: "new\n" },
    replaceReasons: [],
    ...values,
  });
  const digest = (...steps: Step[]): Digest => ({ stack: "dev", steps, messages: [] });

  test("is shown as it is", () => {
    const rules = step("home-relay-firewall-rules", {});
    expect(describeChange(digest(rules))).toEqual({ sentences: [], unsaid: [rules], steps: [rules] });
  });

  test("and so is a resource of a kind that nobody knew when the words were written", () => {
    const volume = step("data", {
      type: "hcloud:index/volume:Volume",
      id: "hcloud:index/volume:Volume::data",
    });
    const forward = step("home-nas", {
      type: "homerelay:home:Home",
      id: "homerelay:index:HomeRelay$homerelay:home:Home::home-nas",
      before: { forwards: [] },
      after: { forwards: ["443:443/tcp"] },
    });
    expect(namesOf(describeChange(digest(volume, forward)).unsaid)).toEqual(["update data"]);
  });

  const relay = (before: object, after: object) =>
    step("home-relay", {
      type: "homerelay:hetzner:HetznerRelay",
      id: "homerelay:index:HomeRelay$homerelay:hetzner:HetznerRelay::home-relay",
      before: { sshPort: 22, ...before },
      after: { sshPort: 22, ...after },
    });
  const opened = step("home-nas", {
    type: "homerelay:home:Home",
    id: "homerelay:index:HomeRelay$homerelay:home:Home::home-nas",
    before: { forwards: [] },
    after: { forwards: ["443:443/tcp"] },
  });

  test("is no part of a change of the relay only because it is a command", () => {
    const stranger = step("anything", {
      operation: "create",
      type: "command:local:Command",
      id: "command:local:Command::anything",
      before: undefined,
      after: { create: "anything at all" },
    });
    const elsewhere = step("home-nas-reach", {
      type: "command:local:Command",
      id: "homerelay:index:HomeRelay$homerelay:home:Home$command:local:Command::home-nas-reach",
      before: { environment: { HOST: "192.168.1.10" } },
      after: { environment: { HOST: "198.51.100.66" } },
    });
    const again = step("home-nas-prepare", { before: { triggers: [1] }, after: { triggers: [2] } });
    const change = describeChange(digest(stranger, elsewhere, again, relay({}, { sshPort: 2222 })));
    expect(namesOf(change.unsaid)).toEqual(["create anything", "update home-nas-reach"]);
  });

  test("is no part of the first of all either, where it is none of the component's", () => {
    const all = step("home", {
      operation: "create",
      type: "homerelay:index:HomeRelay",
      id: "homerelay:index:HomeRelay::home",
      before: undefined,
      after: {},
    });
    const stranger = step("anything", {
      operation: "create",
      type: "command:local:Command",
      id: "command:local:Command::anything",
      before: undefined,
      after: { create: "anything at all" },
    });
    expect(namesOf(describeChange(digest(all, stranger)).unsaid)).toEqual(["create anything"]);
  });

  test("is shown where the part that it belongs to is one of which nothing is said", () => {
    const part = { operation: "create", before: undefined, after: {} };
    const whole = step("home-relay-camera", {
      ...part,
      type: "homerelay:camera:Camera",
      id: "homerelay:index:HomeRelay$homerelay:camera:Camera::home-relay-camera",
    });
    const child = step("home-relay-camera-watch", {
      ...part,
      id: "homerelay:index:HomeRelay$homerelay:camera:Camera$command:remote:Command::home-relay-camera-watch",
    });
    expect(namesOf(describeChange(digest(whole, child)).unsaid)).toEqual([
      "create home-relay-camera",
      "create home-relay-camera-watch",
    ]);
  });

  test("is not what lets a peer in to the relay's SSH: there is a sentence", () => {
    const rules = step("home-relay-firewall-rules", {});
    expect(wordsOf(digest(opened, rules, relay({ sshPeers: ["laptop"] }, { sshPeers: ["nas"] })))).toEqual([
      "opens 443/tcp to the internet -> nas:443",
      "admits nas to the relay's SSH, through the tunnel",
      "closes the relay's SSH to laptop",
    ]);
  });

  test("is not who is told when a home is away: there is a sentence", () => {
    const part = "homerelay:index:HomeRelay$homerelay:notify:Notify";
    const whole = step("home-relay-notify", {
      operation: "create",
      type: "homerelay:notify:Notify",
      id: `${part}::home-relay-notify`,
      before: undefined,
      after: { services: ["ntfy", "post"] },
    });
    const secrets = step("home-relay-notify-secrets", {
      id: `${part}$command:remote:Command::home-relay-notify-secrets`,
    });
    expect(wordsOf(digest(whole))).toEqual(["changes who is told when a home is away: ntfy, post"]);
    expect(wordsOf(digest({ ...secrets, operation: "replace" }, relay({}, { sshPort: 2222 })))).toEqual([
      "changes the relay's SSH port to 2222; it was 22",
      "changes who is told when a home is away: another address or token",
    ]);
  });
});
