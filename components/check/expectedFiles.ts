import type { HostStep } from "./hostSteps.ts";

/** A file as a step has left it on a host. */
export interface ExpectedFile {
  readonly path: string;
  /** Octal, without a leading zero, as `stat` shows it. */
  readonly mode: string;
  readonly text: string;
  /** Its text must not be shown. */
  readonly isSecret: boolean;
  /** The name of the step that puts it there. */
  readonly step: string;
  /** In its text a key stands as the name of the key's file, `key:NAME`. */
  readonly hasKeys: boolean;
}

const etc = "/etc/homerelay";
/** Folders in which nothing else may lie. */
export const wholeFolders: readonly string[] = [`${etc}/keys`];

interface Place {
  readonly path: string;
  readonly mode: string;
}

/** Where the parts of a document go, by the script that takes it; other parts become something that is no such file. */
const places: Readonly<Record<string, Readonly<Record<string, Place>>>> = {
  "apply-firewall.sh": {
    ruleset: { path: `${etc}/firewall.nft`, mode: "600" },
    metrics: { path: `${etc}/metrics`, mode: "644" },
  },
  "apply-guard.sh": {
    guard: { path: `${etc}/firewall.nft`, mode: "644" },
    routes: { path: `${etc}/routes`, mode: "644" },
  },
  "apply-tunnel.sh": {
    homes: { path: `${etc}/homes`, mode: "600" },
    routes: { path: `${etc}/routes`, mode: "600" },
  },
  "apply-sshd.sh": { sshd: { path: "/etc/ssh/sshd_config.d/10-homerelay.conf", mode: "644" } },
  "join-relay.sh": { "relay.nft": { path: `${etc}/relay.nft`, mode: "644" } },
  "harden-relay.sh": { upgrades: { path: "/etc/apt/apt.conf.d/52homerelay", mode: "644" } },
};

/** Documents that are one file. */
const whole: Readonly<Record<string, Place>> = {
  "store-dyndns-secret.sh": { path: `${etc}/dyndns/secret`, mode: "600" },
  "apply-dyndns.sh": { path: `${etc}/dyndns/requests`, mode: "644" },
};

/**
 * Every file that the steps of one host have left there as it stood in a document, by path: two steps that run at once may
 * end in either order.
 */
export function expectFiles(steps: readonly HostStep[]): ExpectedFile[] {
  const files = steps.flatMap((step) => {
    const file = (place: Place, text: string, more: Partial<ExpectedFile> = {}): ExpectedFile => ({
      ...place,
      text,
      isSecret: false,
      hasKeys: false,
      step: step.name,
      ...more,
    });
    if (step.script === "prepare") return expectPrepared(step, file);
    const place = whole[step.script];
    if (place !== undefined)
      return [file(place, contentOf(step.document), { isSecret: step.script.includes("secret") })];
    const parts = splitDocument(step.document);
    if (step.script === "store-keys.sh")
      return parts.map(({ name, text }) =>
        file({ path: `${etc}/keys/${name}`, mode: "600" }, text, { isSecret: true }),
      );
    const known = places[step.script] ?? {};
    return parts.flatMap(({ name, text }) => {
      const place = known[name];
      if (place !== undefined) return [file(place, text)];
      return name === "interface" ? expectInterface(text, file) : [];
    });
  });
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What the kernel is to be set to: a text for kernel-settings.sh, which makes a file of it for the next boot. */
export interface WantedSettings {
  readonly text: string;
  readonly step: string;
}

/** A relay that this stack made has them among its files, other hosts in a document. */
export function wishOfSettings(steps: readonly HostStep[]): WantedSettings | undefined {
  for (const step of steps) {
    const isOwn = step.script === "prepare";
    const parts = isOwn ? expectPrepared(step, (place, text) => ({ ...nothing, ...place, text })) : [];
    const text = isOwn
      ? parts.find(({ path }) => path === `${etc}/sysctls`)?.text
      : splitDocument(step.document).find(({ name }) => name === "sysctls")?.text;
    if (text !== undefined) return { text, step: step.name };
  }
  return undefined;
}

const nothing = { isSecret: false, hasKeys: false, step: "" };

type MakeFile = (place: Place, text: string, more?: Partial<ExpectedFile>) => ExpectedFile;

function expectPrepared({ document }: HostStep, file: MakeFile): ExpectedFile[] {
  // The script that unpacks them stands before.
  const first = document.search(/^#file \d+ \//m);
  if (first < 0) return [];
  const files = splitDocument(document.slice(first));
  return files.map(({ name, mode, text }) => file({ path: name, mode: mode.replace(/^0/, "") }, text));
}

/** wg-quick gets the address of IPv4 alone; the other one has a file of its own. */
function expectInterface(text: string, file: MakeFile): ExpectedFile[] {
  const address6 = /^Address = [^,\n]*, (.*)$/m.exec(text)?.[1] ?? "";
  return [
    file(
      { path: "/etc/wireguard/homerelay.conf", mode: "600" },
      text.replace(/^(Address = [^,\n]*), .*$/gm, "$1"),
      { isSecret: true, hasKeys: true },
    ),
    file({ path: `${etc}/address6`, mode: "644" }, `${address6}\n`),
  ];
}

export interface DocumentPart {
  readonly name: string;
  readonly mode: string;
  readonly text: string;
}

/** What `renderDocument` has put together. */
export function splitDocument(document: string): DocumentPart[] {
  return contentOf(document)
    .split(/^(?=#file \d+ \S+$)/m)
    .flatMap((part) => {
      const [, mode, name] = /^#file (\d+) (\S+)\n/.exec(part) ?? [];
      if (mode === undefined || name === undefined) return [];
      return [{ name, mode, text: part.slice(part.indexOf("\n") + 1) }];
    });
}

/** Without the line that ends it. */
export function contentOf(document: string): string {
  return document.replace(/(^|\n)#end\n?$/, "$1");
}
