import { describe, expect, test } from "@jest/globals";
import {
  Fields,
  programCommand,
  renderProgramDocument,
} from "../../../components/network/programDocument.ts";

test("a program's command line means the same to every shell", () => {
  expect(programCommand("host/run-step.ts", "timeout", "300")).toBe(
    "node --disable-warning=ExperimentalWarning components/host/run-step.ts timeout 300",
  );
});

test("a document has a line for each fact, so that a preview shows which of them changes", () => {
  const document = { title: "nas", access: { port: 22 }, hostKeys: ["a", "b"], jump: undefined };
  expect(renderProgramDocument(document)).toBe(
    '{\n  "title": "nas",\n  "access": {\n    "port": 22\n  },\n  "hostKeys": [\n    "a",\n    "b"\n  ]\n}',
  );
});

const fields = (document: object) => Fields.parse(JSON.stringify(document), "it");

test("facts of every kind come out as they went in", () => {
  const read = fields({ text: "a", number: 1, flag: false, texts: ["b"], word: "c", inner: { text: "d" } });
  expect([
    read.text("text"),
    read.number("number"),
    read.flag("flag"),
    read.texts("texts"),
    read.word("word", ["b", "c"]),
    read.fields("inner").text("text"),
    read.optionalText("text"),
    read.optionalText("none"),
    read.optionalFields("none"),
  ]).toEqual(["a", 1, false, ["b"], "c", "d", "a", undefined, undefined]);
});

describe("a fact that is not as it must be is named in full", () => {
  test.each<[string, (read: Fields) => unknown, string]>([
    ["missing", (read) => read.text("port"), "the document has no port"],
    [
      "missing inside",
      (read) => read.fields("access").fields("jump").text("host"),
      "the document has no access.jump.host",
    ],
    ["of every object", (read) => read.text("toString"), "the document has no toString"],
    [
      "no text",
      (read) => read.text("access"),
      "access in the document must be a text, and is of type object",
    ],
    ["no number", (read) => read.number("texts"), "texts in the document must be a number, and is a list"],
    [
      "no flag",
      (read) => read.flag("word"),
      "word in the document must be true or false, and is of type string",
    ],
    [
      "no list of texts",
      (read) => read.texts("mixed"),
      "mixed in the document must be a list of texts, and is a list",
    ],
    [
      "another word",
      (read) => read.word("word", ["a", "b"]),
      "word in the document must be one of a, b, and is of type string",
    ],
    ["null", (read) => read.optionalText("null"), "null in the document must be a text, and is null"],
    [
      "no object",
      (read) => read.optionalFields("texts"),
      "texts in the document must be an object, and is a list",
    ],
  ])("%s", (_what, read, message) => {
    const document = { access: { jump: {} }, texts: ["a"], mixed: ["a", 1], word: "c", null: null };
    expect(() => read(fields(document))).toThrow(new Error(message));
  });
});

test.each([
  [undefined, "it holds no document"],
  ["", "it holds no document"],
  ['{"password": "hunter2"', "it holds no JSON"],
  ["[]", "it holds no JSON object"],
  ["null", "it holds no JSON object"],
])("a text that is no document is refused, and not repeated: %j", (text, message) => {
  expect(() => Fields.parse(text, "it")).toThrow(new Error(message));
});
