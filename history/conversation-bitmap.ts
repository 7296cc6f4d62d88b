/**
 * How many different conversations there were, in 32 bytes whatever their number: each sets the bit
 * that its hash names, and the bits that stay clear tell the number. A conversation that shows in a
 * hundred windows sets one bit; bitmaps unite by OR, in any order.
 *
 * Of n conversations the standard error is 5 % at n = 100 to 400 and 10 % at the limit, 887. With
 * fewer than 8 clear bits nothing is said: more and more conversations look the same.
 *
 * Ends are all that a flow has: a client that takes the same port twice for the same server is one
 * conversation, and so are all queries of a day between two hosts on fixed ports (NTP).
 * Source: Whang, Vander-Zanden and Taylor, "A linear-time probabilistic counting algorithm for
 * database applications", 1990.
 */
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import { finishHash, mixWord } from './murmur.js';

const BITS = 256;

/** 32-bit words of a bitmap. */
export const BITMAP_WORDS = BITS / 32;

/** With more bits set the number is not told. */
export const MOST_BITS = BITS - 8;

/** Fixed: bits are written to disk. */
const SEED = 0x5bd1e995;

/** By bits set; NaN = not known. */
const ESTIMATES = Float64Array.from({ length: BITS + 1 }, (_, bits) =>
  bits === 0 || bits > MOST_BITS ? NaN : Math.round(-BITS * Math.log1p(-bits / BITS)),
);

/** The bit, 0 to 255, of the conversation in a row, whichever its window. Allocates nothing. */
export function conversationBit({ family, columns }: ConversationBatch, row: number): number {
  const { customerAddr, remoteAddr, customerPort, remotePort, protocol } = columns;
  const words = family === 4 ? 1 : 4;
  const at = row * words;
  let hash = SEED;
  for (let word = 0; word < words; word++) {
    hash = mixWord(mixWord(hash, customerAddr[at + word]), remoteAddr[at + word]);
  }
  hash = mixWord(hash, (customerPort[row] << 16) | remotePort[row]);
  hash = mixWord(hash, protocol[row]);
  return finishHash(hash, words * 8 + 8) >>> 24;
}

/** Bits that are set in the bitmap at index `at` of `words`. */
export function bitsSet(words: Uint32Array, at: number): number {
  let bits = 0;
  for (let word = at; word < at + BITMAP_WORDS; word++) bits += ones(words[word]);
  return bits;
}

/** The estimated number of conversations, whole; NaN where so many bits say nothing. */
export function conversationsOf(bits: number): number {
  return ESTIMATES[bits];
}

/** Set bits of a word, summed up in parallel. Source: Warren, Hacker's Delight, 2002, section 5-1. */
function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
