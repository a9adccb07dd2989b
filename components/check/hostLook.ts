import { createHash } from "node:crypto";
import type { Difference, Repair } from "../network/difference.ts";
import type { ExpectedFile, WantedSettings } from "./expectedFiles.ts";
import { wholeFolders } from "./expectedFiles.ts";
import type { HostStep } from "./hostSteps.ts";

/** What a host is asked of its files and of sshd. */
export interface HostQuestion {
  readonly files: readonly ExpectedFile[];
  readonly sshd: SshdWish | undefined;
  readonly settings: WantedSettings | undefined;
}

/** What sshd is to be set to. */
export interface SshdWish {
  readonly step: string;
  /** By keyword, in small letters. */
  readonly values: ReadonlyMap<string, string>;
  /** Whether the machine's owner may be stricter. */
  readonly isLeast: boolean;
}

/** What a host has answered. */
export interface HostLook {
  readonly differences: readonly Difference[];
  /** The id of the stack that it belongs to. */
  readonly owner: string;
  /** From where it was asked; `undefined`: from itself. */
  readonly caller: string | undefined;
  /** Where peers of the tunnel are. */
  readonly endpoints: readonly string[];
  /** Seconds since a peer was last heard from; `undefined`: never. */
  readonly handshakes: readonly (number | undefined)[];
  /** Firewalls of others that are active: `ufw`, `firewalld`. */
  readonly active: readonly string[];
  /** What others say of settings of the kernel that we set. */
  readonly overrides: readonly Override[];
}

export interface Override {
  readonly key: string;
  readonly value: string;
  readonly file: string;
}

/** What sshd is to be, from the step that sets it; a machine that is entered by a password has none. */
export function wishOfSshd(steps: readonly HostStep[]): SshdWish | undefined {
  const step = steps.find(({ script }) => script === "apply-sshd.sh" || script === "harden-sshd.sh");
  if (step === undefined) return undefined;
  const values = new Map(
    step.document.split("\n").flatMap((line) => {
      const [, keyword, value] = /^([A-Za-z0-9]+) (.+)$/.exec(line) ?? [];
      return keyword === undefined || value === undefined ? [] : [[keyword.toLowerCase(), value] as const];
    }),
  );
  return values.size === 0
    ? undefined
    : { step: step.name, values, isLeast: step.script === "harden-sshd.sh" };
}

