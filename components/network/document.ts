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
 * --diff` shows plain lines and the host takes them apart with awk. Throws when a text contains such a line.
 */
export function renderDocument(files: readonly DocumentFile[]): string {
  const parts = files.map(({ name, mode, text }) => {
    if (/^#file /m.test(text)) throw new Error(`${name}: a line begins with "#file ", which parts documents`);
    return `#file ${mode ?? "0644"} ${name}\n${ended(text)}`;
  });
  return parts.join("");
}

/**
 * A document as it travels: its last line says that all of it has arrived, since a connection may end in the middle.
 * Throws when it has such a line already.
 */
export function endDocument(document: string): string {
  if (/^#end$/m.test(document)) throw new Error('a line is "#end", which ends documents');
  return document === "" ? "#end\n" : `${ended(document)}#end\n`;
}

function ended(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
