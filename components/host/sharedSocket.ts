import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, rmdirSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { atExit } from "./atExit.ts";
import type { SshWay } from "./operatorAccess.ts";

/** A socket's path holds 104 bytes on macOS with the zero at its end, 108 on Linux; ssh first adds a dot and 16 letters. */
const mostBytes = 104 - 1 - 17;

/**
 * Where the socket lies by which all programs of this user share one connection to a host: another one for another
 * host, host key, login or way, and when a key file, the agent or ~/.ssh/config is another one than it was.
 * `undefined`: there is no place for it that nobody else can look into, or this system's ssh knows no such sockets.
 */
export function sharedSocket(access: SshWay): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined || process.platform === "win32") return undefined;
  const name = nameOf(access);
  const folder = [process.env["XDG_RUNTIME_DIR"] || tmpdir(), tmpdir()]
    .map((place) => join(place, `home-relay-${uid}`))
    .find((one) => Buffer.byteLength(join(one, name)) <= mostBytes && isOurs(one, uid));
  if (folder === undefined) return undefined;
  atExit(() => removeEmpty(folder));
  return join(folder, name);
}

function nameOf(access: SshWay): string {
  const files = ["~/.ssh/config", access.identityFile, access.jump?.identityFile].map(stampOf);
  const all = JSON.stringify([access, process.env["SSH_AUTH_SOCK"], files]);
  return createHash("sha256").update(all).digest("hex").slice(0, 16);
}

/** When a file was changed last. */
function stampOf(file: string | undefined): number | undefined {
  if (file === undefined) return undefined;
  try {
    return statSync(file.replace(/^~(?=\/)/, homedir())).mtimeMs;
  } catch {
    // ssh says what is wrong with it.
    return undefined;
  }
}

function removeEmpty(folder: string): void {
  try {
    // Where others may write, its name would be theirs to take, and another program may be about to use it.
    if ((statSync(dirname(folder)).mode & 0o022) === 0) rmdirSync(folder);
  } catch {
    // Another connection has its socket there.
  }
}

/** In a folder of temporary files anybody may have been faster. */
function isOurs(folder: string, uid: number): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch {
    // Mostly it is there already.
  }
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === uid && (found.mode & 0o077) === 0;
}
