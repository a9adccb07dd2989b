/** Something that is not as the stack wants it. */
export interface Difference {
  /** Where it was found: `relay`, a home's name, a provider, `names`. */
  readonly where: string;
  /** In one word. @example file */
  readonly kind: string;
  /** Which one of that kind. @example /etc/homerelay/firewall.nft */
  readonly what: string;
  /** What is there, in a few words; `missing` where nothing is. */
  readonly found: string;
  /** What should be there; `nothing` where nothing should. */
  readonly wanted: string;
  /** Who does it otherwise, or what else a reader has to know. @default nothing */
  readonly remark?: string;
  readonly repair: Repair;
}

/** What puts a difference right. */
export type Repair =
  /** A step of the stack, by its name in the state, runs once more with the document that it had. */
  | { readonly by: "step"; readonly step: string }
  /** The host does it by itself, from its own files. */
  | { readonly by: "host" }
  /** A request to the provider's API. `path` begins after the version. */
  | { readonly by: "request"; readonly path: string; readonly body: object }
  /** Nothing of ours may or can: what a person does or types. */
  | { readonly by: "person"; readonly mend: string };

/** As tables of the hosts' scripts have them: `KIND<TAB>WHAT<TAB>FOUND<TAB>WANTED` a line. */
export function parseDifferences(where: string, table: string, repair: Repair): Difference[] {
  return table.split("\n").flatMap((line) => {
    const [kind = "", what = "", found = "", wanted = ""] = line.split("\t");
    return line.includes("\t") ? [{ where, kind, what, found, wanted, repair }] : [];
  });
}
