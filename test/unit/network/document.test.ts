import { expect, test } from "@jest/globals";
import { renderDocument } from "../../../components/network/document.ts";

test("begins each file with a line of its own, ends each with a newline, and says that it is whole", () => {
  const document = renderDocument([
    { name: "guard", text: "one\ntwo\n" },
    { name: "/etc/secret", mode: "0600", text: "no newline" },
    { name: "empty", text: "" },
  ]);
  expect(document).toBe(
    "#file 0644 guard\none\ntwo\n#file 0600 /etc/secret\nno newline\n#file 0644 empty\n\n#end\n",
  );
});

test("is whole without files as well", () => {
  expect(renderDocument([])).toBe("#end\n");
});

test("refuses a text that would be taken for the beginning of another file, or for the end", () => {
  for (const text of ["a\n#file 0755 /etc/passwd\n", "a\n#end\n", "#end"])
    expect(() => renderDocument([{ name: "rules", text }])).toThrow(
      new Error('rules: a line begins with "#file " or is "#end", which part documents'),
    );
  expect(renderDocument([{ name: "rules", text: " #file\n#files\n #end\n#ends\n" }])).toContain("#ends");
});
