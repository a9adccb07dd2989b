import { describe, expect, test } from "@jest/globals";
import { judgeDelegation, judgeName } from "../../../components/dns/seen.ts";
import type { PublicDns, Said } from "../../../components/dns/seen.ts";

const fail = (code: string) => () => Promise.reject(Object.assign(new Error(`query ${code}`), { code }));
const says = (servers: readonly string[], found: readonly string[] = []): PublicDns => ({
  nameservers: () => Promise.resolve(servers),
  addresses: () => Promise.resolve(found),
});

/** What is said at length. */
function atLength(said: Said | undefined): Omit<Said, "toDo"> | undefined {
  return said && { as: said.as, text: said.text };
}

test("what is left to do stands on one line besides, where it is known", async () => {
  const zone = (dns: PublicDns) => judgeDelegation("home-relay:dns", "example.org", ["ns.example."], dns);
  const name = { name: "myhome.example.net", ipv4: "203.0.113.5", ipv6: undefined, tellAgain: "again" };
  const enter = "where you registered the domain, enter these nameservers: ns.example";
  expect((await zone(says([])))?.toDo).toBe(`for example.org, ${enter}`);
  expect((await zone({ ...says([]), nameservers: fail("ETIMEOUT") }))?.toDo).toBe(
    `if example.org leads nowhere: ${enter}`,
  );
  expect((await judgeName("home-relay:dns", name, says([])))?.toDo).toBe(
    "myhome.example.net leads nowhere yet: see the warning for it",
  );
  expect(await judgeName("home-relay:dns", name, { ...says([]), addresses: fail("X") })).not.toHaveProperty(
    "toDo",
  );
});

describe("a zone that the stack made", () => {
  const assigned = ["hydrogen.ns.example.", "oxygen.ns.example."];
  const judge = async (dns: PublicDns) =>
    atLength(await judgeDelegation("home-relay:dns", "example.org", assigned, dns));
  const enter =
    "  where you registered the domain, enter these nameservers: hydrogen.ns.example, oxygen.ns.example";
  const again = "  until everybody sees that it may take a day; each pulumi up looks again";

  test("is not spoken of where the world asks its nameservers, or some of them", async () => {
    expect(await judge(says(["OXYGEN.ns.example", "hydrogen.ns.example."]))).toBeUndefined();
    expect(await judge(says(["oxygen.ns.example"]))).toBeUndefined();
  });

  test("that nobody is asked for is told, with what to enter and where", async () => {
    expect(await judge(says([]))).toEqual({
      as: "warn",
      text: `home-relay:dns.zone: nobody is asked for example.org yet, so its names lead nowhere\n${enter}\n${again}`,
    });
  });

  test("that others are asked for is told, with who they are", async () => {
    const said = `home-relay:dns.zone: the world asks ns1.other.example, ns2.other.example for example.org, who know nothing of what this stack writes there\n${enter}\n${again}`;
    expect(await judge(says(["ns2.other.example", "ns1.other.example"]))).toEqual({ as: "warn", text: said });
    expect(await judge(says(["ns2.other.example", "oxygen.ns.example", "ns1.other.example"]))).toEqual({
      as: "warn",
      text: said,
    });
  });

  test("of which nobody could be asked is told as that, and fails nothing", async () => {
    const dns = { ...says([]), nameservers: fail("ETIMEOUT") };
    expect(await judge(dns)).toEqual({
      as: "info",
      text:
        "home-relay:dns.zone: could not ask the public DNS who answers for example.org (no answer in time)\n" +
        "  if its names lead nowhere: where you registered the domain, enter these nameservers: hydrogen.ns.example, oxygen.ns.example",
    });
  });
});

describe("a name that a service keeps", () => {
  const [ipv4, ipv6] = ["203.0.113.5", "2001:db8:77::1"];
  const judge = async (dns: PublicDns, told: string | undefined = ipv6) =>
    atLength(
      await judgeName(
        "home-relay:dns",
        {
          name: "myhome.example.net",
          ipv4,
          ipv6: told === "none" ? undefined : told,
          tellAgain: "pulumi up --replace X",
        },
        dns,
      ),
    );
  const soon = "\n  a service may take a minute or two: each pulumi up looks again\n  if it stays so: ";

  test("is not spoken of where it leads to the relay, over IPv4 alone too", async () => {
    expect(await judge(says([], [ipv4, "2001:DB8:77:0::1"]))).toBeUndefined();
    expect(await judge(says([], [ipv4]))).toBeUndefined();
    expect(await judge(says([], [ipv4]), "none")).toBeUndefined();
  });

  test("that something else has told otherwise is told, with what that may be", async () => {
    const by =
      "something else tells the service too, as a router's DynDNS, ddclient or a container: switch it off, then: pulumi up --replace X";
    expect(await judge(says([], ["198.51.100.9"]))).toEqual({
      as: "warn",
      text: `home-relay:dns: myhome.example.net leads to 198.51.100.9; the relay is at ${ipv4} and ${ipv6}${soon}${by}`,
    });
    expect(await judge(says([], [ipv4, "2001:db8::9"]))).toEqual({
      as: "warn",
      text: `home-relay:dns: myhome.example.net leads to ${ipv4} and 2001:db8::9; the relay is at ${ipv4} and ${ipv6}${soon}${by}`,
    });
  });

  test("with an IPv6 address of which the service was told nothing is told", async () => {
    expect(await judge(says([], [ipv4, "2001:db8::9"]), "none")).toEqual({
      as: "warn",
      text: `home-relay:dns: myhome.example.net leads to ${ipv4} and 2001:db8::9; the relay is at ${ipv4}${soon}the service keeps an IPv6 address from before, or adds that of a caller: remove it in your account there, or: pulumi up --replace X`,
    });
  });

  test("that leads nowhere is told", async () => {
    expect(await judge(says([]), "none")).toEqual({
      as: "warn",
      text: `home-relay:dns: myhome.example.net leads nowhere yet; the relay is at ${ipv4}${soon}pulumi up --replace X`,
    });
  });

  test("of which nobody could be asked fails nothing", async () => {
    expect(await judge({ ...says([]), addresses: fail("ECONNREFUSED") })).toEqual({
      as: "info",
      text: "home-relay:dns: could not ask the public DNS where myhome.example.net leads (no resolver answers)",
    });
  });
});
