import { randomBytes } from 'node:crypto';

/**
 * A set of 64-bit fingerprints: open addressing over typed arrays. It tells redelivered records
 * from new ones without keeping them: 8 bytes a record in a table at most 3/4 full.
 */
export class Fingerprints {
  /** Pairs of high and low half. */
  #pairs: Uint32Array;
  #mask: number;
  #size = 0;

  /** `capacity` is a power of two. */
  constructor(capacity = 32) {
    this.#pairs = new Uint32Array(capacity * 2);
    this.#mask = capacity - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a fingerprint; false if it was there. Two zeros stand for an empty slot and are taken for 0, 1. */
  add(high: number, low: number): boolean {
    const lowHalf = (high | low) === 0 ? 1 : low >>> 0;
    const highHalf = high >>> 0;
    const pairs = this.#pairs;
    const mask = this.#mask;
    let at = lowHalf & mask;
    while ((pairs[2 * at] | pairs[2 * at + 1]) !== 0) {
      if (pairs[2 * at] === highHalf && pairs[2 * at + 1] === lowHalf) return false;
      at = (at + 1) & mask;
    }
    pairs[2 * at] = highHalf;
    pairs[2 * at + 1] = lowHalf;
    if (++this.#size * 8 > pairs.length * 3) this.#grow();
    return true;
  }

  #grow(): void {
    const from = this.#pairs;
    const pairs = new Uint32Array(from.length * 2);
    const mask = pairs.length / 2 - 1;
    for (let i = 0; i < from.length; i += 2) {
      if ((from[i] | from[i + 1]) === 0) continue;
      let at = from[i + 1] & mask;
      while ((pairs[2 * at] | pairs[2 * at + 1]) !== 0) at = (at + 1) & mask;
      pairs[2 * at] = from[i];
      pairs[2 * at + 1] = from[i + 1];
    }
    this.#pairs = pairs;
    this.#mask = mask;
  }
}

/**
 * Seeds of this process's tables. Nobody outside knows them, so nobody can send records that
 * collide; nothing that leaves a table depends on them.
 */
export const TABLE_SEED = randomBytes(4).readUInt32LE();
export const SECOND_SEED = randomBytes(4).readUInt32LE();
