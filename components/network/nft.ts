import type { Prefix } from "./prefix.ts";

/** A table of nftables as data. What is declared but cannot do anything is left out of the text: see `renderTable`. */
export interface Table {
  readonly family: "inet";
  readonly name: string;
  readonly sets: readonly NamedSet[];
  /** In the order in which a packet meets them. */
  readonly chains: readonly Chain[];
}

/** A named set or map. */
export interface NamedSet {
  readonly kind: "map" | "set";
  readonly name: string;
  readonly why: string | undefined;
  /** Type, flags and limits, one a line, in nft's words. */
  readonly properties: readonly string[];
  readonly elements: readonly string[];
  readonly content: SetContent;
}

/**
 * Who decides what is in a set. `rendered`: the rendered elements alone. `changing`: also a script, or the next change
 * of the settings, so that the set and its rules are there when it is empty. `packets`: the rules, as packets pass.
 */
export type SetContent = "changing" | "packets" | "rendered";

/** A regular chain, or with `hook` a base chain. */
export interface Chain {
  readonly name: string;
  readonly why?: string;
  readonly hook?: Hook;
  readonly rules: readonly Rule[];
}

export interface Hook {
  readonly type: "filter" | "nat" | "route";
  readonly hook: "forward" | "input" | "output" | "postrouting" | "prerouting";
  /** A number where nft has no name for the place. */
  readonly priority:
    "dstnat - 10" | "dstnat" | "filter" | "mangle" | "raw" | "srcnat" | "srcnat + 10" | number;
  readonly policy: "accept" | "drop";
}

/**
 * A rule as nft reads it. `why`: one line for a reader who knows nftables, but not what this rule is for. A rule looks
 * things up in sets before it does anything: one whose lookup fails for certain is left out.
 */
export type Rule = string | { readonly rule: string; readonly why: string };

/** `flags` as nft has them. `isTypeOf`: the type is given by expressions that have it, for what has no type's name. */
export interface SetOptions {
  /** @default false */
  readonly isTypeOf?: boolean;
  readonly flags?: string;
  /** @default rendered */
  readonly content?: SetContent;
  readonly why?: string;
}

export function namedSet(
  name: string,
  type: string,
  elements: readonly string[],
  options: SetOptions = {},
): NamedSet {
  return declare("set", name, type, elements, options);
}

/** `type` is `KEY : VALUE`; an element likewise. */
export function namedMap(
  name: string,
  type: string,
  elements: readonly string[],
  options: SetOptions = {},
): NamedSet {
  return declare("map", name, type, elements, options);
}

/**
 * A set in which a rule notes who came lately, each for `timeout` (nft's `2m`). Bounded, so that a flood from many
 * sources cannot eat the memory.
 */
export function meter(name: string, type: string, timeout: string, options: MemoryOptions = {}): NamedSet {
  return remember("set", name, type, timeout, options);
}

/** The same as a map: `type` is `KEY : VALUE`. */
export function memory(name: string, type: string, timeout: string, options: MemoryOptions = {}): NamedSet {
  return remember("map", name, type, timeout, options);
}

export interface MemoryOptions {
  /** Elements at most. @default 65535 */
  readonly size?: number;
  readonly why?: string;
}

function remember(
  kind: NamedSet["kind"],
  name: string,
  type: string,
  timeout: string,
  { size = 65535, ...options }: MemoryOptions,
): NamedSet {
  const { properties, ...set } = declare(kind, name, type, [], {
    ...options,
    flags: "dynamic,timeout",
    content: "packets",
  });
  return { ...set, properties: [...properties, `timeout ${timeout}`, `size ${size}`] };
}

function declare(
  kind: NamedSet["kind"],
  name: string,
  type: string,
  elements: readonly string[],
  { isTypeOf = false, flags, content = "rendered", why }: SetOptions,
): NamedSet {
  const properties = [
    `${isTypeOf ? "typeof" : "type"} ${type}`,
    ...(flags === undefined ? [] : [`flags ${flags}`]),
  ];
  return { kind, name, why, properties, elements, content };
}

/** nft takes 0.0.0.0/0 in no interval set; the whole range says the same. */
export function prefixElement(prefix: Prefix): string {
  if (prefix.length > 0) return prefix.text;
  return prefix.family === 4 ? "0.0.0.0-255.255.255.255" : "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
}

