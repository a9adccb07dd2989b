import { expect, test } from "@jest/globals";
import { endDocument, renderDocument } from "../../../components/network/document.ts";

test("begins each file with a line of its own, and ends each with a newline", () => {
  const document = renderDocument([
    { name: "guard", text: "one\ntwo\n" },
    { name: "/etc/secret", mode: "0600", text: "no newline" },
    { name: "empty", text: "" },
  ]);
  expect(document).toBe(
    "#file 0644 guard\none\ntwo\n#file 0600 /etc/secret\nno newline\n#file 0644 empty\n\n",
  );
});

test("is empty without files", () => {
  expect(renderDocument([])).toBe("");
});

test("refuses a text that would be taken for the beginning of another file", () => {
  expect(() => renderDocument([{ name: "rules", text: "a\n#file 0755 /etc/passwd\n" }])).toThrow(
    new Error('rules: a line begins with "#file ", which parts documents'),
  );
  expect(renderDocument([{ name: "rules", text: " #file\n#files\n" }])).toContain("#files");
});

test("a document that travels says with its last line that it is whole, whatever it is", () => {
  expect(["", "a", "a\n", "a\n\n"].map(endDocument)).toEqual([
    "#end\n",
    "a\n#end\n",
    "a\n#end\n",
    "a\n\n#end\n",
  ]);
  for (const text of ["#end", "a\n#end\n", "#end\na\n"])
    expect(() => endDocument(text)).toThrow('a line is "#end", which ends documents');
  expect(endDocument(" #end\n#ends\n")).toBe(" #end\n#ends\n#end\n");
});
