import IPCIDR from 'ip-cidr';
import { addressOf, formatAddressAt } from '../pipeline/address.js';

/**
 * Remotes as people write them in policies and suppressions: an address, a prefix, or an address
 * and port. Plain JSON, because it travels in the graph.
 */
export interface RemoteScope {
  /** Normalised: `203.0.113.7`, `203.0.113.0/24`, `203.0.113.7:443`, `[2001:db8::1]:443`. */
  readonly text: string;
  readonly family: 4 | 6;
  /** Words of the first and last address: one (IPv4) or four. */
  readonly first: readonly number[];
  readonly last: readonly number[];
  /** Bits of the prefix; 32 or 128 for an address. */
  readonly bits: number;
  readonly port?: number;
}

/** How a remote may be written, for messages. */
export const REMOTE_FORMS = 'an address, a CIDR prefix or address:port';

/**
 * Parses `203.0.113.7`, `203.0.113.0/24`, `203.0.113.7:443`, `2001:db8::1`, `2001:db8::/32` or
 * `[2001:db8::1]:443`; undefined if it is none. Host bits of a prefix are cleared.
 */
export function parseRemoteScope(text: string): RemoteScope | undefined {
  if (text.length > 64) return undefined;
  if (text.includes('/')) return parsePrefix(text);
  const endpoint = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (endpoint === null) return addressScope(text);
  const bracketed = endpoint[1] as string | undefined;
  const host = addressScope(bracketed ?? endpoint[2]);
  const port = Number(endpoint[3]);
  if (host === undefined || port < 1 || port > 65535) return undefined;
  if (bracketed !== undefined && !bracketed.includes(':')) return undefined;
  const name = host.family === 4 ? host.text : `[${host.text}]`;
  return { ...host, text: `${name}:${port}`, port };
}

/** Whether the address in row `row` of an address column lies in the scope; says nothing of ports. Allocates nothing. */
export function scopeCovers(
  scope: RemoteScope,
  family: 4 | 6,
  column: Uint32Array,
  row: number,
): boolean {
  if (scope.family !== family) return false;
  const { first, last } = scope;
  if (family === 4) return column[row] >= first[0] && column[row] <= last[0];
  const at = row * 4;
  // A prefix is the same range in each word, so words compare on their own.
  for (let w = 0; w < 4; w++) {
    if (column[at + w] < first[w] || column[at + w] > last[w]) return false;
  }
  return true;
}

function addressScope(text: string): RemoteScope | undefined {
  const address = addressOf(text);
  if (address === undefined) return undefined;
  const { family } = address;
  const words = [...address.words.subarray(0, family === 4 ? 1 : 4)];
  return {
    text: formatAddressAt(family, address.words, 0),
    family,
    first: words,
    last: words,
    bits: family === 4 ? 32 : 128,
  };
}

function parsePrefix(text: string): RemoteScope | undefined {
  const parts = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const host = parts === null ? undefined : addressScope(parts[1]);
  if (parts === null || host === undefined) return undefined;
  // ip-cidr reads ::ffff:203.0.113.0/120 as one address: an IPv4-mapped prefix is the IPv4 one.
  const mapped = host.family === 4 && parts[1].includes(':');
  const bits = Number(parts[2]) - (mapped ? 96 : 0);
  const prefix = `${host.text}/${bits}`;
  if (bits < 0 || !IPCIDR.isValidCIDR(prefix)) return undefined;
  const cidr = new IPCIDR(prefix);
  const first = addressScope(cidr.start<string>());
  const last = addressScope(cidr.end<string>());
  // A short IPv6 prefix such as ::/0 has IPv4-mapped addresses inside, never at both of its ends.
  if (first?.family !== host.family || last?.family !== host.family) return undefined;
  const full = bits === (host.family === 4 ? 32 : 128);
  return {
    text: full ? first.text : `${first.text}/${bits}`,
    family: host.family,
    first: first.first,
    last: last.first,
    bits,
  };
}
