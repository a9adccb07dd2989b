/** Reads a picture of a QR code as a camera would: stdin is rows of 0 (light) and 1 (dark), one module each. */
import { readFileSync } from "node:fs";
import decodeQR from "qr/decode.js";

const scale = 4;
const rows = readFileSync(0, "utf8").trimEnd().split("\n");
const width = (rows[0]?.length ?? 0) * scale;
const height = rows.length * scale;
const data = new Uint8Array(width * height * 4);
for (let y = 0; y < height; y++)
  for (let x = 0; x < width; x++) {
    const dark = rows[Math.floor(y / scale)]?.[Math.floor(x / scale)] === "1";
    data.set(dark ? [0, 0, 0, 255] : [255, 255, 255, 255], (y * width + x) * 4);
  }
process.stdout.write(decodeQR({ width, height, data }, { timeLimit: 10_000 }));
