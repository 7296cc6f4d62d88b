/**
 * IP addresses as 32-bit words: one for IPv4, four for IPv6, most significant first. IPv4-mapped
 * IPv6 addresses (::ffff:0:0/96) are IPv4 addresses.
 */

/** Words of a parsed address; `words[0]` alone counts for IPv4. */
export interface AddressWords {
  family: 4 | 6;
  readonly words: Uint32Array;
}

export function addressWords(): AddressWords {
  return { family: 4, words: new Uint32Array(4) };
}

/**
 * Parses the address in `text[start..end)` (ASCII bytes) into `into`.
 * Strict as inet_pton: no leading zeros in IPv4 (octal to some, decimal to others), no zone, no
 * spaces. Returns false if it is none; `into` then holds nothing of use.
 */
export function parseAddress(
  text: Uint8Array,
  start: number,
  end: number,
  into: AddressWords,
): boolean {
  return scanAddress4(text, start, end, into) === end || parseAddress6(text, start, end, into);
}

/**
 * Reads the IPv4 address that begins at `start` into `into`. Returns the place behind it, `end` at
 * most, or -1 if there is none; whether what follows may follow is for the caller to say.
 */
export function scanAddress4(
  text: Uint8Array,
  start: number,
  end: number,
  into: AddressWords,
): number {
  let word = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  let i = start;
  for (; i < end; i++) {
    const digit = text[i] - 48;
    if (digit >= 0 && digit <= 9) {
      if (digits > 0 && octet === 0) return -1;
      octet = octet * 10 + digit;
      if (octet > 255) return -1;
      digits++;
    } else if (digit === -2) {
      if (digits === 0 || dots === 3) return -1;
      dots++;
      word = (word << 8) | octet;
      octet = 0;
      digits = 0;
    } else {
      break;
    }
  }
  if (dots !== 3 || digits === 0) return -1;
  into.family = 4;
  into.words[0] = ((word << 8) | octet) >>> 0;
  return i;
}

const groups = new Uint16Array(8);

function parseAddress6(text: Uint8Array, start: number, end: number, into: AddressWords): boolean {
  let count = 0;
  let gap = -1;
  let value = 0;
  let digits = 0;
  let groupStart = start;
  let i = start;
  if (end - start < 2 || end - start > 45) return false;
  if (text[i] === 58) {
    if (text[i + 1] !== 58) return false;
    gap = 0;
    i += 2;
    groupStart = i;
  }
  for (; i < end; i++) {
    const c = text[i];
    const digit = hexDigit(c);
    if (digit >= 0) {
      value = (value << 4) | digit;
      if (++digits > 4) return false;
    } else if (c === 58) {
      if (digits === 0 || count >= 8) return false;
      groups[count++] = value;
      value = 0;
      digits = 0;
      if (i + 1 < end && text[i + 1] === 58) {
        if (gap >= 0) return false;
        gap = count;
        i++;
      } else if (i + 1 === end) {
        return false;
      }
      groupStart = i + 1;
    } else if (c === 46) {
      // A dotted quad may only close the address, in the place of its last two groups.
      if ((count === 0 && gap < 0) || count > 6) return false;
      if (scanAddress4(text, groupStart, end, into) !== end) return false;
      const v4 = into.words[0];
      groups[count++] = v4 >>> 16;
      groups[count++] = v4 & 0xffff;
      digits = 0;
      break;
    } else {
      return false;
    }
  }
  if (digits > 0) {
    if (count >= 8) return false;
    groups[count++] = value;
  }
  if (gap < 0 ? count !== 8 : count > 7) return false;
  if (gap >= 0) {
    const moved = count - gap;
    for (let g = 1; g <= moved; g++) {
      groups[8 - g] = groups[count - g];
    }
    for (let g = gap; g < 8 - moved; g++) groups[g] = 0;
  }
  const { words } = into;
  for (let w = 0; w < 4; w++) {
    words[w] = ((groups[2 * w] << 16) | groups[2 * w + 1]) >>> 0;
  }
  into.family = 6;
  unmap(into);
  return true;
}

/** Turns an IPv4-mapped IPv6 address into the IPv4 address it stands for. */
export function unmap(address: AddressWords): void {
  const { words } = address;
  if (address.family === 6 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff) {
    address.family = 4;
    words[0] = words[3];
  }
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Parses an address in a string; undefined if it is none. For configuration and feeds, not for flows. */
export function addressOf(text: string): AddressWords | undefined {
  const bytes = Buffer.from(text, 'latin1');
  const address = addressWords();
  return parseAddress(bytes, 0, bytes.length, address) ? address : undefined;
}

/** Dotted IPv4 text. */
export function formatAddress4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** IPv6 text as RFC 5952 wants it. */
export function formatAddress6(w0: number, w1: number, w2: number, w3: number): string {
  const parts = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && parts[i + length] === 0) length++;
    if (length > bestLength) {
      best = i;
      bestLength = length;
    }
  }
  const hex = parts.map((part) => part.toString(16));
  if (best < 0) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`;
}

/** Text of row `row` of an address column. */
export function formatAddressAt(family: 4 | 6, column: Uint32Array, row: number): string {
  if (family === 4) return formatAddress4(column[row]);
  const at = row * 4;
  return formatAddress6(column[at], column[at + 1], column[at + 2], column[at + 3]);
}
