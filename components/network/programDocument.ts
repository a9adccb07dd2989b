/**
 * How a program on the operator's machine is started and fed. Plain facts are one JSON document in the environment, so
 * that a preview shows line by line which of them changes; secrets are another one, on stdin.
 */
export const documentVariable = "HOMERELAY_DOCUMENT";

/**
 * The command line of a program below components/, as the shell of any system reads it: no word has a character that
 * one of them takes for more than itself. It runs in the project's folder.
 */
export function programCommand(program: string, ...words: readonly string[]): string {
  return ["node --disable-warning=ExperimentalWarning", `components/${program}`, ...words].join(" ");
}

/** A command line that does nothing, in the shell of any system. */
export const doNothing = "exit 0";

/** A document, a line for each fact. Fields that are `undefined` are left out. */
export function renderProgramDocument(document: object): string {
  return JSON.stringify(document, undefined, 2);
}

/** Reads the fields of a program's document. Every error names the field in full, as `access.jump.port`. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;

  private constructor(values: object, path: string) {
    this.#values = values as Record<string, unknown>;
    this.#path = path;
  }

  /** Throws when the text is no JSON object; `source` says where it comes from. */
  static parse(text: string | undefined, source: string): Fields {
    if (text === undefined || text === "") throw new Error(`${source} holds no document`);
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      // Not with the parser's own words: they quote the text, which may be secret.
      throw new Error(`${source} holds no JSON`);
    }
    if (!isObject(document)) throw new Error(`${source} holds no JSON object`);
    return new Fields(document, "");
  }

  has(name: string): boolean {
    return this.#read(name) !== undefined;
  }

  text(name: string): string {
    const value = this.#read(name);
    if (typeof value !== "string") throw this.#error(name, "a text", value);
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  number(name: string): number {
    const value = this.#read(name);
    if (typeof value !== "number") throw this.#error(name, "a number", value);
    return value;
  }

  optionalNumber(name: string): number | undefined {
    return this.has(name) ? this.number(name) : undefined;
  }

  flag(name: string): boolean {
    const value = this.#read(name);
    if (typeof value !== "boolean") throw this.#error(name, "true or false", value);
    return value;
  }

  texts(name: string): readonly string[] {
    const value = this.#read(name);
    if (!Array.isArray(value) || !value.every((one): one is string => typeof one === "string"))
      throw this.#error(name, "a list of texts", value);
    return value;
  }

  /** Empty where it is left out. */
  optionalTexts(name: string): readonly string[] {
    return this.has(name) ? this.texts(name) : [];
  }

  /** One of a few words. */
  word<Word extends string>(name: string, words: readonly Word[]): Word {
    const value = this.#read(name);
    const found = words.find((one) => one === value);
    if (found === undefined) throw this.#error(name, `one of ${words.join(", ")}`, value);
    return found;
  }

  fields(name: string): Fields {
    const value = this.#read(name);
    if (!isObject(value)) throw this.#error(name, "an object", value);
    return new Fields(value, `${this.#path}${name}.`);
  }

  optionalFields(name: string): Fields | undefined {
    return this.has(name) ? this.fields(name) : undefined;
  }

  #read(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  /** The value itself is not shown: it may be secret. */
  #error(name: string, wanted: string, value: unknown): Error {
    const field = this.#path + name;
    return new Error(
      value === undefined
        ? `the document has no ${field}`
        : `${field} in the document must be ${wanted}, and is ${describeKind(value)}`,
    );
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describeKind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `of type ${typeof value}`;
}
