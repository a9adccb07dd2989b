/** A file system that loses, when its power is cut, what nobody had written to its disk: ext4 itself, in a file. */
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { prepareParts } from "../../../components/host/scriptParts.ts";
import { endDocument, renderDocument } from "../../../components/network/document.ts";
import { runTool } from "../tool.ts";

const components = join(__dirname, "../../../components");
/** Who is not root cannot mount a file system; `npm test` counts what is left out. */
const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "home-relay-power-"));
  disk = join(folder, "disk");
  for (const name of ["disk", "bin", "lib"]) mkdirSync(join(folder, name));
  cpSync(join(__dirname, "cut-power.py"), join(folder, "cut-power.py"));
  // Nothing of this machine's own is started or stopped, and every unit is as it should be.
  writeFileSync(join(folder, "bin/systemctl"), "#!/bin/sh\n", { mode: 0o755 });
  for (const script of globSync(`${components}/*/*.sh`))
    writeFileSync(join(folder, "lib", basename(script)), placed(readFileSync(script, "utf8")), {
      mode: 0o755,
    });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A script with its files in a place of the test's own, which lies on the disk. */
const placed = (script: string) =>
  script
    .replaceAll("/usr/local/lib/homerelay", join(folder, "lib"))
    .replaceAll("/etc/homerelay", join(disk, "homerelay"))
    .replaceAll("/etc/sysctl.d", disk)
    .replaceAll("/run/homerelay", join(folder, "run"));

/** What lies on the disk, a line each behind the file's name, when power is cut right after these lines of bash. */
function afterPowerCut(...lines: readonly string[]): string {
  const script = `
    export PATH="${folder}/bin:$PATH"
    truncate -s 32M ${folder}/image
    mkfs.ext4 -q ${folder}/image
    mount -o loop ${folder}/image ${disk}
    rmdir ${disk}/lost+found
    cd ${disk}
    . ${folder}/lib/messages.sh; . ${folder}/lib/files.sh
    ${lines.join("\n")}
    cd /
    python3 ${folder}/cut-power.py ${disk}
    umount ${disk}
    mount -o loop ${folder}/image ${disk}
    cd ${disk}
    find . -type f -size 0 -printf '%P is empty\\n'
    grep -r . . | sed 's|^\\./||' | sort`;
  return runTool("util-linux e2fsprogs python3", "unshare", ["--mount", "--net", "bash", "-ec", script]);
}

describe("a power cut right after", () => {
  testAsRoot("a file that was only moved into place leaves an empty one, so this is a real one", () => {
    const other = "echo log >other; sync other";
    expect(afterPowerCut("echo new >file.next; mv file.next file", other)).toBe("file is empty\nother:log\n");
  });

  testAsRoot("a file was written or has changed finds the new one", () => {
    const write = (text: string) => `write_if_changed 0644 ${disk}/file <<<${text}`;
    expect(afterPowerCut(write("new"))).toBe("file:new\n");
    expect(afterPowerCut(write("old"), "sync", write("new"))).toBe("file:new\n");
  });

  testAsRoot("the first step finds all of a host's files", () => {
    const unpack = join(folder, "lib/unpack-all.sh");
    writeFileSync(
      unpack,
      prepareParts.map((part) => placed(readFileSync(join(components, part), "utf8"))).join(""),
    );
    const files = ["homerelay/wanted", "lib/new.sh"].map((name) => ({
      name: join(disk, name),
      text: `${name}\n`,
    }));
    writeFileSync(join(folder, "document"), endDocument(renderDocument(files)));
    const here = afterPowerCut(`cat ${unpack} ${folder}/document | bash -s 01 test nas >/dev/null`);
    expect(here).toContain("homerelay/wanted:homerelay/wanted\n");
    expect(here).toContain("lib/new.sh:lib/new.sh\n");
    expect(here).toContain("homerelay/owner:host nas\n");
    expect(here).toContain("homerelay/installed:homerelay/wanted\n");
  });

  testAsRoot("other keys came finds them", () => {
    const store = (key: string) => step("store-keys.sh", renderDocument([{ name: "private", text: key }]));
    expect(afterPowerCut(store("old"), "sync", store("new"))).toBe(
      "homerelay/unproven is empty\nhomerelay/keys/private:new\n",
    );
  });

  testAsRoot("a guard has changed finds the new one", () => {
    expect(afterPowerCut(guard("old"), "sync", guard("new"))).toContain("homerelay/firewall.nft:# new\n");
  });

  testAsRoot("rules were confirmed finds them", () => {
    const rules = "table inet homerelay { }";
    const confirm = step(
      "confirm-firewall.sh",
      runTool("coreutils", "sha256sum", [], { input: `${rules}\n` }).slice(0, 64),
    );
    expect(
      afterPowerCut(
        `mkdir homerelay; echo old >homerelay/firewall.nft; echo '${rules}' >homerelay/firewall-on-trial.nft; sync`,
        confirm,
      ),
    ).toContain(`homerelay/firewall.nft:${rules}\n`);
  });
});

testAsRoot("a guard that was found empty is whole again when its step runs", () => {
  const empty = `: >${disk}/homerelay/firewall.nft; sync`;
  expect(afterPowerCut(guard("whole"), empty)).toContain("homerelay/firewall.nft is empty\n");
  expect(afterPowerCut(guard("whole"), empty, guard("whole"))).toContain("homerelay/firewall.nft:# whole\n");
});

/** The home's first step, whose guard has this remark. */
function guard(remark: string): string {
  const chains = "chain input { }\nchain prerouting { }";
  return step(
    "apply-guard.sh",
    renderDocument([
      { name: "guard", text: `# ${remark}\ntable inet homerelay {\n${chains}\n}\n` },
      { name: "routes", text: "" },
      { name: "sysctls", text: "" },
    ]),
  );
}

/** A line that runs a step's script with its document. */
function step(script: string, document: string): string {
  const file = join(folder, `${script}.${Math.random()}`);
  writeFileSync(file, endDocument(document));
  return `bash ${folder}/lib/${script} <${file} >/dev/null`;
}
