import { expect, test } from "@jest/globals";
import { homeSteps } from "../../../components/home/steps.ts";
import { checkHomeSteps, neededBy } from "../../../components/network/homeStep.ts";
import type { HomeStep } from "../../../components/network/homeStep.ts";
import { proofStep } from "../../../components/reachability/proofStep.ts";

const step = (name: string, needs: HomeStep["needs"]): HomeStep => ({
  name,
  script: `${name}.sh`,
  arguments: () => [],
  document: { of: "plan", render: () => "" },
  needs,
  followsRelay: false,
});

test("the steps of a home come in an order in which each has what it needs", () => {
  expect(() => checkHomeSteps([...homeSteps, proofStep])).not.toThrow();
});

test("the relay is no step, and may be needed by any", () => {
  expect(() => checkHomeSteps([step("tunnel", ["relay"])])).not.toThrow();
});

test("a step that needs one which nobody wrote is refused", () => {
  expect(() => checkHomeSteps([step("guard", []), step("tunnel", ["gaurd"])])).toThrow(
    "the step tunnel needs gaurd, which does not come before it",
  );
});

test("a step that needs a later one, or itself, is refused", () => {
  expect(() => checkHomeSteps([step("tunnel", ["guard"]), step("guard", [])])).toThrow(
    "the step tunnel needs guard, which does not come before it",
  );
  expect(() => checkHomeSteps([step("guard", ["guard"])])).toThrow(
    "the step guard needs guard, which does not come before it",
  );
});

test("two steps of one name are refused, and so is one that is named like the relay", () => {
  expect(() => checkHomeSteps([step("guard", []), step("guard", [])])).toThrow(
    "two steps of a home are named guard",
  );
  expect(() => checkHomeSteps([step("relay", [])])).toThrow("two steps of a home are named relay");
});

test("a step may need all that comes before it, whatever that is", () => {
  const before = ["relay", "guard", "one that came later"];
  expect(neededBy(step("proof", "all before"), before)).toEqual(before);
  expect(neededBy(step("tunnel", ["guard"]), before)).toEqual(["guard"]);
  expect(() => checkHomeSteps([step("guard", []), step("proof", "all before")])).not.toThrow();
});

test("nothing of a home's setup runs beside its proof", () => {
  expect(proofStep.needs).toBe("all before");
});
