import { expect, test } from "@jest/globals";
import { judgeServer } from "../../../components/hetzner/judgeServer.ts";
import type { Offer, Server, ServerType } from "../../../components/hetzner/judgeServer.ts";

const now = new Date("2026-09-01T00:00:00Z");
const ordered = { location: "nbg1", serverType: "cx23", image: "debian-13" };

function type(name: string, more: Partial<ServerType> = {}): ServerType {
  const locations = ["fsn1", "nbg1"].map((location) => ({ name: location, available: true }));
  return { name, architecture: "x86", disk: 40, deprecation: null, locations, ...more };
}

const at = (...names: string[]) => ({ locations: names.map((name) => ({ name, available: true })) });
const soldOutAt = (name: string) => ({
  locations: [
    { name, available: false },
    { name: "fsn1", available: true },
  ],
});
const image = (name: string, architecture: string, deprecated: string | null = null) => ({
  name,
  architecture,
  deprecated,
});

const offer: Offer = {
  locations: [
    { name: "fsn1", city: "Falkenstein" },
    { name: "nbg1", city: "Nuremberg" },
    { name: "ash", city: "Ashburn, VA" },
  ],
  serverTypes: [
    type("cx23"),
    type("cx33", { disk: 80 }),
    type("cpx22", { disk: 80, ...at("nbg1", "ash") }),
    type("cax11", { architecture: "arm" }),
  ],
  images: [
    image("debian-12", "x86"),
    image("debian-13", "x86"),
    image("ubuntu-24.04", "x86"),
    image("debian-12", "arm"),
  ],
  server: undefined,
};

const server: Server = {
  server_type: { name: "cx23", architecture: "x86" },
  image: { name: "debian-13" },
  location: { name: "nbg1" },
  primary_disk_size: 40,
};

/** With `replaced` in place of the type of that name. */
const having = (replaced: ServerType, more: Partial<Offer> = {}): Offer => ({
  ...offer,
  serverTypes: offer.serverTypes.map((each) => (each.name === replaced.name ? replaced : each)),
  ...more,
});

const problems = (order: Partial<typeof ordered>, from: Offer = offer) =>
  judgeServer("home-relay", { ...ordered, ...order }, from, now).problems;

test("has nothing to say of an order that can be placed", () => {
  expect(judgeServer("home-relay", ordered, offer, now)).toEqual({ problems: [], remarks: [] });
  expect(judgeServer("home-relay", ordered, { ...offer, server }, now)).toEqual({
    problems: [],
    remarks: [],
  });
});

test("names all problems at once, each with what Hetzner has instead", () => {
  expect(problems({ location: "nbg2", serverType: "cx32" })).toEqual([
    "home-relay:relay.location: Hetzner has no location nbg2\n" +
      "  did you mean nbg1? there are: fsn1 (Falkenstein), nbg1 (Nuremberg), ash (Ashburn, VA)",
    "home-relay:relay.serverType: Hetzner has no server type cx32\n" +
      "  did you mean cx33? there are: cax11, cpx22, cx23, cx33",
  ]);
});

test("refuses a type that is not offered at the location", () => {
  expect(problems({ location: "ash" })).toEqual([
    "home-relay:relay.serverType: cx23 is not offered at ash\n  cx23 is at fsn1, nbg1; at ash there are: cpx22",
  ]);
});

test("refuses an image that the type's architecture does not have", () => {
  expect(problems({ serverType: "cax11" })).toEqual([
    "home-relay:relay.image: Hetzner has no image debian-13 for cax11 (arm)\n  there are: debian-12",
  ]);
});

test("refuses an image from three months after it was announced to go, as the provider does", () => {
  const from = (deprecated: string): Offer => ({
    ...offer,
    images: [image("debian-13", "x86", deprecated), image("debian-12", "x86")],
  });
  expect(problems({}, from("2026-06-02T00:00:00Z"))).toEqual([]);
  expect(problems({}, from("2026-05-31T00:00:00Z"))).toEqual([
    "home-relay:relay.image: Hetzner has no image debian-13 for cx23 (x86)\n  there are: debian-12",
  ]);
});

test("refuses a type that is gone, everywhere or at the location, and no other that is only announced to go", () => {
  const until = (unavailable_after: string) => ({ deprecation: { unavailable_after } });
  const past = until("2026-08-31T00:00:00Z");
  expect(problems({}, having(type("cx23", past)))).toEqual([
    "home-relay:relay.serverType: cx23 can no longer be ordered\n  there are: cax11, cpx22, cx33",
  ]);
  const gone = { locations: [{ name: "nbg1", available: false, ...past }, { name: "fsn1" }] };
  expect(problems({}, having(type("cx23", gone)))).toEqual([
    "home-relay:relay.serverType: cx23 is not offered at nbg1\n  cx23 is at fsn1; at nbg1 there are: cpx22, cx33",
  ]);
  expect(problems({}, having(type("cx23", until("2026-09-02T00:00:00Z"))))).toEqual([]);
});

test("a type that is sold out is refused where a server would be lost for it, and else only remarked", () => {
  const soldOut = having(type("cx23", soldOutAt("nbg1")));
  expect(problems({}, { ...soldOut, server: { ...server, image: { name: "debian-12" } } })).toEqual([
    "home-relay:relay.serverType: cx23 is sold out at nbg1 just now, and the server that you have would be lost for it\n" +
      "  cx23 is at fsn1; at nbg1 there are: cpx22, cx33\n" +
      "  For a new server at the same address all the same: delete it in Hetzner's console, then: pulumi up --refresh",
  ]);
  expect(judgeServer("home-relay", ordered, soldOut, now)).toEqual({
    problems: [],
    remarks: [
      "cx23 is sold out at nbg1 just now, says Hetzner, and may be wrong. If it refuses the order: " +
        "cx23 is at fsn1; at nbg1 there are: cpx22, cx33",
    ],
  });
});

test("a server that stays as it is needs no stock, no image and no type that can still be ordered", () => {
  expect(problems({}, having(type("cx23", soldOutAt("nbg1")), { server, images: [] }))).toEqual([]);
  expect(problems({}, { ...offer, server: { ...server, image: null }, images: [] })).toEqual([]);
});

test("another type has to fit the server that stays: its architecture, and its disk", () => {
  const running: Offer = { ...offer, server: { ...server, primary_disk_size: 80 } };
  const anew =
    "For a new server at the same address all the same: delete it in Hetzner's console, then: pulumi up --refresh";
  expect(problems({ serverType: "cx33" }, running)).toEqual([]);
  expect(problems({ serverType: "cax11" }, running)).toEqual([
    `home-relay:relay.serverType: cax11 is arm and the server that you have is x86, which it cannot change\n  ${anew}`,
  ]);
  expect(
    problems(
      {},
      {
        ...running,
        server: { ...server, primary_disk_size: 80, server_type: { name: "cx33", architecture: "x86" } },
      },
    ),
  ).toEqual([
    `home-relay:relay.serverType: cx23 has a disk of 40 GB and the server that you have one of 80 GB, which cannot shrink\n  ${anew}`,
  ]);
  // With another image it is another server, with a disk of its own.
  expect(problems({ serverType: "cax11", image: "debian-12" }, running)).toEqual([]);
});