/**
 * The text for `nft -f`: the whole table, in place of the one before, in one transaction, no other table touched. One
 * element, one rule a line, so that a change is a line of a diff.
 *
 * Left out is what no packet could tell apart from nothing: a rule that asks for a member of a set that stays empty, a
 * chain without rules or that nobody jumps to, a jump to a chain that is left out, a set that no rule asks for. So a
 * feature that nobody uses leaves no trace. Throws an `Error` when a rule names what is not declared.
 *
 * Kept to what nft 0.9.8 (Debian 11) understands: `table; delete table; table { }` stands for `destroy table`.
 */
export function renderTable({ family, name, sets, chains }: Table): string {
  refuseUndeclared(sets, chains);
  const empty = sets.filter(({ content, elements }) => content === "rendered" && elements.length === 0);
  const left = withoutIdle(chains, new Set(empty.map((set) => set.name)));
  const asked = new Set(left.flatMap(({ rules }) => rules).flatMap(references));
  const lines = [
    ...sets
      .filter((set) => set.content === "changing" || asked.has(`@${set.name}`))
      .flatMap((set) => block(set.kind, set, setLines(set))),
    ...left.flatMap((chain) => block("chain", chain, chainLines(chain))),
  ];
  const table = `table ${family} ${name}`;
  return [table, `delete ${table}`, `${table} {`, ...lines.map((line) => `\t${line}`), "}", ""].join("\n");
}

/** The chains and rules that can do something. Leaving one out may leave the next with nothing to do. */
function withoutIdle(chains: readonly Chain[], empty: ReadonlySet<string>): readonly Chain[] {
  const names = new Set(chains.map(({ name }) => name));
  const targets = new Set(chains.flatMap(({ rules }) => rules).flatMap(jumps));
  const left = chains
    .map((chain) => ({
      ...chain,
      rules: chain.rules.filter(
        (rule) =>
          lookups(rule).every((set) => !empty.has(set)) && jumps(rule).every((target) => names.has(target)),
      ),
    }))
    .filter(({ name, hook, rules }) =>
      hook === undefined ? rules.length > 0 && targets.has(name) : rules.length > 0 || hook.policy === "drop",
    );
  return size(left) === size(chains) ? left : withoutIdle(left, empty);
}

function size(chains: readonly Chain[]): number {
  return chains.reduce((sum, { rules }) => sum + rules.length, chains.length);
}

/** A misspelt name must not make a rule look idle. */
function refuseUndeclared(sets: readonly NamedSet[], chains: readonly Chain[]): void {
  const declared = new Set([
    ...sets.map(({ name }) => `@${name}`),
    ...chains.map(({ name }) => `chain ${name}`),
  ]);
  for (const rule of chains.flatMap(({ rules }) => rules))
    for (const reference of references(rule))
      if (!declared.has(reference)) throw new Error(`${reference} is not declared: ${textOf(rule)}`);
}

/** What a rule names, as `@set` and `chain NAME`. `@th,0,16` is a part of the packet. */
function references(rule: Rule): string[] {
  const text = withoutQuotes(rule);
  return [
    ...matches(text, /@(\w+)\b(?!,)/g).map((name) => `@${name}`),
    ...jumps(rule).map((name) => `chain ${name}`),
  ];
}

/** The sets of which a packet must be a member for the rule to go on. */
function lookups(rule: Rule): string[] {
  return matches(withoutQuotes(rule), /(?<!(?:!=|update|add|delete) )@(\w+)\b(?!,)/g);
}

function jumps(rule: Rule): string[] {
  return matches(withoutQuotes(rule), /\b(?:jump|goto) (\w+)/g);
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name = ""]) => name);
}

function withoutQuotes(rule: Rule): string {
  return textOf(rule).replace(/"[^"]*"/g, '""');
}

function textOf(rule: Rule): string {
  return typeof rule === "string" ? rule : rule.rule;
}

function setLines({ properties, elements }: NamedSet): string[] {
  if (elements.length === 0) return [...properties];
  return [...properties, "elements = {", ...elements.map((element) => `\t${element},`), "}"];
}

function chainLines({ hook, rules }: Chain): string[] {
  return [
    ...(hook === undefined
      ? []
      : [`type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy ${hook.policy};`]),
    ...rules.flatMap((rule) => [...comment(typeof rule === "string" ? undefined : rule.why), textOf(rule)]),
  ];
}

function block(
  kind: string,
  { name, why }: { readonly name: string; readonly why?: string | undefined },
  lines: readonly string[],
): string[] {
  return [...comment(why), `${kind} ${name} {`, ...lines.map((line) => `\t${line}`), "}"];
}

function comment(why: string | undefined): string[] {
  return why === undefined ? [] : [`# ${why}`];
}
