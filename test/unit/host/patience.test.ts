import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Patience } from "../../../components/host/patience.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** The pauses between tries that end as told, each after so many seconds. */
function pauses(wait: ConstructorParameters<typeof Patience>[0], tries: readonly boolean[], trySeconds = 0) {
  const patience = new Patience(wait);
  return tries.map((isRefused) => {
    jest.advanceTimersByTime(trySeconds * 1000);
    const pause = patience.next(isRefused);
    jest.advanceTimersByTime((pause ?? 0) * 1000);
    return pause;
  });
}

const own = { waitSeconds: 15, limitSeconds: 35 };

test("a silent host is tried again until the wait is over", () => {
  expect(pauses(own, [false, false, false], 10)).toEqual([2, undefined, undefined]);
});

test("one that refuses us is left alone once, for longer than a limit of half a minute, and then tried a last time", () => {
  expect(pauses(own, [true, true, true])).toEqual([2, 35, undefined]);
});

test("one that starts its sshd again at the end of its boot is there after the first pause", () => {
  expect(pauses(own, [false, true, false], 3)).toEqual([2, 2, 2]);
});

test("a server of our own has no limit: while it boots it may refuse us", () => {
  const made = { waitSeconds: 20, limitSeconds: undefined };
  expect(
    pauses(
      made,
      Array.from({ length: 11 }, () => true),
    ),
  ).toEqual([...Array.from({ length: 10 }, () => 2), undefined]);
});
