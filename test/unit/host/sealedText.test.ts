import fc from "fast-check";
import { expect, test } from "@jest/globals";
import { openText, sealText } from "../../../components/host/sealedText.ts";

test("a sealed text opens with its secret alone, and does not show how it was sealed before", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, secret) => {
      const sealed = sealText(text, secret);
      expect(openText(sealed, secret)).toBe(text);
      expect(openText(sealed, `${secret}x`)).toBeUndefined();
      expect(sealText(text, secret)).not.toBe(sealed);
    }),
    { numRuns: 20 },
  );
  expect(openText("", "secret")).toBeUndefined();
});
