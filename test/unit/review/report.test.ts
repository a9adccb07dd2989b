import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseDigest } from "../../../components/review/digest.ts";
import type { Step } from "../../../components/review/digest.ts";
import { changedLines } from "../../../components/review/lines.ts";
import { renderMarkdown, renderRefusal, renderText } from "../../../components/review/report.ts";
import { describeChange } from "../../../components/review/words.ts";
import type { Change } from "../../../components/review/words.ts";

const recorded = (name: string): Change =>
  describeChange(parseDigest(readFileSync(join(import.meta.dirname, "digests", `${name}.json`), "utf8")));
const telling = { stack: "dev", note: undefined };

describe("for a terminal", () => {
  test.each(["nothing", "forwardAdded", "addressLost"])("%s", (name) => {
    expect(renderText(recorded(name), telling, (_, word) => word)).toMatchSnapshot();
  });
});

describe("for a comment", () => {
  test.each(["nothing", "forwardAdded"])("%s", (name) => {
    expect(renderMarkdown(recorded(name), telling)).toMatchSnapshot();
  });

  test("it is never longer than a comment may be, and says that more stands elsewhere", () => {
    const short = renderMarkdown(recorded("addressLost"), telling, 3000);
    expect(short.length).toBeLessThanOrEqual(3000);
    expect(short).toMatch(/… and \d+ lines more, which stand in the job's log\n```\n\n<\/details>/);
    expect(short).toContain("**loses** | the relay's address");
  });

  const update = (before: string, after: string): Step => ({
    operation: "update",
    id: "a::b",
    type: "a",
    name: "b",
    before: { stdin: before },
    after: { stdin: after },
    replaceReasons: [],
  });

  test("nothing that a document holds ends the fence around it, and no limit is passed", () => {
    const line = fc.array(fc.constantFrom("```", "````diff", "</details>", "x", "\n"), { maxLength: 20 });
    fc.assert(
      fc.property(line, line, fc.integer({ min: 300, max: 2000 }), (a, b, most) => {
        const step = update(a.join(""), b.join(""));
        const text = renderMarkdown({ sentences: [], unsaid: [step], steps: [step] }, telling, most);
        expect(text.length).toBeLessThanOrEqual(most);
        const fence = /^(`+)diff$/m.exec(text)?.[1] ?? "";
        const inside = text.slice(text.indexOf(`${fence}diff`) + fence.length + 4).split(`\n${fence}\n`);
        expect(inside[0]).not.toContain(fence);
      }),
    );
  });
});

test("lines that change are those of documents, whatever holds them", () => {
  const lines = changedLines({
    operation: "update",
    id: "",
    type: "",
    name: "",
    before: { environment: { HOMERELAY_DOCUMENT: "a\nb\nc\n", SAME: "1" }, gone: 1, stdin: "[secret]" },
    after: { environment: { HOMERELAY_DOCUMENT: "a\nx\nc\n", SAME: "1" }, come: [1], stdin: "[secret]" },
    replaceReasons: [],
  });
  expect(lines).toEqual([
    " HOMERELAY_DOCUMENT …",
    " a",
    "-b",
    "+x",
    " c",
    "+come: [",
    "+    1",
    "+  ]",
    "-gone: 1",
  ]);
});

test("what is refused is told in the program's own words", () => {
  const messages = [
    { severity: "warning", text: "look out" },
    { severity: "error", text: "error: 1 problem in the settings:\n\n  home-relay:homes: is missing\n" },
  ];
  expect(renderRefusal({ messages }, "dev")).toBe(
    "Stack dev: nothing can be previewed.\n\n1 problem in the settings:\n\n  home-relay:homes: is missing\n",
  );
});
