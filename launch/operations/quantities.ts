/** `1,234,567`. */
export function countText(n: number): string {
  return n.toLocaleString('en-US');
}

/** Two or three digits and a unit: `980 B`, `3.2 MB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'] as const;
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? countText(Math.round(size)) : size.toFixed(1)} ${units[unit]}`;
}

/** Two or three digits and a unit: `350 ms`, `1.2 s`, `31 s`, `12 min`, `5.5 h`, `3.0 d`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 120 * 60_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 48 * 3_600_000) return `${(ms / 3_600_000).toFixed(1)} h`;
  return `${(ms / 86_400_000).toFixed(1)} d`;
}
