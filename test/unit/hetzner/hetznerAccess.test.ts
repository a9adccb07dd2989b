import { expect, test } from "@jest/globals";
import { parseHetznerAccess } from "../../../components/hetzner/hetznerAccess.ts";
import type { HetznerAccess } from "../../../components/hetzner/hetznerAccess.ts";
import { renderProgramDocument } from "../../../components/network/programDocument.ts";

const endpoint = "https://192.0.2.1/v1";

test.each<HetznerAccess>([
  { endpoint, token: "s3cret" },
  { endpoint, token: "" },
])("is read as it was written: %j", (access) => {
  expect(parseHetznerAccess(renderProgramDocument(access), "stdin")).toEqual(access);
});

test.each([
  ["endpoint", { token: "s3cret" }],
  ["token", { endpoint }],
])("is refused without its %s", (part, access) => {
  expect(() => parseHetznerAccess(JSON.stringify(access), "stdin")).toThrow(
    new Error(`the document has no ${part}`),
  );
});
