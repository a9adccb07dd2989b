/** One file inside a document. */
export interface DocumentFile {
  /** A name that the receiving script knows, or an absolute path. */
  readonly name: string;
  /** Octal, as chmod takes it. @default 0644 */
  readonly mode?: string;
  readonly text: string;
}

/**
 * The document of a step that carries several files: each begins with a line of its own, so that `pulumi preview
 * --diff` shows plain lines and the host takes them apart with awk. The last line says that all of it has arrived: a
 * connection may end in the middle. Throws when a text contains such a line.
 */
export function renderDocument(files: readonly DocumentFile[]): string {
  const parts = files.map(({ name, mode, text }) => {
    if (/^#(file |end$)/m.test(text))
      throw new Error(`${name}: a line begins with "#file " or is "#end", which part documents`);
    return `#file ${mode ?? "0644"} ${name}\n${text.endsWith("\n") ? text : `${text}\n`}`;
  });
  return `${parts.join("")}#end\n`;
}
