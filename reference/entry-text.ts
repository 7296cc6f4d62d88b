/** How entries of the reference are written in evidence: one normal form whatever the feed wrote. */
import { formatAddress4, formatAddress6 } from '../pipeline/address.js';

function addressText(family: 4 | 6, words: Uint32Array, at: number): string {
  return family === 4
    ? formatAddress4(words[at])
    : formatAddress6(words[at], words[at + 1], words[at + 2], words[at + 3]);
}

/** `203.0.113.0/24`; a /32 or /128 is an address. */
export function prefixText(family: 4 | 6, words: Uint32Array, at: number, length: number): string {
  const address = addressText(family, words, at);
  return length === (family === 4 ? 32 : 128) ? address : `${address}/${length}`;
}

/** `203.0.113.7:443`, `[2001:db8::1]:443`. */
export function endpointText(family: 4 | 6, words: Uint32Array, at: number, port: number): string {
  const address = addressText(family, words, at);
  return family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
}

/** `2026-01-01T00:00:00Z` of ms since 1970; milliseconds only where there are any. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
