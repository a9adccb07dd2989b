import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { deriveStackLabel } from "../../../components/settings/stackLabel.ts";
import { hostName, labels, resourceName } from "../../lab/cloud/fields.ts";

const character = fc.constantFrom("a", "Z", "0", "9", "_", ".", "-");
/** What Pulumi takes for the name of a project or a stack. */
const name = fc.array(character, { minLength: 1, maxLength: 100 }).map((some) => some.join(""));

test.each([
  ["home-relay", "dev"],
  ["Home-Relay", "Dev2"],
  ["home-relay", "v1.home"],
  ["a", "b".repeat(61)],
])("what was a good name stays as it is: %s/%s", (project, stack) => {
  expect(deriveStackLabel(project, stack)).toBe(`${project}-${stack}`);
});

test.each([
  ["home-relay", "my_stack", /^home-relay-my-stack-[0-9a-f]{8}$/],
  ["home_relay", "dev", /^home-relay-dev-[0-9a-f]{8}$/],
  ["home-relay", "dev.", /^home-relay-dev-[0-9a-f]{8}$/],
  ["-home", "dev", /^home-dev-[0-9a-f]{8}$/],
  ["home-relay", "s".repeat(60), /^home-relay-s{43}-[0-9a-f]{8}$/],
  ["_", "_", /^[0-9a-f]{8}$/],
])("what no server can be called is made into a name: %s/%s", (project, stack, label) => {
  expect(deriveStackLabel(project, stack)).toMatch(label);
});

test("stacks that would look alike are told apart", () => {
  const looksAlike = ["my_stack", "my-stack", "my_stack_", "my__stack"];
  expect(new Set(looksAlike.map((stack) => deriveStackLabel("home-relay", stack))).size).toBe(4);
});

test("whatever Pulumi takes, Hetzner takes as the name of a server, a firewall and a key, and as a label", () => {
  fc.assert(
    fc.property(name, name, (project, stack) => {
      const label = deriveStackLabel(project, stack);
      hostName(label, "name");
      resourceName(label, "name");
      labels({ "home-relay": label }, "labels");
      expect(label.length).toBeLessThanOrEqual(63);
    }),
  );
});
