import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A text of ours that goes to a host, by its path below components/. A checkout on Windows may have given it CRLF. */
export function readScript(source: string): string {
  return readFileSync(join(import.meta.dirname, "..", source), "utf8").replaceAll("\r\n", "\n");
}