/** What look-at-host.sh reads behind itself. */
export function renderQuestion({ files, sshd, settings }: HostQuestion): string {
  return [
    ...files.map(({ path, mode, text, isSecret, hasKeys }) =>
      [hasKeys ? "joined" : isSecret ? "secret" : "file", mode, sha256(text), path].join(" "),
    ),
    ...wholeFolders.map((folder) => `whole ${folder}`),
    ...(settings === undefined ? [] : [`settings ${Buffer.from(settings.text).toString("base64")}`]),
    ...[...(sshd?.values.keys() ?? [])].map((keyword) => `sshd ${keyword}`),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** `undefined`: the answer did not come to its end. */
export function readLook(
  where: string,
  { files, sshd, settings }: HostQuestion,
  answer: string,
): HostLook | undefined {
  const lines = answer.split("\n").map((line) => line.split("\t"));
  if (!lines.some(([kind]) => kind === "end")) return undefined;
  const expected = new Map(files.map((file) => [file.path, file]));
  const of = (wanted: string) => lines.filter(([kind]) => kind === wanted).map(([, ...words]) => words);
  // Steps of which a file is not as they left it.
  const differing = new Set(of("file").flatMap(([path = ""]) => expected.get(path)?.step ?? []));
  const keysStep = files.find(({ path }) => path.startsWith(`${wholeFolders[0] ?? ""}/`))?.step;
  return {
    differences: [
      ...of("file").flatMap(([path = "", how = "", found = ""]) => {
        const file = expected.get(path);
        return file === undefined ? [] : [judgeFile(where, file, how, found)];
      }),
      ...of("settings").map(([path = "", found = "", wanted = ""]): Difference => ({
        where,
        kind: "file",
        what: path,
        found: found === "" ? "missing" : describeChange(decode(wanted), decode(found)),
        wanted: "as the stack wrote it",
        repair: { by: "step", step: settings?.step ?? "" },
      })),
      ...of("stranger").map(([path = ""]): Difference => ({
        where,
        kind: "file",
        what: path,
        found: "there",
        wanted: "nothing",
        repair:
          keysStep === undefined ? { by: "person", mend: `rm ${path}` } : { by: "step", step: keysStep },
      })),
      ...(sshd === undefined ? [] : of("sshd").flatMap((words) => judgeSshd(where, sshd, words, differing))),
    ],
    owner: of("owner")[0]?.[0] ?? "",
    caller: of("caller")[0]?.[0],
    endpoints: of("endpoint").flatMap((words) => words.slice(0, 1)),
    handshakes: of("handshake").map(([seconds]) => Number(seconds) || undefined),
    active: of("active").flatMap((words) => words.slice(0, 1)),
    overrides: of("override").map(([key = "", value = "", file = ""]) => ({ key, value, file })),
  };
}

function judgeFile(where: string, file: ExpectedFile, how: string, found: string): Difference {
  const repair: Repair = { by: "step", step: file.step };
  const common = { where, kind: "file", what: file.path, repair };
  if (how === "missing") return { ...common, found: "missing", wanted: "there" };
  if (how === "mode") return { ...common, found: `of mode ${found}`, wanted: file.mode };
  const wanted = "as the stack wrote it";
  if (how === "empty") return { ...common, found: how, wanted };
  if (found === "")
    return { ...common, found: file.hasKeys || !file.isSecret ? "changed" : "another key", wanted };
  return {
    ...common,
    found: describeChange(file.text, decode(found)),
    wanted,
  };
}

/** The first line that differs, so that whoever changed it knows what is meant. */
export function describeChange(wanted: string, found: string): string {
  const wantedLines = wanted.split("\n");
  const foundLines = found.split("\n");
  const added = foundLines.find((line) => line.trim() !== "" && !wantedLines.includes(line));
  const gone = wantedLines.find((line) => line.trim() !== "" && !foundLines.includes(line));
  if (added !== undefined) return `changed: it has "${shorten(added)}"`;
  if (gone !== undefined) return `changed: it lacks "${shorten(gone)}"`;
  return "changed: its lines stand otherwise";
}

function shorten(line: string): string {
  // What a host says must not steer the terminal.
  const text = line.replace(/\p{Cc}/gu, " ").trim();
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** From the loosest. */
const strictness: Readonly<Record<string, readonly string[]>> = {
  permitrootlogin: ["yes", "without-password", "forced-commands-only", "no"],
};
const yesOrNo: readonly string[] = ["yes", "no"];

function judgeSshd(
  where: string,
  { step, values, isLeast }: SshdWish,
  [keyword = "", found = "", setBy = ""]: readonly string[],
  differing: ReadonlySet<string>,
): Difference[] {
  const common = { where, kind: "sshd", what: keyword };
  if (keyword === "refused")
    return [
      {
        ...common,
        what: "configuration",
        found: `refused: ${shorten(found)}`,
        wanted: "one that sshd takes",
        repair: { by: "person", mend: `on ${where}: sshd -t` },
      },
    ];
  const wanted = values.get(keyword)?.replace("prohibit-password", "without-password");
  if (wanted === undefined || found === wanted) return [];
  if (isLeast) {
    const scale = strictness[keyword] ?? yesOrNo;
    if (scale.indexOf(found) >= scale.indexOf(wanted)) return [];
  }
  // The first value that sshd reads counts, and it reads ours early.
  const [before] = setBy.split(" ").filter((path) => path !== "");
  const isOurs = before === undefined || differing.has(step);
  return [
    {
      ...common,
      found: found === "" ? "not set" : found,
      wanted,
      ...(isOurs ? {} : { remark: `${before} says so, and sshd goes by it` }),
      repair: isOurs
        ? { by: "step", step }
        : { by: "person", mend: `on ${where}, take ${keyword} out of ${before}; then: systemctl reload ssh` },
    },
  ];
}

/** A setting that the host has otherwise, with the name of whoever sets it so. */
export function nameOverriders(
  differences: readonly Difference[],
  overrides: readonly Override[],
): Difference[] {
  return differences.map((difference) => {
    const by = overrides.findLast(({ key }) => key === difference.what && difference.kind === "setting");
    return by === undefined
      ? difference
      : { ...difference, remark: `${by.file} says ${by.value}, and whoever loads it again sets that` };
  });
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
