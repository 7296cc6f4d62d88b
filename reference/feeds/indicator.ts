/** Addresses, prefixes, endpoints and ranges as feeds write them. */
import type { AddressWords } from '../../pipeline/address.js';
import { addressWords, parseAddress } from '../../pipeline/address.js';
import { maskWord } from '../prefix-list.js';
import type { FeedEntry } from './feed-reader.js';

const SLASH = 47;
const COLON = 58;
const MINUS = 45;
const OPEN = 91;
const CLOSE = 93;

const rangeEnd = addressWords();

/**
 * Parses `text[start..end)` into the entry's address, prefixLength, port, rangeLast and hostBits:
 * `a`, `a/len`, `a:port`, `[v6]`, `[v6]:port`, `a-b` (IPv4). Returns false if it is none of them.
 */
export function parseIndicator(
  text: Uint8Array,
  start: number,
  end: number,
  entry: FeedEntry,
): boolean {
  entry.port = 0;
  entry.rangeLast = -1;
  entry.hostBits = false;
  const { address } = entry;
  if (end - start < 2) return false;
  if (text[start] === OPEN) return parseBracketed(text, start, end, entry);
  let separator = -1;
  let colons = 0;
  for (let i = start; i < end; i++) {
    const c = text[i];
    if (c === COLON) colons++;
    if (c === SLASH || c === MINUS) {
      separator = i;
      break;
    }
  }
  if (separator >= 0 && text[separator] === SLASH) {
    if (!parseAddress(text, start, separator, address)) return false;
    const length = parseNumber(text, separator + 1, end, 3);
    return setPrefix(entry, length, colons > 0);
  }
  if (separator >= 0) {
    if (!parseAddress(text, start, separator, address) || address.family !== 4) return false;
    if (!parseAddress(text, separator + 1, end, rangeEnd) || rangeEnd.family !== 4) return false;
    entry.prefixLength = 32;
    entry.rangeLast = rangeEnd.words[0];
    return entry.rangeLast >= address.words[0];
  }
  let addressEnd = end;
  if (colons === 1) {
    addressEnd = text.indexOf(COLON, start);
    entry.port = parseNumber(text, addressEnd + 1, end, 5);
    if (entry.port < 1 || entry.port > 65535) return false;
  }
  if (!parseAddress(text, start, addressEnd, address)) return false;
  if (colons === 1 && address.family !== 4) return false;
  entry.prefixLength = address.family === 4 ? 32 : 128;
  return true;
}

function parseBracketed(text: Uint8Array, start: number, end: number, entry: FeedEntry): boolean {
  const close = text.indexOf(CLOSE, start);
  if (close < 0 || close >= end) return false;
  if (!parseAddress(text, start + 1, close, entry.address)) return false;
  entry.prefixLength = entry.address.family === 4 ? 32 : 128;
  if (close + 1 === end) return true;
  if (text[close + 1] !== COLON) return false;
  entry.port = parseNumber(text, close + 2, end, 5);
  return entry.port >= 1 && entry.port <= 65535;
}

/** Decimal digits as a number; -1 where there is anything else or too many. */
function parseNumber(text: Uint8Array, start: number, end: number, maxDigits: number): number {
  if (end <= start || end - start > maxDigits) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text[i] - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Clears the host bits. `asIPv6`: written as IPv6, so that the prefix of a mapped address counts from 96. */
function setPrefix(entry: FeedEntry, length: number, asIPv6: boolean): boolean {
  const { address } = entry;
  let bits = length;
  if (asIPv6 && address.family === 4) {
    if (length < 96) return false;
    bits -= 96;
  }
  if (bits < 0 || bits > (address.family === 4 ? 32 : 128)) return false;
  entry.prefixLength = bits;
  entry.hostBits = clearHostBits(address, bits);
  return true;
}

/** Returns whether there were any. */
function clearHostBits({ family, words }: AddressWords, length: number): boolean {
  let any = false;
  for (let w = 0; w < (family === 4 ? 1 : 4); w++) {
    const kept = (words[w] & maskWord(length, w)) >>> 0;
    any ||= kept !== words[w];
    words[w] = kept;
  }
  return any;
}

const HASH = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$/i;
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
/** A host name (a label may be in any script), with a port or a path perhaps. */
const DOMAIN =
  /^(?:\*?\.)?[a-z0-9_\x80-\xff-]+(?:\.[a-z0-9_\x80-\xff-]+)*\.[a-z\x80-\xff][a-z0-9\x80-\xff-]*\.?(?::\d+)?(?:[/?].*)?$/i;
/** An address with a path that is no prefix length, and a path alone. */
const PATH = /^(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?)?\/(?!\d*$)/;
const MAIL = /^[^@\s]+@[^@\s]+\.[a-z\x80-\xff]+$/i;

/** Whether what is no address is a domain, URL, hash or mail address: right in a mixed feed, of no use to us. `text` is latin1. */
export function isOtherIndicator(text: string): boolean {
  return (
    text.length <= 4096 &&
    (SCHEME.test(text) ||
      DOMAIN.test(text) ||
      PATH.test(text) ||
      HASH.test(text) ||
      MAIL.test(text))
  );
}
