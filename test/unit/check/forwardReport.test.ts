import { describe, expect, test } from "@jest/globals";
import {
  explainFailure,
  fails,
  readFindings,
  readSightings,
} from "../../../components/check/forwardReport.ts";
import type { Answer, Finding, Surroundings, TriedForward } from "../../../components/check/forwardReport.ts";

const https: TriedForward = {
  home: "nas",
  protocol: "tcp",
  published: 443,
  target: 8081,
  to: undefined,
  restricted: false,
};
const finding = (verdict: string, place = "", why = "", rule = ""): Finding => ({
  family: 4,
  verdict,
  place,
  why,
  rule,
});
const around: Surroundings = {
  provider: () => true,
  activeAtHome: [],
  activeAtRelay: [],
  handshakeSeconds: 20,
  homeIsReached: true,
  differences: [],
  sighting: undefined,
};
const explain = (found: Finding, more: Partial<Surroundings> = {}) => {
  const { cause, mend } = explainFailure(https, [found], new Map(), { ...around, ...more });
  return [cause, mend];
};
const broken = (where: string) => ({
  where,
  kind: "firewall",
  what: "table",
  found: "missing",
  wanted: "there",
  repair: { by: "host" } as const,
});

describe("what a home has found", () => {
  test("is read by port and family", () => {
    const said =
      "some other line\nfinding\t443/tcp\t4\topen\t\t\t\nfinding\t443/tcp\t6\tno answer\tfirewall\tit came out\tip filter INPUT: drop";
    expect([...readFindings(said)]).toEqual([
      [
        "443/tcp",
        [
          finding("open"),
          { ...finding("no answer", "firewall", "it came out", "ip filter INPUT: drop"), family: 6 },
        ],
      ],
    ]);
  });
});

const here = (four: Answer, six: Answer = "refused") =>
  new Map<4 | 6, Answer>([
    [4, four],
    [6, six],
  ]);

describe("whether a forward fails", () => {
  test("the home's own proof decides, and a knock from here only where there is none", () => {
    expect(fails(https, [finding("open")], here("no answer"))).toBe(false);
    expect(fails(https, [finding("nothing listens")], here("open"))).toBe(true);
    expect(fails(https, [], here("no answer", "open"))).toBe(true);
    expect(fails(https, [], here("open", "no answer"))).toBe(false);
    expect(fails(https, [finding("not tried")], here("open"))).toBe(false);
    expect(fails({ ...https, restricted: true }, [finding("not tried")], here("refused"))).toBe(false);
    expect(fails(https, [], here({ notTried: "over UDP" }))).toBe(false);
  });
});

describe("the hop at which a forward ends", () => {
  const reached = "reaches the relay, Hetzner's firewall lets it in, comes out of the tunnel at nas";
  const swallowed = (rule: string) => finding("no answer", "firewall", "", rule);

  test.each([
    [
      "ufw",
      { activeAtHome: ["ufw"] },
      "ip filter INPUT: policy drop",
      `${reached}, whose ufw swallows it`,
      "on nas: ufw allow in on homerelay",
    ],
    [
      "firewalld",
      { activeAtHome: ["firewalld"] },
      "inet firewalld filter_INPUT: reject",
      `${reached}, whose firewalld swallows it`,
      "on nas: firewall-cmd --permanent --zone=trusted --add-interface=homerelay && firewall-cmd --reload",
    ],
    [
      "Docker",
      {},
      "ip filter FORWARD: policy drop",
      `${reached}, where Docker or another firewall passes nothing on: ip filter FORWARD: policy drop`,
      "on nas: iptables -I FORWARD -i homerelay -j ACCEPT && iptables -I FORWARD -o homerelay -j ACCEPT",
    ],
    [
      "somebody's own rule",
      {},
      "inet theirs input: drop",
      `${reached}, where this rule swallows it: inet theirs input: drop`,
      "on nas, let in what comes by the interface homerelay, before that rule",
    ],
    [
      "a guard that somebody changed",
      { differences: [broken("nas")] },
      "inet homerelay from_relay: drop",
      `${reached}, whose guard swallows it: inet homerelay from_relay: drop`,
      "npm run check -- --mend",
    ],
    [
      "a guard that nobody changed",
      {},
      "inet homerelay from_relay: drop",
      `${reached}, whose guard swallows it: inet homerelay from_relay: drop`,
      "pulumi up",
    ],
  ])("is %s", (_, more, rule, cause, mend) => {
    expect(explain(swallowed(rule), more)).toEqual([cause, mend]);
  });

  test("is a service that is not up", () => {
    expect(explain(finding("nothing listens", "service", "on 8081 at home"))).toEqual([
      "the way is free, but nothing listens on 8081 at home",
      "start the service on nas; it has to listen on 8081/tcp",
    ]);
  });

  const lost = finding("no answer", "way");
  const seen = { arrived: false, sent: false, rule: "" };

  test("is the provider's firewall, before all else", () => {
    expect(explain(lost, { provider: () => false, differences: [broken("Hetzner")] })).toEqual([
      "does not reach the relay: Hetzner's firewall does not let it in",
      "npm run check -- --mend",
    ]);
  });

  test.each([
    [
      "the ufw of the relay's owner",
      "ip filter FORWARD: policy drop",
      "whose ufw swallows it",
      "on the relay: ufw route allow out on homerelay",
    ],
    [
      "a rule of the relay's owner",
      "inet theirs forward: drop",
      "where this rule ends it: inet theirs forward: drop",
      "on the relay: let that through to the interface homerelay",
    ],
    [
      "ours, which nobody changed",
      "inet homerelay forward: drop",
      "where this rule ends it: inet homerelay forward: drop",
      "pulumi up",
    ],
  ])("is %s", (_, rule, cause, mend) => {
    const sighting = { ...seen, arrived: true, rule };
    expect(explain(lost, { provider: undefined, activeAtRelay: ["ufw"], sighting })).toEqual([
      `reaches the relay, ${cause}`,
      mend,
    ]);
  });

  test("is the tunnel", () => {
    expect(
      explain(lost, { sighting: { ...seen, arrived: true, sent: true }, handshakeSeconds: undefined })[0],
    ).toBe(
      "reaches the relay, Hetzner's firewall lets it in, goes into the tunnel and does not come out at nas, which has not heard the relay",
    );
  });

  test("is the network before the relay", () => {
    expect(explain(lost, { sighting: seen })[0]).toBe(
      "does not reach the relay, though Hetzner's firewall lets it in: a network on the way stops it, or a firewall of the provider's",
    );
  });
});

test("what was seen at the relay counts where it was ours", () => {
  const said =
    "arrived\ttcp\t443\t192.0.2.50\narrived\ttcp\t80\t203.0.113.66\nsent\ttcp\t443\ndropped\ttcp\t80\tinet theirs x: drop\n";
  expect(Object.fromEntries(readSightings(said, ["192.0.2.50"]))).toEqual({
    "443/tcp": { arrived: true, sent: true, rule: "" },
    "80/tcp": { arrived: false, sent: false, rule: "inet theirs x: drop" },
  });
});
