import { describe, expect, test } from "@jest/globals";
import { meter, namedMap, namedSet, renderTable } from "../../../components/network/nft.ts";
import type { Chain, NamedSet, Table } from "../../../components/network/nft.ts";

const input = { type: "filter", hook: "input", priority: "filter", policy: "accept" } as const;
const nobody = namedSet("nobody", "ipv4_addr", []);
const friends = namedSet("friends", "ipv4_addr", ["192.0.2.1", "192.0.2.2"]);

const table = (parts: Partial<Table>) =>
  renderTable({ family: "inet", name: "homerelay", sets: [], chains: [], ...parts });
/** A base chain of these rules, and what else the table has. */
const rendered = (rules: Chain["rules"], sets: readonly NamedSet[] = [], chains: readonly Chain[] = []) =>
  table({ sets, chains: [{ name: "input", hook: input, rules }, ...chains] });

test("takes the place of the table before, with an element and a rule a line and the reasons above", () => {
  expect(
    table({
      sets: [
        namedSet("friends", "ipv4_addr", friends.elements, { flags: "interval", why: "Who may come in." }),
        namedMap("homes", "inet_service : ipv4_addr", ["80 : 10.77.3.4"]),
        meter("lately", "ipv4_addr", "2m"),
      ],
      chains: [
        {
          name: "input",
          hook: { ...input, priority: "mangle", policy: "drop" },
          rules: ["ip saddr @friends jump greet"],
        },
        {
          name: "greet",
          why: "Slowly.",
          rules: [
            { why: "One a minute.", rule: "update @lately { ip saddr limit rate over 1/minute } drop" },
            "meta mark set tcp dport map @homes counter accept",
          ],
        },
      ],
    }),
  ).toBe(`\
table inet homerelay
delete table inet homerelay
table inet homerelay {
	# Who may come in.
	set friends {
		type ipv4_addr
		flags interval
		elements = {
			192.0.2.1,
			192.0.2.2,
		}
	}
	map homes {
		type inet_service : ipv4_addr
		elements = {
			80 : 10.77.3.4,
		}
	}
	set lately {
		type ipv4_addr
		flags dynamic,timeout
		timeout 2m
		size 65535
	}
	chain input {
		type filter hook input priority mangle; policy drop;
		ip saddr @friends jump greet
	}
	# Slowly.
	chain greet {
		# One a minute.
		update @lately { ip saddr limit rate over 1/minute } drop
		meta mark set tcp dport map @homes counter accept
	}
}
`);
});

describe("leaves out what cannot do anything", () => {
  const nothing = table({});

  test("a rule for members of a set that stays empty, with the set and the chain", () => {
    expect(rendered(["ip saddr @nobody accept"], [nobody])).toBe(nothing);
    expect(rendered(["ip daddr @nobody tcp dport 22 drop", "accept"], [nobody])).toBe(rendered(["accept"]));
  });

  test("a chain that nobody jumps to any more, and what only that one jumped to", () => {
    const chains = [
      { name: "greet", rules: ["jump chat", "drop"] },
      { name: "chat", rules: ["accept"] },
    ];
    expect(rendered(["ip saddr @nobody jump greet"], [nobody], chains)).toBe(nothing);
  });

  test("a jump into a chain that is left without rules", () => {
    const chain = { name: "greet", rules: ["ip saddr @nobody accept"] };
    expect(rendered(["tcp dport 22 jump greet", "accept"], [nobody], [chain])).toBe(rendered(["accept"]));
  });

  test("a set that no rule asks for, and a meter that no rule fills", () => {
    expect(rendered(["accept"], [friends, meter("lately", "ipv4_addr", "2m")])).toBe(rendered(["accept"]));
  });
});

describe("keeps", () => {
  test("a rule for those who are not in an empty set: that is everybody", () => {
    const text = rendered(["ip saddr != @nobody drop"], [nobody]);
    expect(text).toContain("ip saddr != @nobody drop");
    expect(text).toContain("\tset nobody {\n\t\ttype ipv4_addr\n\t}\n");
  });

  test("an empty set that others fill, with its rules, and without any", () => {
    const filled = namedSet("nobody", "ipv4_addr", [], { content: "changing" });
    expect(rendered(["ip saddr @nobody accept"], [filled])).toContain("ip saddr @nobody accept");
    expect(rendered(["accept"], [filled])).toContain("set nobody {");
  });

  test("a rule that fills a meter", () => {
    const rule = "update @lately { ip saddr limit rate 1/minute } accept";
    expect(rendered([rule], [meter("lately", "ipv4_addr", "2m")])).toContain(rule);
  });

  test("a chain without rules whose policy is to drop", () => {
    const chains = [{ name: "input", hook: { ...input, policy: "drop" }, rules: [] }] as const;
    expect(table({ chains })).toContain("policy drop;");
  });

  test("a rule whose comment speaks of other names", () => {
    const rule = 'counter drop comment "no jump elsewhere, not @all"';
    expect(rendered([rule])).toContain(rule);
  });
});

test.each([
  ["ip saddr @friend accept", "@friend is not declared: ip saddr @friend accept"],
  ["jump gret", "chain gret is not declared"],
])("refuses a rule that names what is not there: %s", (rule, message) => {
  expect(() => rendered([rule], [friends])).toThrow(message);
});
