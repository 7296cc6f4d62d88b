/** `1,234,567`. */
export function thousands(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 packet`, `2 packets`. */
export function plural(n: number, noun: string): string {
  return `${thousands(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** As many digits as say something: 0.0123, 12.3, 1,230. */
export function significant(n: number): string {
  if (n === 0) return '0';
  return Math.abs(n) < 0.001
    ? n.toExponential(1)
    : Number(n.toPrecision(3)).toLocaleString('en-US');
}
