/**
 * A stratum as one whole number below 2^51: its kind times 2^48, and what is of that kind.
 *
 *     country, category   number of the text in a list of the holder's
 *     service             port * 256 + IANA protocol number
 *     network of IPv4     the upper 24 bits
 *     network of IPv6     the upper 48 bits
 *
 * Numbers sort by kind, and within a kind by port, by address, or as the texts are numbered.
 */
import { formatAddress4, formatAddress6 } from '../pipeline/address.js';
import { protocolName } from '../pipeline/protocols.js';
import type { Stratum, StratumKind } from './history.js';

const KIND = 2 ** 48;
const COUNTRY = 1;
const SERVICE = 2;
const CATEGORY = 3;
const NETWORK4 = 4;
const NETWORK6 = 5;
const LAST_KIND = NETWORK6;

const KINDS: readonly StratumKind[] = ['country', 'service', 'category', 'network', 'network'];

/** Numbers of each kind from 0 up to these; texts are checked against their list. */
const LIMITS: readonly number[] = [0, 2 ** 24, 0, 2 ** 24, 2 ** 48];

export function countryKey(text: number): number {
  return COUNTRY * KIND + text;
}

export function categoryKey(text: number): number {
  return CATEGORY * KIND + text;
}

export function serviceKey(port: number, protocol: number): number {
  return SERVICE * KIND + port * 256 + protocol;
}

/** /24 of an IPv4 address. */
export function networkKey4(word: number): number {
  return NETWORK4 * KIND + (word >>> 8);
}

/** /48 of an IPv6 address. */
export function networkKey6(w0: number, w1: number): number {
  return NETWORK6 * KIND + w0 * 65_536 + (w1 >>> 16);
}

/** Whether a number from anywhere is a stratum where there are `texts` texts. */
export function isStratumKey(key: number, texts: number): boolean {
  const kind = Math.floor(key / KIND);
  if (!Number.isSafeInteger(key) || kind < COUNTRY || kind > LAST_KIND) return false;
  const limit = kind === COUNTRY || kind === CATEGORY ? texts : LIMITS[kind - 1];
  return key % KIND < limit;
}

export function kindOf(key: number): StratumKind {
  return KINDS[Math.floor(key / KIND) - 1];
}

/** The key under other numbers of the texts: `texts[old]` is the new one. */
export function renumbered(key: number, texts: ArrayLike<number>): number {
  const kind = Math.floor(key / KIND);
  if (kind !== COUNTRY && kind !== CATEGORY) return key;
  return kind * KIND + texts[key % KIND];
}

/** The stratum that a key stands for. */
export function stratumOf(key: number, texts: readonly string[]): Stratum {
  const kind = kindOf(key);
  return { kind, value: valueOf(Math.floor(key / KIND), key % KIND, texts) };
}

function valueOf(kind: number, rest: number, texts: readonly string[]): string {
  switch (kind) {
    case SERVICE:
      return `${Math.floor(rest / 256)}/${protocolName(rest % 256)}`;
    case NETWORK4:
      return `${formatAddress4(rest * 256)}/24`;
    case NETWORK6:
      return `${formatAddress6(Math.floor(rest / 65_536), (rest % 65_536) * 65_536, 0, 0)}/48`;
    default:
      return texts[rest];
  }
}
