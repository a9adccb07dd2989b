import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { runTool } from "../tool.ts";

const components = join(__dirname, "../../../components");

/** Lies on every host that mends itself. */
const always = ["host/mend-host.sh", "host/paths.sh", "host/messages.sh", "host/lock.sh", "host/files.sh"];

/** A host whose scripts, settings and notes lie in a folder of the test's own. Its programs may be stand-ins. */
export class MendedHost {
  readonly folder: string;

  /** `parts`: below components/, in order. `scripts`: what these source or call. */
  constructor(folder: string, parts: readonly string[], scripts: readonly string[] = []) {
    this.folder = folder;
    for (const name of ["lib/mend", "etc", "run", "var", "wireguard", "bin"])
      mkdirSync(join(folder, name), { recursive: true });
    for (const script of [...always, ...scripts]) this.install(script, `lib/${basename(script)}`);
    for (const [i, part] of parts.entries()) this.install(part, `lib/mend/${10 + i}-${basename(part)}`);
    this.program("systemctl", "exit 1");
  }

  /** A file below components/, with the folder's paths. */
  install(source: string, path: string): void {
    this.write(path, readFileSync(join(components, source), "utf8"), 0o755);
  }

  /** A text of this host, with the folder's paths. */
  write(path: string, text: string, mode = 0o644): void {
    writeFileSync(join(this.folder, path), this.#here(text), { mode });
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  /** A stand-in for a program, in shell. */
  program(name: string, text: string): void {
    this.write(`bin/${name}`, `#!/bin/bash\n${text}\n`, 0o755);
  }

  /** What is printed by shell commands on this host, where `mend VERB` is mend-host.sh. */
  run(commands: string, apart: readonly string[] = []): string {
    const script = `set -e; exec 2>&1; PATH=${this.folder}/bin:$PATH; mend() { bash ${this.folder}/lib/mend-host.sh "$@"; }\n`;
    const shell = ["-c", script + this.#here(commands)];
    const [command, ...args] = apart;
    if (command === undefined) return runTool("bash", "bash", shell);
    return runTool("util-linux", command, [...args, "bash", ...shell]);
  }

  #here(text: string): string {
    return text
      .replaceAll("/usr/local/lib/homerelay", `${this.folder}/lib`)
      .replaceAll("/etc/homerelay", `${this.folder}/etc`)
      .replaceAll("/etc/wireguard", `${this.folder}/wireguard`)
      .replaceAll("/var/lib/homerelay", `${this.folder}/var`)
      .replaceAll("/run/homerelay", `${this.folder}/run/homerelay`)
      .replaceAll("/sys/class/net/$interface", `${this.folder}/interface`)
      .replaceAll("/proc/uptime", `${this.folder}/uptime`)
      .replaceAll("/etc/sysctl.d/", `${this.folder}/etc/`);
  }
}
