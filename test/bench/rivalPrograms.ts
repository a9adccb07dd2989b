import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paths } from "../lab/paths.ts";
import { must } from "../lab/shell.ts";

/** A proxy's two programs, or why there are none. */
export type ProxyPrograms = { readonly relay: string; readonly home: string } | { readonly missing: string };

const frpVersion = "0.65.0";
const ratholeVersion = "0.5.0";

/** Building one takes minutes, once. */
const patienceMs = 1_200_000;

/** `frps` and `frpc`, built from the Go module; kept in the cache. */
export function provideFrp(detail: (line: string) => void): Promise<ProxyPrograms> {
  const place = cached(`frp-${frpVersion}`);
  return provided(["frps", "frpc"], place, async (folder) => {
    await writeFile(join(folder, "go.mod"), "module benchmark\n");
    const answer = await must(["go", "mod", "download", "-json", `github.com/fatedier/frp@v${frpVersion}`], {
      cwd: folder,
      timeoutMs: patienceMs,
    });
    const source = join(folder, "source");
    // By its go.mod one of its modules is replaced, which Go heeds only in the module that it is called in.
    await cp((JSON.parse(answer) as { Dir: string }).Dir, source, { recursive: true });
    await must(["chmod", "-R", "u+w", source]);
    const built = join(folder, "built/");
    await must(["go", "build", "-o", built, "./cmd/frps", "./cmd/frpc"], {
      cwd: source,
      timeoutMs: patienceMs,
      onLine: detail,
    });
    return built;
  });
}

/** `rathole`, which is both ends, built from the crate; kept in the cache. */
export function provideRathole(detail: (line: string) => void): Promise<ProxyPrograms> {
  const place = cached(`rathole-${ratholeVersion}`);
  return provided(["rathole", "rathole"], place, async (folder) => {
    // Not by its own lock file: today's compiler refuses what that names.
    const features = ["--no-default-features", "--features", "server,client,noise"];
    await must(["cargo", "install", "rathole", "--version", ratholeVersion, ...features, "--root", folder], {
      timeoutMs: patienceMs,
      onLine: detail,
    });
    return join(folder, "bin");
  });
}

function cached(name: string): string {
  return join(paths.cache, "bench", name);
}

/** The two programs in `place`; where they are not there, `build` makes them in a folder of its own. */
async function provided(
  [relay, home]: readonly [string, string],
  place: string,
  build: (folder: string) => Promise<string>,
): Promise<ProxyPrograms> {
  const programs = { relay: join(place, relay), home: join(place, home) };
  if (existsSync(place)) return programs;
  const folder = await mkdtemp(join(tmpdir(), "home-relay-bench-build-"));
  try {
    const unfinished = `${place}.${process.pid}`;
    await mkdir(join(paths.cache, "bench"), { recursive: true });
    await cp(await build(folder), unfinished, { recursive: true });
    await rename(unfinished, place);
    return programs;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return { missing: said.split("\n").at(-1) ?? said };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
