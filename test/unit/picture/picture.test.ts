import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { drawPicture } from "../../../components/picture/drawing.ts";
import { readParts } from "../../../components/picture/stackParts.ts";
import type { PicturedResource, StackParts } from "../../../components/picture/stackParts.ts";

interface RecordedStep {
  readonly urn: string;
  readonly newState: { readonly type: string; readonly inputs: Readonly<Record<string, unknown>> };
}

/** The resources of a stack as the real engine previewed them. */
function recordedResources(): PicturedResource[] {
  const file = join(import.meta.dirname, "../review/digests/first.json");
  const { steps } = JSON.parse(readFileSync(file, "utf8")) as { steps: readonly RecordedStep[] };
  const outputs = { ipv4Address: "198.51.100.2", ipv6Address: "2001:db8:2:1::1" };
  return steps.map(({ urn, newState: { type, inputs } }) => ({
    types: type,
    name: urn.slice(urn.lastIndexOf("::") + 2),
    inputs,
    outputs: type === "pulumi:pulumi:Stack" ? outputs : {},
  }));
}

/** Where each text and box of a picture stands. */
function placed(svg: string): { texts: { x: number; y: number; text: string }[]; boxes: number[][] } {
  const texts = [...svg.matchAll(/<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</g)].map(
    ([, x, y, text = ""]) => ({ x: Number(x), y: Number(y), text }),
  );
  const boxes = [
    ...svg.matchAll(/<rect class="box" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
  ].map((match) => match.slice(1).map(Number));
  return { texts, boxes };
}

test("a stack is read from its components", () => {
  expect(readParts(recordedResources())).toEqual({
    relay: { machine: "Hetzner cx23, nbg1", addresses: ["198.51.100.2", "2001:db8:2:1::1"] },
    names: ["example.org", "www.example.org"],
    homes: [
      {
        name: "attic",
        address: expect.stringMatching(/^10\.77\./),
        forwards: [{ published: "8096/tcp", target: "8096", from: "" }],
      },
      {
        name: "nas",
        address: expect.stringMatching(/^10\.77\./),
        forwards: [
          { published: "80/tcp", target: "8080", from: "" },
          { published: "443/tcp", target: "8081", from: "" },
          { published: "64738/tcp+udp", target: "64738", from: "" },
        ],
      },
    ],
    devices: [
      { name: "laptop", allow: ["nas"] },
      { name: "phone", allow: [] },
    ],
  });
});

test("without a relay there is nothing to draw", () => {
  expect(readParts([{ types: "pulumi:pulumi:Stack", name: "b", inputs: {}, outputs: {} }])).toBeUndefined();
});

test("two homes with devices, drawn", () => {
  expect(drawPicture(readParts(recordedResources()) as StackParts)).toMatchSnapshot();
});

describe("any stack", () => {
  const word = fc.stringMatching(/^[a-z<>&"'é-]{1,40}$/);
  const forward = fc.record({ published: word, target: word, from: fc.oneof(fc.constant(""), word) });
  const parts: fc.Arbitrary<StackParts> = fc.record({
    relay: fc.record({ machine: word, addresses: fc.array(word, { maxLength: 2 }) }),
    names: fc.array(word, { maxLength: 10 }),
    homes: fc.array(
      fc.record({ name: word, address: word, forwards: fc.array(forward, { maxLength: 30 }) }),
      {
        maxLength: 4,
      },
    ),
    devices: fc.array(fc.record({ name: word, allow: fc.array(word, { maxLength: 3 }) }), { maxLength: 4 }),
  });

  test("stays within the picture, with no two lines of text in one place and no box over another", () => {
    fc.assert(
      fc.property(parts, (stack) => {
        const svg = drawPicture(stack);
        const [, width = 0, height = 0] = (/viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []).map(Number);
        const { texts, boxes } = placed(svg);
        const outside = texts.filter(({ x, y }) => x >= width || y >= height);
        const oneOverOther = texts.filter((a, i) =>
          texts.slice(i + 1).some((b) => a.x === b.x && Math.abs(a.y - b.y) < 12),
        );
        const boxesOutside = boxes.filter(([x = 0, y = 0, w = 0, h = 0]) => x + w > width || y + h > height);
        const boxesOver = boxes.filter(([x = 0, y = 0, w = 0, h = 0], i) =>
          boxes
            .slice(i + 1)
            .some(
              ([x2 = 0, y2 = 0, w2 = 0, h2 = 0]) => x < x2 + w2 && x2 < x + w && y < y2 + h2 && y2 < y + h,
            ),
        );
        expect({ outside, oneOverOther, boxesOutside, boxesOver }).toEqual({
          outside: [],
          oneOverOther: [],
          boxesOutside: [],
          boxesOver: [],
        });
      }),
      { numRuns: 100 },
    );
  });

  test("no text of a user's becomes markup", () => {
    const stack = { ...(readParts(recordedResources()) as StackParts), names: ['<script>"&'] };
    expect(drawPicture(stack)).not.toContain("<script>");
  });
});
