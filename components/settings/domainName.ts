/** A full domain name in lower case, of at least two labels, without a dot at its end. */
export function isZone(text: string): boolean {
  const labels = text.split(".");
  return (
    text.length <= 253 &&
    labels.length >= 2 &&
    labels.every((label) => isLabel(label) && !label.startsWith("_")) &&
    !/^\d+$/.test(labels.at(-1) ?? "")
  );
}

export function isLabel(label: string): boolean {
  return /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label);
}
