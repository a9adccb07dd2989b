/** What is asked of a host before anything is changed there (ask-host.sh), and how its answers are told. */
import { Fields } from "../network/programDocument.ts";
import type { NeededPackage } from "../network/installation.ts";
import { rootPrefix } from "./operatorAccess.ts";

/** What a host is to be able to do. */
export interface HostNeeds {
  /** `COMMAND:NAME` each: a Debian package, and a command by which a host shows that it has it already. */
  readonly packages: readonly string[];
  /** A UDP port at which WireGuard is to listen. @default none */
  readonly listenPort: number | undefined;
  /** The home that can have a plain WireGuard configuration instead of our scripts. @default none */
  readonly plainWireguard: string | undefined;
}

/** What a host answered. */
export interface HostAnswers {
  /** Why it cannot be set up, with the mend: some lines each. */
  readonly problems: readonly string[];
  /** What the user should know, and what keeps nobody from going on. */
  readonly notes: readonly string[];
  /** The note of its owner, a line each: see `explainOwner`. */
  readonly owner: readonly string[];
}

/** How a host is asked. */
export interface Asking {
  /** Begins each line of the answers: a word that nobody else's output has. */
  readonly mark: string;
  /** This machine's clock, in seconds since 1970. @default the host's clock is not judged */
  readonly now?: number;
  /** The end of its first boot is waited for. @default false */
  readonly isFirstBoot?: boolean;
}

export function listPackages(packages: readonly NeededPackage[]): readonly string[] {
  return packages.map(({ command, name }) => `${command}:${name}`);
}

export function parseHostNeeds(fields: Fields): HostNeeds {
  return {
    packages: fields.texts("packages"),
    listenPort: fields.has("listenPort") ? fields.number("listenPort") : undefined,
    plainWireguard: fields.optionalText("plainWireguard"),
  };
}

/** Where the questions come on stdin. */
export function askingCommand(
  { packages, listenPort, plainWireguard }: HostNeeds,
  { mark, now, isFirstBoot = false }: Asking,
): string {
  return [
    `sh -s -- ${mark}`,
    ...(now === undefined ? [] : [`now=${now}`]),
    ...(isFirstBoot ? ["firstBoot=yes"] : []),
    ...(listenPort === undefined ? [] : [`port=${listenPort}`]),
    ...(plainWireguard === undefined ? [] : [`plain=${plainWireguard}`]),
    ...packages.map((one) => `package=${one}`),
  ].join(" ");
}

/**
 * As root, where `user` may be it; else as `user`, so that the host says why not. The words, without single quotes, are
 * for `sh`: the user's own shell may be one that reads them otherwise, such as fish.
 */
export function asRootIfAllowed(user: string, command: string): string {
  const prefix = rootPrefix(user);
  if (prefix === "") return command;
  return `sh -c 'if ${prefix}env true </dev/null >/dev/null 2>&1; then exec ${prefix}env ${command}; else exec ${command}; fi'`;
}

/** `undefined`: the host was not asked all, or something else than our questions ran there. */
export function parseAnswers(stdout: string, mark: string): HostAnswers | undefined {
  const problems: string[] = [];
  const notes: string[] = [];
  const owner: string[] = [];
  let told: string[] = problems;
  for (const line of stdout.split("\n")) {
    if (line === `${mark} end`) return { problems, notes, owner };
    const [, kind, text] =
      /^(\w+) (.*)$/s.exec(line.startsWith(`${mark} `) ? line.slice(mark.length + 1) : "") ?? [];
    if (kind === undefined || text === undefined) continue;
    if (kind === "more") told.push(`${told.pop() ?? ""}\n${text}`);
    else if (kind === "fact") owner.push(...(text.startsWith("owner ") ? [text.slice("owner ".length)] : []));
    else {
      told = kind === "problem" ? problems : notes;
      told.push(text);
    }
  }
  return undefined;
}
