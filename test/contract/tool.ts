import { spawnSync } from "node:child_process";

/** For `unshare`: who is not root becomes it, within the namespaces that it makes besides. */
export const asRoot: readonly string[] = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];

/** Runs a tool of the machine; throws with all that it said if it fails, or with what to install if it is not there. */
export function runTool(
  debianPackage: string,
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string } = {},
): string {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    ...options,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: path, LC_ALL: "C" },
  });
  if (error && "code" in error && error.code === "ENOENT")
    throw new Error(`${command} is not on this machine; install it: apt-get install ${debianPackage}`);
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with ${status ?? "a signal"}:\n${stdout}${stderr}`);
  return stdout;
}
