/**
 * Customers by address. Nested prefixes: the longest owns. Equal prefixes of several customers are
 * contested, unless exactly one of them declared the prefix exclusively its own.
 */
import { TextBuilder, U32Builder } from './column-builder.js';
import { PrefixList } from './prefix-list.js';
import { compileRanges, RangeTable } from './range-table.js';
import type { CustomerTable } from './reference.js';
import type { TableFile } from './table-file.js';
import { encodeTable } from './table-file.js';

export class CustomerTableBuilder {
  readonly #prefixes = new PrefixList();
  readonly #names = new TextBuilder();
  readonly #customer = new U32Builder();
  readonly #exclusive = new U32Builder();

  /** Prefixes so far. */
  get size(): number {
    return this.#prefixes.size;
  }

  addPrefix(
    family: 4 | 6,
    words: Uint32Array,
    length: number,
    customer: string,
    exclusive: boolean,
  ): void {
    this.#prefixes.add(family, words, length, this.#customer.length);
    this.#customer.push(this.#names.id(customer));
    this.#exclusive.push(Number(exclusive));
  }

  encode(): Uint8Array[] {
    const { texts, place } = this.#names.sorted();
    const customer = this.#customer.view();
    const exclusive = this.#exclusive.view();
    const groups = this.#prefixes.group();
    const claims = new TextBuilder();
    const values = new Uint32Array(groups.count);
    for (let g = 0; g < groups.count; g++) {
      const owners = new Set<number>();
      const exclusives = new Set<number>();
      for (const row of groups.rows.subarray(groups.rowOffsets[g], groups.rowOffsets[g + 1])) {
        owners.add(place[customer[row]]);
        if (exclusive[row] === 1) exclusives.add(place[customer[row]]);
      }
      const sole = exclusives.size === 1;
      const claimants = [...(sole ? exclusives : owners)].sort((a, b) => a - b);
      values[g] = claims.id(JSON.stringify([claimants, sole]));
    }
    const sorted = claims.sorted();
    for (let g = 0; g < groups.count; g++) values[g] = sorted.place[values[g]] + 1;

    const offsets = new U32Builder();
    const claimants = new U32Builder();
    const flags: number[] = [0];
    // Claim 0 = none.
    offsets.push(0);
    for (const text of sorted.texts) {
      const [members, sole] = JSON.parse(text) as [number[], boolean];
      offsets.push(claimants.length);
      for (const member of members) claimants.push(member);
      flags.push(Number(sole));
    }
    offsets.push(claimants.length);
    return encodeTable(
      'customers',
      { customers: texts },
      {
        ...compileRanges(groups, values),
        claimOffsets: offsets.view(),
        claimants: claimants.view(),
        exclusive: Uint8Array.from(flags),
      },
    );
  }
}

/** An opened customer table. */
export class CompiledCustomerTable implements CustomerTable {
  readonly customers: readonly string[];
  readonly #ranges: RangeTable;
  readonly #claims: readonly (readonly number[])[];
  readonly #exclusive: Uint8Array;

  /** Throws CorruptTableError. */
  constructor(file: TableFile) {
    this.customers = file.texts('customers');
    const offsets = file.u32('claimOffsets');
    const claimants = file.u32('claimants');
    this.#exclusive = file.u8('exclusive');
    file.check(
      offsets.length === this.#exclusive.length + 1,
      `${offsets.length} claim offsets of ${this.#exclusive.length} claims`,
    );
    file.checkBelow('claimants', claimants, this.customers.length);
    file.checkBelow('claimOffsets', offsets, claimants.length + 1);
    const claims: number[][] = [];
    for (let claim = 0; claim + 1 < offsets.length; claim++) {
      claims.push([...claimants.subarray(offsets[claim], offsets[claim + 1])]);
    }
    this.#claims = claims;
    this.#ranges = new RangeTable(file, this.#exclusive.length);
  }

  find4(word: number): number {
    return this.#ranges.find4(word);
  }

  find6(w0: number, w1: number, w2: number, w3: number): number {
    return this.#ranges.find6(w0, w1, w2, w3);
  }

  claimants(claim: number): readonly number[] {
    return this.#claims[claim];
  }

  exclusive(claim: number): boolean {
    return this.#exclusive[claim] === 1;
  }
}
