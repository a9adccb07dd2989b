/** A host that has nothing but the programs of this machine, in a folder; it stays from one run to the next. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { asRoot } from "../tool.ts";

/** How a run on the host ended. */
export interface Ended {
  readonly status: number | null;
  /** Both outputs. */
  readonly said: string;
}

/** Programs that would reach beyond the host. */
const replaced = ["systemctl", "apt-get", "sysctl", "modprobe"];

export class BareHost {
  readonly root = mkdtempSync(join(tmpdir(), "home-relay-host-"));

  constructor() {
    for (const folder of [
      ...["dev", "etc/sysctl.d", "etc/systemd/system", "own", "proc", "run", "tmp", "tools", "usr/local/lib"],
      "var/lib",
    ])
      mkdirSync(join(this.root, folder), { recursive: true });
    writeFileSync(join(this.root, "dev/null"), "");
    symlinkSync("/proc/self/fd", join(this.root, "dev/fd"));
    for (const folder of ["bin", "lib", "lib64", "sbin"])
      symlinkSync(`usr/${folder}`, join(this.root, folder));
    for (const tool of replaced) this.stub(tool);
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }

  /** Replaces a program of the host: notes what it is told, then does as `body` says. */
  stub(tool: string, body = ""): void {
    const text = `#!/bin/bash\necho "${tool} $*" >>/calls\n${body}\n`;
    writeFileSync(join(this.root, "tools", tool), text, { mode: 0o755 });
  }

  /** What the replaced programs were told since the last time that this was asked. */
  calls(): string[] {
    const text = this.exists("/calls") ? this.read("/calls") : "";
    rmSync(join(this.root, "calls"), { force: true });
    return text.split("\n").filter((line) => line !== "");
  }

  /**
   * Runs a command with the host's root folder as its own, and a network of its own. The programs are those of this
   * machine, and cannot be written to: a run that removes too much must not remove them.
   */
  run(command: readonly string[], input: string): Ended {
    const inside = `
      cd "$0"
      mount --bind usr/local/lib own
      mount --rbind /usr usr
      mount -o remount,bind,ro usr
      mount --bind own usr/local/lib
      mount --bind /dev/null dev/null
      mount --rbind /proc proc
      exec chroot . "$@"`;
    const { error, status, stdout, stderr } = spawnSync(
      "unshare",
      [...asRoot, "--mount", "--net", "sh", "-ec", inside, this.root, ...command],
      { input, encoding: "utf8", timeout: 60_000, env: { PATH: "/tools:/usr/sbin:/usr/bin:/sbin:/bin" } },
    );
    if (error) throw error;
    return { status, said: stdout + stderr };
  }

  /** Every file below the host's own folders, sorted. */
  files(): string[] {
    const list = spawnSync("find", ["etc", "usr", "var", "-type", "f", "-printf", "/%p\n"], {
      cwd: this.root,
      encoding: "utf8",
    });
    return list.stdout
      .split("\n")
      .filter((path) => path !== "")
      .sort();
  }

  exists(path: string): boolean {
    return statSync(join(this.root, path), { throwIfNoEntry: false }) !== undefined;
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text, { mode: path.endsWith(".sh") ? 0o755 : 0o644 });
  }

  /** Octal, with the leading zero. */
  modeOf(path: string): string {
    return (statSync(join(this.root, path)).mode & 0o7777).toString(8).padStart(4, "0");
  }
}
