import { describe, expect, test } from "@jest/globals";
import {
  fingerprintScript,
  renderManifest,
  renderPreparation,
} from "../../../components/host/preparation.ts";
import type { InstalledText } from "../../../components/host/preparation.ts";

const library = "/usr/local/lib/homerelay";
const units = "/etc/systemd/system";
const texts: Readonly<Record<string, string>> = {
  [`${library}/begin-step.sh`]: "#!/bin/bash\n# Sourced first.\nset -e\n",
  [`${library}/apply-tunnel.sh`]: `#!/bin/bash
# Brings the tunnel up.
. ${library}/begin-step.sh
systemctl enable --now homerelay-endpoints.timer
echo >/etc/ssh/sshd_config.d/10-homerelay.conf
`,
  [`${library}/remember-endpoints.sh`]: "#!/bin/bash\necho remembered\n",
  [`${library}/store-keys.sh`]: `#!/bin/bash\n. ${library}/begin-step.sh\necho stored\n`,
  // Its name is part of that of a file which the script writes.
  [`${units}/nftables.service.d/homerelay.conf`]: "[Service]\nExecStartPost=/bin/systemctl reload x\n",
  [`${units}/homerelay-endpoints.service.d/quiet.conf`]: "[Service]\nNice=5\n",
  [`${units}/homerelay-endpoints.timer`]: "# Every minute.\n[Timer]\nOnUnitActiveSec=60\n",
  [`${units}/homerelay-endpoints.service`]: `[Service]\nExecStart=${library}/remember-endpoints.sh save\n`,
};

const filesOf = (changed: Readonly<Record<string, string>> = {}): InstalledText[] =>
  Object.entries({ ...texts, ...changed }).map(([name, text]) => ({
    name,
    mode: name.endsWith(".sh") ? "0755" : "0644",
    text,
  }));

const installation = {
  files: [],
  packages: [
    { command: "nft", name: "nftables" },
    { command: "wg-quick", name: "wireguard-tools" },
  ],
  folders: ["/var/lib/homerelay/dyndns"],
};

test("the list has packages, files and folders, one thing a line", () => {
  expect(renderManifest(installation, filesOf().slice(0, 2))).toBe(`\
package nft nftables
package wg-quick wireguard-tools
file /usr/local/lib/homerelay/begin-step.sh
file /usr/local/lib/homerelay/apply-tunnel.sh
folder /var/lib/homerelay/dyndns
`);
  expect(renderManifest({ files: [], packages: [], folders: [] }, [])).toBe("");
});

test("the list says which file has the kernel's settings, and does so for no other file", () => {
  const settings = {
    path: "/etc/homerelay/some",
    mode: "0644",
    text: "a=1\n",
    isKernelSettings: true,
  } as const;
  const other = { path: "/etc/homerelay/other", mode: "0644", text: "a=2\n" };
  const files = [settings, other].map(({ path, mode, text }) => ({ name: path, mode, text }));
  expect(renderManifest({ files: [settings, other], packages: [], folders: [] }, files)).toBe(`\
file /etc/homerelay/some
file /etc/homerelay/other
settings /etc/homerelay/some
`);
});

test("what the first step puts in place is the list and each file", () => {
  const files = filesOf().slice(0, 1);
  expect(renderPreparation(installation, files)).toBe(`\
#file 0644 /etc/homerelay/wanted
${renderManifest(installation, files)}\
#file 0755 /usr/local/lib/homerelay/begin-step.sh
#!/bin/bash
# Sourced first.
set -e
#end
`);
});

describe("what tells that a step's script is another one", () => {
  const before = fingerprintScript("apply-tunnel.sh", filesOf());
  const after = (path: string, from: string, to: string) => {
    const text = texts[path] ?? "";
    expect(text).toContain(from);
    return fingerprintScript("apply-tunnel.sh", filesOf({ [path]: text.replace(from, to) }));
  };

  test("is short, and the same for the same texts in any order", () => {
    expect(before).toMatch(/^[0-9a-f]{12}$/);
    expect(fingerprintScript("apply-tunnel.sh", filesOf().reverse())).toBe(before);
  });

  test.each([
    ["a comment of the script", `${library}/apply-tunnel.sh`, "# Brings the tunnel up.", "# Starts it."],
    ["a comment of what it sources", `${library}/begin-step.sh`, "# Sourced first.", "# Sourced."],
    [
      "a comment of a unit that it starts",
      `${units}/homerelay-endpoints.timer`,
      "# Every minute.",
      "# Often.",
    ],
    ["a script that it does not lead to", `${library}/store-keys.sh`, "echo stored", "echo kept"],
    [
      "a drop-in of a unit that it does not know",
      `${units}/nftables.service.d/homerelay.conf`,
      "reload",
      "start",
    ],
  ])("does not change with %s", (_what, path, from, to) => {
    expect(after(path, from, to)).toBe(before);
  });

  test.each([
    ["a line of the script", `${library}/apply-tunnel.sh`, "--now", "--quiet"],
    ["the shell that reads it", `${library}/apply-tunnel.sh`, "#!/bin/bash", "#!/bin/bash -x"],
    ["a line of what it sources", `${library}/begin-step.sh`, "set -e", "set -eu"],
    ["a unit that it starts", `${units}/homerelay-endpoints.timer`, "60", "30"],
    ["what goes with that unit by its name", `${units}/homerelay-endpoints.service`, "save", "save all"],
    ["a drop-in of that unit", `${units}/homerelay-endpoints.service.d/quiet.conf`, "Nice=5", "Nice=6"],
    ["what such a unit runs", `${library}/remember-endpoints.sh`, "echo remembered", "echo kept"],
  ])("changes with %s", (_what, path, from, to) => {
    expect(after(path, from, to)).not.toBe(before);
  });

  test("is refused for a script that the host does not get", () => {
    expect(() => fingerprintScript("apply-firewall.sh", filesOf())).toThrow(
      "apply-firewall.sh is installed by no room of this host",
    );
  });
});
