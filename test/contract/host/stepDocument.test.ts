/** What a step reads on its standard input: begin-step.sh itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { endDocument } from "../../../components/network/document.ts";
import { BareHost } from "./bareHost.ts";
import type { Ended } from "./bareHost.ts";

const library = "/usr/local/lib/homerelay";

let host: BareHost;
beforeEach(() => {
  host = new BareHost();
  for (const part of ["paths.sh", "messages.sh", "lock.sh", "files.sh", "begin-step.sh"])
    host.write(`${library}/${part}`, readFileSync(join(__dirname, "../../../components/host", part), "utf8"));
  host.write(`${library}/copy.sh`, `. ${library}/begin-step.sh\ncat >/etc/homerelay/copy\n`);
});
afterEach(() => host.remove());

const run = (input: string): Ended => host.run(["bash", `${library}/copy.sh`], input);

test.each(["", "one\n", "one\n\n", "#file 0644 a\n#ends\n #end\n", "no #end\n"])(
  "is the document as it was rendered: %j",
  (document) => {
    expect(run(endDocument(document))).toEqual({ status: 0, said: "" });
    expect(host.read("/etc/homerelay/copy")).toBe(document);
  },
);

test("is nothing when it was cut off on its way, wherever it ends", () => {
  const whole = endDocument("one\n#end of it\ntwo #end\n\nthree\n");
  for (let length = 0; length < whole.length - 1; length++)
    expect([length, run(whole.slice(0, length))]).toEqual([
      length,
      { status: 1, said: "the document was cut off on its way; nothing was changed here\n" },
    ]);
  expect(host.exists("/etc/homerelay/copy")).toBe(false);
  expect(run(whole).status).toBe(0);
});
