/** When somebody is told of the month's traffic. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { WatchingRelay } from "./watchingRelay.ts";

let relay: WatchingRelay;
beforeAll(async () => {
  relay = await WatchingRelay.begin();
});
afterAll(() => relay.end());

const post = { service: "post", url: "https://post.example.net/", token: undefined } as const;

/** Looks, when so much was sent. */
function look(month: string, sentGb: number, includedGb: number | undefined = 20_000) {
  relay.settings([post], [], includedGb);
  const show = `#!/bin/sh\n[ "$1" = show ] && echo '${month} 1790000000 5 ${sentGb * 1e9}'\n`;
  writeFileSync(join(relay.folder, "lib/remember-traffic.sh"), show, { mode: 0o755 });
  const { status, said } = relay.run("watch-traffic.sh");
  const texts = relay.waiting().map(({ text }) => text);
  relay.forgetWaiting();
  return { status, said, texts };
}

const nothing = { status: 0, said: "", texts: [] };

test("once a month, when 80% of what is included are sent, also over a reboot", () => {
  expect(look("2026-11", 15_999)).toEqual(nothing);
  expect(look("2026-11", 16_100)).toEqual({
    status: 0,
    said: "80% of the traffic that is included in 2026-11 are sent\n",
    texts: [
      "The relay of home-relay/dev has sent 16.1 TB of the 20 TB that are included in 2026-11. Its provider may bill what is above, or slow it down. Which forward sends most: npm run status",
    ],
  });
  relay.reboot(2);
  expect(look("2026-11", 25_000)).toEqual(nothing);
  expect(look("2026-12", 3)).toEqual(nothing);
  expect(look("2026-12", 402.5, 500).texts[0]).toContain(
    "402.5 GB of the 500 GB that are included in 2026-12.",
  );
});

test("never, where nobody says what is included", () => {
  relay.settings([post], []);
  expect(relay.run("watch-traffic.sh")).toEqual({ status: 0, said: "" });
});
