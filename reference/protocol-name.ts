/** IANA protocol numbers by the names that inventories use. */

const NAMES: readonly (readonly [name: string, number: number])[] = [
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
  ['gre', 47],
  ['icmp6', 58],
  ['ipv6-icmp', 58],
  ['sctp', 132],
];
const byName = new Map(NAMES);

/** IANA number of a name or a number; undefined if it is neither. */
export function protocolOf(text: string): number | undefined {
  const known = byName.get(text.toLowerCase());
  if (known !== undefined) return known;
  if (!/^\d{1,3}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= 255 ? number : undefined;
}

/** `tcp`; a number without a name is written as it is. */
export function protocolText(protocol: number): string {
  return NAMES.find(([, number]) => number === protocol)?.[0] ?? String(protocol);
}
