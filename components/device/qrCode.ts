import { encode } from "uqr";

/** As many light modules as the standard wants around a code (ISO/IEC 18004, 6.3.8). */
const quietModules = 4;

/** Black on white from the 256 colours that no theme redefines, so that a dark terminal shows it as a light one does. */
const [blackOnWhite, plain] = ["\u001b[38;5;16;48;5;231m", "\u001b[0m"];

/**
 * A text as a QR code for a terminal, two modules in each character; `undefined` where it is too long for one (2,953
 * bytes). Error correction is the lowest: a screen has no scratches, and a smaller code fits more screens.
 */
export function renderQrCode(text: string): string | undefined {
  const rows = encodeModules(text);
  if (rows === undefined) return undefined;
  const pairs = rows.flatMap((upper, y) => (y % 2 === 0 ? [[upper, rows[y + 1] ?? []] as const] : []));
  return pairs
    .map(([upper, lower]) => {
      const characters = upper.map((dark, x) => halves(dark, lower[x] ?? false));
      return `${blackOnWhite}${characters.join("")}${plain}\n`;
    })
    .join("");
}

function encodeModules(text: string): boolean[][] | undefined {
  if (Buffer.byteLength(text) > 2953) return undefined;
  return encode(text, { ecc: "L", border: quietModules }).data;
}

function halves(upper: boolean, lower: boolean): string {
  if (upper) return lower ? "█" : "▀";
  return lower ? "▄" : " ";
}
