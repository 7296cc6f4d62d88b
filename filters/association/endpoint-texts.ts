import { formatAddressAt } from '../../pipeline/address.js';

/** A power of two; 24 bytes and two references each. */
const SLOTS = 8192;
const WORDS = 5;

/** Makes the text of an address, a number and a name that belong to it. */
export type EndpointText = (address: string, number: number, name: string) => string;

/**
 * Remembers texts of addresses, for who makes one a row: a look-up costs a tenth of the text, and
 * nothing is allocated. Bounded: an endpoint takes the place of another with the same hash.
 */
export class EndpointTexts {
  readonly #make: EndpointText;
  readonly #words = new Uint32Array(SLOTS * WORDS);
  readonly #names: string[] = Array.from({ length: SLOTS }, () => '');
  readonly #texts: (string | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  constructor(make: EndpointText) {
    this.#make = make;
  }

  /** Text of the address in row `row` of an address column, with a 32-bit number and a name. */
  of(family: 4 | 6, column: Uint32Array, row: number, number: number, name = ''): string {
    const at = row * 4;
    // IPv4 as the IPv4-mapped address, which no IPv6 column holds.
    const w0 = family === 4 ? 0 : column[at];
    const w1 = family === 4 ? 0 : column[at + 1];
    const w2 = family === 4 ? 0xffff : column[at + 2];
    const w3 = family === 4 ? column[row] : column[at + 3];
    const slot = slotOf(w0, w1, w2, w3, number);
    const words = this.#words;
    const base = slot * WORDS;
    const known = this.#texts[slot];
    if (
      known !== undefined &&
      words[base] === w0 &&
      words[base + 1] === w1 &&
      words[base + 2] === w2 &&
      words[base + 3] === w3 &&
      words[base + 4] === number &&
      this.#names[slot] === name
    ) {
      return known;
    }
    words[base] = w0;
    words[base + 1] = w1;
    words[base + 2] = w2;
    words[base + 3] = w3;
    words[base + 4] = number;
    this.#names[slot] = name;
    const text = this.#make(formatAddressAt(family, column, row), number, name);
    this.#texts[slot] = text;
    return text;
  }
}

function slotOf(w0: number, w1: number, w2: number, w3: number, number: number): number {
  let h = Math.imul(w0 ^ 0x9e3779b1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ w1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15) ^ w2, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ w3, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15) ^ number, 0x85ebca6b);
  return (h ^ (h >>> 16)) & (SLOTS - 1);
}
