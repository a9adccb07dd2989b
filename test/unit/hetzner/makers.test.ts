import { describe, expect, test } from "@jest/globals";
import { judgeTaken } from "../../../components/hetzner/judgeTaken.ts";
import { createAskingStack, isOwn, makerOf } from "../../../components/hetzner/makers.ts";

const adminKey = "ssh-ed25519 AAAAours home-relay-admin";
const key = (name: string, public_key: string) => ({ name, public_key });
const label = "home-relay-dev";
const stackOf = (...keys: { name: string; public_key: string }[]) =>
  createAskingStack("0123", [label], adminKey, keys);
const byId = (id: string) => ({ "home-relay": label, "home-relay-stack": id });

test("a stack is known by its key, whatever comment that has, and whatever the stack was called", () => {
  const stack = stackOf(key("home-relay-old", "ssh-ed25519 AAAAours"), key(label, "ssh-ed25519 AAAAothers"));
  expect(stack).toEqual({ id: "0123", names: [label, "home-relay-old"], keyNames: ["home-relay-old"] });
});

test("the id decides where there is one, and else the names", () => {
  expect([makerOf(byId("0123"), stackOf()), makerOf(byId("4567"), stackOf())]).toEqual([
    "this stack",
    "another",
  ]);
  expect(makerOf({ "home-relay": label }, stackOf())).toBe("this stack");
  expect(makerOf({ "home-relay": "home-relay-old" }, stackOf())).toBe("unclear");
  expect(makerOf({ "home-relay": "home-relay-old" }, stackOf(key(label, adminKey)))).toBe("another");
  expect(makerOf({}, stackOf())).toBe("another");
});

describe("what was made before ids", () => {
  test("is the stack's where it has the name of its key", () => {
    const server = { name: "home-relay-old", labels: {} };
    expect(isOwn(server, stackOf(key("home-relay-old", adminKey)))).toBe(true);
    expect(isOwn(server, stackOf(key(label, adminKey)))).toBe(false);
    expect(isOwn(server, stackOf())).toBe(false);
  });
});

describe("names that others have in the project of the token", () => {
  const nothing = { servers: [], firewalls: [], sshKeys: [] };
  const thing = { name: label, labels: {} };

  test("are no others' where the stack itself gave them", () => {
    const own = { name: label, labels: byId("0123") };
    const mine = key(label, adminKey);
    expect(judgeTaken(label, stackOf(), nothing)).toEqual([]);
    expect(judgeTaken(label, stackOf(mine), { servers: [own], firewalls: [thing], sshKeys: [mine] })).toEqual(
      [],
    );
  });

  test("are refused in one message, before anything is made", () => {
    const taken = {
      servers: [thing],
      firewalls: [{ ...thing, labels: byId("4567") }],
      sshKeys: [key(label, "ssh-ed25519 AAAAothers")],
    };
    const mend = `which this stack did not make
  take the token of another project, or give this stack another name: pulumi stack rename NAME
  What is left of a stack that is gone has to go first: delete it in Hetzner's console`;
    expect(judgeTaken(label, stackOf(), taken)).toEqual([
      `hcloud:token: its Hetzner project has a server, a firewall and an SSH key named ${label} already, ${mend}`,
    ]);
    expect(judgeTaken(label, stackOf(), { ...nothing, firewalls: [thing] })).toEqual([
      `hcloud:token: its Hetzner project has a firewall named ${label} already, ${mend}`,
    ]);
  });
});
