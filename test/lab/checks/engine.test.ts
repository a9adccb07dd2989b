import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { prepareEngine } from "../engine.ts";
import { findGo } from "../engine/toolchain.ts";
import { paths } from "../paths.ts";
import { must } from "../shell.ts";

const minute = 60_000;
jest.setTimeout(30 * minute);

test("the command plugin is the original, or a stand-in that passes its own tests", async () => {
  const { origin } = await prepareEngine(() => undefined);
  if (origin === "built") {
    const source = join(import.meta.dirname, "../engine/command");
    const go = await findGo(join(paths.cache, "engine"), source, () => undefined);
    const output = await must([go, "test", "-trimpath", "-count=1", "-v", "./..."], {
      cwd: source,
      env: { ...process.env, GOTOOLCHAIN: "auto", GOFLAGS: "-mod=readonly -buildvcs=false" },
      timeoutMs: 15 * minute,
    });
    expect(output.match(/^--- PASS/gm)?.length).toBeGreaterThan(5);
    expect(output).not.toMatch(/^--- (FAIL|SKIP)/m);
  } else expect(["official", "folder"]).toContain(origin);
});
