import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { sshKey } from "../../components/keys/deriveKeys.ts";
import { parseSettings } from "../../components/settings/parseSettings.ts";
import { schemaViolations } from "./settings/stackFiles.ts";
import { encryptedIn } from "./settings/encrypted.ts";

const page = (path: string) => readFileSync(join(__dirname, "../..", path), "utf8");
const readme = page("README.md");
const { publicKey: hostKey } = sshKey(Buffer.alloc(32, 7), "");

/** The rows of "What you have" that hold a line to write: the line, and the path of what is set encrypted. */
const rows = [
  ...readme.matchAll(
    /^\| ([^|]+?) +\| `(home-relay:[^`]+)`(?: and `pulumi config set --secret --path '([^']+)'`)? +\|$/gm,
  ),
].map(([, have = "", line = "", secret]) => [have, line, secret] as const);

test("the table has lines for the relay, homes, names, devices and who is told", () => {
  const sections = new Set(rows.map(([, line]) => line.split(": ")[0]));
  expect([...sections]).toEqual([
    "home-relay:relay",
    "home-relay:homes",
    "home-relay:dns",
    "home-relay:devices",
    "home-relay:notify",
  ]);
});

test.each(rows)("what is to be written for %s is sound", (_, line, secret) => {
  const written = parse(line.replaceAll("ssh-ed25519 AAAA...", hostKey)) as Record<string, unknown>;
  const generated = secret?.endsWith(".url") === true ? "https://ntfy.sh/generated" : "generated";
  if (secret !== undefined) set(written, secret, generated);
  const homes = [{ name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] }];
  const raw = {
    ...{ relay: undefined, homes, tunnel: undefined, devices: undefined, dns: undefined },
    ...Object.fromEntries(
      Object.entries(written).map(([key, value]) => [key.slice("home-relay:".length), value]),
    ),
  };
  const stackFile = {
    ...raw,
    isEncrypted: encryptedIn(raw, [generated]),
    hcloudToken: "a1B2".repeat(16),
  };
  expect(() => parseSettings(stackFile, "home-relay")).not.toThrow();
  expect(schemaViolations(stackFile)).toEqual([]);
});

test("each link to a section of the settings leads to one", () => {
  const headings = [...page("docs/settings.md").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-"),
  );
  const links = [...readme.matchAll(/\]\(docs\/settings\.md#([^)]+)\)/g)].map(([, anchor]) => anchor);
  expect(links).not.toEqual([]);
  expect(headings).toEqual(expect.arrayContaining(links));
});

/** As `pulumi config set --path` does it: `home-relay:homes[0].ssh.password`. */
function set(config: Record<string, unknown>, path: string, value: string): void {
  const [section = "", ...keys] = path.split(/[.[\]]+/).filter((key) => key !== "");
  const last = keys.pop() ?? "";
  const target = keys.reduce((at, key) => (at as Record<string, unknown>)[key], config[section]);
  (target as Record<string, unknown>)[last] = value;
}
