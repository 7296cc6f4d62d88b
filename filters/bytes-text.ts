const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `1.23 GB`: bytes for a sentence, in decimal units, to three digits. */
export function bytesText(bytes: number): string {
  let unit = 0;
  let scaled = bytes;
  // 999,600 bytes are 1 MB to three digits, not 1000 kB.
  while (Number(scaled.toPrecision(3)) >= 1000 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${Number(scaled.toPrecision(3))} ${UNITS[unit]}`;
}
