import { expect, test } from "@jest/globals";
import { explainUnasked, renderReceipt } from "../../../components/hetzner/remains.ts";

const now = new Date(Date.UTC(2026, 10, 29, 17, 2));
const made = { zone: "example.org", createdZone: true };
const kept = { zone: "example.org", createdZone: false };
const none = { zone: undefined, createdZone: undefined };

test("of a stack of which nothing is left", () => {
  expect(renderReceipt(none, { left: [], hasZone: false }, now)).toMatchInlineSnapshot(`
    {
      "text": "Hetzner was asked on 2026-11-29 17:02 UTC, and has nothing of this stack any more: no server, address, firewall, SSH key, zone or record. None of it is billed any more.",
      "tone": "info",
    }
  `);
});

test("with a zone that went, and with one that was there before", () => {
  expect(renderReceipt(made, { left: [], hasZone: false }, now).text.split("\n").slice(1))
    .toMatchInlineSnapshot(`
    [
      "The zone example.org went with all that was in it. Where you registered it, name other nameservers, or nobody answers for it.",
    ]
  `);
  expect(renderReceipt(kept, { left: [], hasZone: true }, now).text.split("\n").slice(1))
    .toMatchInlineSnapshot(`
    [
      "The zone example.org was there before this stack and stays, without the records that the stack made.",
    ]
  `);
});

test("says nothing of a zone that somebody made anew, or took away by hand", () => {
  for (const [dns, hasZone] of [
    [made, true],
    [kept, false],
  ] as const)
    expect(renderReceipt(dns, { left: [], hasZone }, now).text).not.toContain("example.org");
});

test("of a stack of which something is left claims no end of the bill", () => {
  const left = ["server home-relay-dev", "address 203.0.113.5", "record A of www in example.org"];
  const receipt = renderReceipt(kept, { left, hasZone: true }, now);
  expect(receipt).toMatchInlineSnapshot(`
    {
      "text": "Hetzner was asked on 2026-11-29 17:02 UTC, and still has of this stack: server home-relay-dev, address 203.0.113.5, record A of www in example.org.
    What of it is billed is billed on. Delete it in Hetzner's console: after pulumi destroy this stack knows nothing of it.",
      "tone": "warning",
    }
  `);
  expect(receipt.text).not.toContain("None of it");
});

test("that Hetzner could not be asked for is no receipt", () => {
  expect(explainUnasked("no answer in time")).toMatchInlineSnapshot(`
    {
      "text": "Hetzner could not be asked whether it has anything left of this stack: no answer in time
    Look into its console before you take it that nothing is billed any more.",
      "tone": "warning",
    }
  `);
});
