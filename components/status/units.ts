/** Numbers as people read them. */

const sizes = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Three digits at most: `0 bytes`, `1.2 GiB`, `34 MiB`. */
export function renderBytes(bytes: number): string {
  let size = 0;
  let value = bytes;
  while (value >= 999.5 && size < sizes.length - 1) {
    value /= 1024;
    size++;
  }
  const rounded = size === 0 || value >= 9.95 ? Math.round(value) : Math.round(value * 10) / 10;
  return bytes === 1 ? "1 byte" : `${rounded} ${sizes[size] ?? ""}`;
}

/** In its largest unit: `40 s`, `3 min`, `5 h`, `1 day`, `12 days`. */
export function renderDuration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
