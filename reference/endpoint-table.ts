/**
 * address, port (and protocol) -> an id: open addressing in one typed array a family.
 *
 * A slot of IPv4 is 3 words (address, key, id), of IPv6 6 (address, key, id); id 0 = empty. The key
 * is port | protocol << 16. The seed is derived from the content, so the same content gives the same
 * bytes while whoever writes one feed cannot aim at one chain; a seed whose longest chain is above
 * MAX_PROBE is followed by the next, and then by a table of twice the size.
 */
import { createHash } from 'node:crypto';
import type { EndpointGroups } from './endpoint-list.js';
import type { Sections, TableFile } from './table-file.js';

/** Slots looked at before an absent key is given up; at half load 30 is rare with 1 M keys. */
const MAX_PROBE = 64;
const SEEDS_PER_SIZE = 8;
const SLOT4 = 3;
const SLOT6 = 6;
const MIN_SLOTS = 4;
/** 2^26 slots hold 33 M endpoints. */
const MAX_SLOTS = 2 ** 26;

export function endpointKey(port: number, protocol: number): number {
  return (port & 0xffff) | (protocol << 16);
}

/** Mixes as murmur3's finaliser does. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hash4(seed: number, word: number, key: number): number {
  return mix(Math.imul(mix(word ^ seed), 0x9e3779b1) ^ key);
}

function hash6(seed: number, w0: number, w1: number, w2: number, w3: number, key: number): number {
  let h = mix(w0 ^ seed);
  h = mix(Math.imul(h, 0x9e3779b1) ^ w1);
  h = mix(Math.imul(h, 0x9e3779b1) ^ w2);
  h = mix(Math.imul(h, 0x9e3779b1) ^ w3);
  return mix(Math.imul(h, 0x9e3779b1) ^ key);
}

interface Endpoints {
  readonly family: 4 | 6;
  /** One word an endpoint of IPv4, four of IPv6. */
  readonly words: Uint32Array;
  readonly keys: Uint32Array;
  readonly firstId: number;
}

export interface CompiledEndpoints {
  readonly sections: Sections;
  /** Seed and longest chain by family. */
  readonly meta: Readonly<Record<string, number>>;
}

/** The table in which group g has the id `firstId + g`. */
export function compileEndpoints(groups: EndpointGroups, firstId: number): CompiledEndpoints {
  const { count4, words4, words6, keys } = groups;
  const v4 = compileFamily({ family: 4, words: words4, keys: keys.subarray(0, count4), firstId });
  const v6 = compileFamily({
    family: 6,
    words: words6,
    keys: keys.subarray(count4),
    firstId: firstId + count4,
  });
  return { sections: { ...v4.sections, ...v6.sections }, meta: { ...v4.meta, ...v6.meta } };
}

function compileFamily(endpoints: Endpoints): CompiledEndpoints {
  const { family, words, keys } = endpoints;
  const base = createHash('sha256')
    .update(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))
    .update(new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength))
    .digest()
    .readUInt32LE(0);
  let size = MIN_SLOTS;
  while (size < keys.length * 2) size *= 2;
  for (; size <= MAX_SLOTS; size *= 2) {
    for (let attempt = 0; attempt < SEEDS_PER_SIZE; attempt++) {
      const seed = (base + attempt) >>> 0;
      const filled = fill(endpoints, size, seed);
      if (filled === undefined) continue;
      return {
        sections: { [`slots${family}`]: filled.slots },
        meta: { [`seed${family}`]: seed, [`probe${family}`]: filled.probe },
      };
    }
  }
  throw new RangeError(`${keys.length} endpoints do not fit in ${MAX_SLOTS} slots`);
}

function fill(
  { family, words, keys, firstId }: Endpoints,
  size: number,
  seed: number,
): { readonly slots: Uint32Array; readonly probe: number } | undefined {
  const width = family === 4 ? 1 : 4;
  const slotWidth = width + 2;
  const slots = new Uint32Array(size * slotWidth);
  let longest = 0;
  for (let i = 0; i < keys.length; i++) {
    const at = i * width;
    const hash =
      family === 4
        ? hash4(seed, words[at], keys[i])
        : hash6(seed, words[at], words[at + 1], words[at + 2], words[at + 3], keys[i]);
    let slot = hash & (size - 1);
    let probe = 1;
    while (slots[slot * slotWidth + width + 1] !== 0) {
      slot = (slot + 1) & (size - 1);
      if (++probe > MAX_PROBE) return undefined;
    }
    for (let w = 0; w < width; w++) slots[slot * slotWidth + w] = words[at + w];
    slots[slot * slotWidth + width] = keys[i];
    slots[slot * slotWidth + width + 1] = firstId + i;
    longest = Math.max(longest, probe);
  }
  return { slots, probe: longest };
}

/** An opened endpoint table of both families. */
export class EndpointTable {
  readonly #slots4: Uint32Array;
  readonly #mask4: number;
  readonly #seed4: number;
  readonly #probe4: number;
  readonly #slots6: Uint32Array;
  readonly #mask6: number;
  readonly #seed6: number;
  readonly #probe6: number;

  /** Throws CorruptTableError where sizes do not fit or an id is not below `limit`. */
  constructor(file: TableFile, limit: number) {
    this.#slots4 = file.u32('slots4');
    this.#slots6 = file.u32('slots6');
    this.#mask4 = this.#slots4.length / SLOT4 - 1;
    this.#mask6 = this.#slots6.length / SLOT6 - 1;
    this.#seed4 = file.number('seed4');
    this.#seed6 = file.number('seed6');
    // However the file came about, a search ends.
    this.#probe4 = Math.min(file.number('probe4'), MAX_PROBE);
    this.#probe6 = Math.min(file.number('probe6'), MAX_PROBE);
    for (const mask of [this.#mask4, this.#mask6]) {
      file.check(
        Number.isInteger(Math.log2(mask + 1)) && mask >= 0,
        `${mask + 1} endpoint slots, expected a power of two`,
      );
    }
    checkIds(file, this.#slots4, SLOT4, limit);
    checkIds(file, this.#slots6, SLOT6, limit);
  }

  find4(word: number, key: number): number {
    const address = word >>> 0;
    const slots = this.#slots4;
    let slot = hash4(this.#seed4, address, key) & this.#mask4;
    for (let left = this.#probe4; left > 0; left--) {
      const at = slot * SLOT4;
      const id = slots[at + 2];
      if (id === 0) return 0;
      if (slots[at] === address && slots[at + 1] === key) return id;
      slot = (slot + 1) & this.#mask4;
    }
    return 0;
  }

  find6(w0: number, w1: number, w2: number, w3: number, key: number): number {
    const slots = this.#slots6;
    let slot = hash6(this.#seed6, w0 >>> 0, w1 >>> 0, w2 >>> 0, w3 >>> 0, key) & this.#mask6;
    for (let left = this.#probe6; left > 0; left--) {
      const at = slot * SLOT6;
      const id = slots[at + 5];
      if (id === 0) return 0;
      if (
        slots[at] === w0 >>> 0 &&
        slots[at + 1] === w1 >>> 0 &&
        slots[at + 2] === w2 >>> 0 &&
        slots[at + 3] === w3 >>> 0 &&
        slots[at + 4] === key
      ) {
        return id;
      }
      slot = (slot + 1) & this.#mask6;
    }
    return 0;
  }
}

function checkIds(file: TableFile, slots: Uint32Array, width: number, limit: number): void {
  for (let at = width - 1; at < slots.length; at += width) {
    if (slots[at] >= limit) file.check(false, `endpoint id ${slots[at]}, limit is ${limit}`);
  }
}
