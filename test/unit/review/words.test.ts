import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { compareDigests, parseDigest } from "../../../components/review/digest.ts";
import type { Digest, Step } from "../../../components/review/digest.ts";
import { describeChange } from "../../../components/review/words.ts";
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
});
