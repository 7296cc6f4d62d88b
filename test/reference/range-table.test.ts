import { expect } from 'chai';
import fc from 'fast-check';
import IPCIDR from 'ip-cidr';
import { PrefixList, splitRange4 } from '../../reference/prefix-list.js';
import { compileRanges, parentGroups, RangeTable } from '../../reference/range-table.js';
import type { TableFile } from '../../reference/table-file.js';
import { encodeTable } from '../../reference/table-file.js';
import type { CasePrefix } from './prefix-cases.js';
import { addressAsText, anyPrefix, borders, prefixAsText } from './prefix-cases.js';
import { findWords, tableFileOf } from './table-of.js';

function compile(prefixes: readonly CasePrefix[]): { bytes: Buffer; table: RangeTable } {
  const list = new PrefixList();
  prefixes.forEach(({ family, words, length }, row) => {
    list.add(family, words, length, row);
  });
  const groups = list.group();
  // The value names the prefix, so the longest is told from all others.
  const values = Uint32Array.from({ length: groups.count }, (_, g) => g + 1);
  const pieces = encodeTable('test', {}, compileRanges(groups, values));
  return {
    bytes: Buffer.concat(pieces),
    table: new RangeTable(tableFileOf('test', pieces), groups.count + 1),
  };
}

/** Prefixes by value, as `compile` numbers them. */
function numbered(prefixes: readonly CasePrefix[]): (CasePrefix | undefined)[] {
  const distinct = new Map(prefixes.map((prefix) => [prefixAsText(prefix), prefix]));
  const sorted = [...distinct.values()].sort((a, b) => {
    if (a.family !== b.family) return a.family - b.family;
    for (let w = 0; w < 4; w++) {
      if (a.words[w] !== b.words[w]) return a.words[w] - b.words[w];
    }
    return a.length - b.length;
  });
  return [undefined, ...sorted];
}

/** Longest prefix that contains the address, by asking ip-cidr about every one. */
function slowFind(prefixes: readonly CasePrefix[], family: 4 | 6, words: Uint32Array): string {
  const address = addressAsText(family, words);
  let best: CasePrefix | undefined;
  for (const prefix of prefixes) {
    if (prefix.family !== family || prefix.length < (best?.length ?? 0)) continue;
    if (new IPCIDR(prefixAsText(prefix)).contains(address)) best = prefix;
  }
  return best === undefined ? 'none' : prefixAsText(best);
}

describe('range table', () => {
  it('answers as ip-cidr does, at all borders and at random addresses', () => {
    const probe = fc.array(fc.nat({ max: 0xffffffff }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(anyPrefix, { maxLength: 30 }), fc.array(probe), (prefixes, probes) => {
        const { table } = compile(prefixes);
        const byValue = numbered(prefixes);
        const check = (family: 4 | 6, words: Uint32Array): void => {
          const found = byValue[findWords(table, family, words)];
          const text = found === undefined ? 'none' : prefixAsText(found);
          expect(text, addressAsText(family, words)).to.equal(slowFind(prefixes, family, words));
        };
        for (const prefix of prefixes) {
          for (const words of borders(prefix)) {
            // ip-cidr has no mapped addresses apart from IPv4 ones.
            if (prefix.family === 4 || words[0] !== 0 || words[1] !== 0)
              check(prefix.family, words);
          }
        }
        for (const words of probes) {
          check(4, Uint32Array.from(words));
          check(6, Uint32Array.from(words));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is the same bytes whatever the order of its input', () => {
    fc.assert(
      fc.property(fc.array(anyPrefix, { maxLength: 60 }), fc.nat(), (prefixes, turn) => {
        const at = prefixes.length === 0 ? 0 : turn % prefixes.length;
        const turned = [...prefixes.slice(at), ...prefixes.slice(0, at)].reverse();
        expect(compile(turned).bytes.equals(compile(prefixes).bytes)).to.equal(true);
      }),
    );
  });

  it('is correct with more boundaries than its index has entries', () => {
    const list = new PrefixList();
    const words = new Uint32Array(4);
    const count = 300_000;
    for (let i = 0; i < count; i++) {
      words[0] = 0x0b000000 + 2 * i;
      list.add(4, words, 32, i);
      words.set([0x20010db8, 0, 0, 2 * i]);
      list.add(6, words, 128, i);
    }
    const groups = list.group();
    const values = Uint32Array.from({ length: groups.count }, (_, g) => g + 1);
    const file = tableFileOf('test', encodeTable('test', {}, compileRanges(groups, values)));
    const table = new RangeTable(file, groups.count + 1);
    let wrong = 0;
    for (let i = 0; i < count; i++) {
      if (table.find4(0x0b000000 + 2 * i) !== i + 1) wrong++;
      if (table.find4(0x0b000000 + 2 * i + 1) !== 0) wrong++;
      if (table.find6(0x20010db8, 0, 0, 2 * i) !== count + i + 1) wrong++;
      if (table.find6(0x20010db8, 0, 0, 2 * i + 1) !== 0) wrong++;
    }
    expect(wrong).to.equal(0);
  });

  it('accepts signed words', () => {
    const prefix = { family: 4, words: Uint32Array.of(0xcb007100, 0, 0, 0), length: 24 } as const;
    expect(compile([prefix]).table.find4(0xcb007107 | 0)).to.equal(1);
  });

  it('finds the prefix around each prefix', () => {
    const list = new PrefixList();
    const add = (word: number, length: number): void => {
      list.add(4, Uint32Array.of(word, 0, 0, 0), length, 0);
    };
    add(0xc0000200, 24);
    add(0xc0000000, 8);
    add(0xc0000280, 25);
    add(0xc1000000, 8);
    expect([...parentGroups(list.group())]).to.deep.equal([0, 1, 2, 0]);
  });

  it('splits ranges into prefixes', () => {
    const split = (first: number, last: number): string[] => {
      const found: string[] = [];
      splitRange4(first, last, (start, length) => found.push(`${start.toString(16)}/${length}`));
      return found;
    };
    expect(split(0xc0000201, 0xc0000204)).to.deep.equal([
      'c0000201/32',
      'c0000202/31',
      'c0000204/32',
    ]);
    expect(split(0, 0xffffffff)).to.deep.equal(['0/0']);
    expect(split(0xffffffff, 0xffffffff)).to.deep.equal(['ffffffff/32']);
  });

  it('refuses sections a look-up could leave', () => {
    const sections = {
      starts4: Uint32Array.of(0),
      values4: Uint32Array.of(0),
      index4: new Uint32Array(17),
      starts6: Uint32Array.of(0, 0, 0, 0),
      values6: Uint32Array.of(0),
      index6: new Uint32Array(17),
    };
    const open = (changed: Partial<typeof sections>): (() => RangeTable) => {
      const file = (): TableFile =>
        tableFileOf('test', encodeTable('test', {}, { ...sections, ...changed }));
      return () => new RangeTable(file(), 2);
    };
    expect(open({})).not.to.throw();
    const bad = [
      [{ values4: Uint32Array.of(2) }, 'holds 2, limit is 2'],
      [{ index4: new Uint32Array(17).fill(1) }, 'holds 1, limit is 1'],
      [{ index6: new Uint32Array(16) }, 'index of IPv6 has 16 entries'],
      [{ starts6: Uint32Array.of(0) }, '0.25 boundaries of IPv6 and 1 values'],
      [{ starts4: new Uint32Array(0) }, '0 boundaries of IPv4 and 1 values'],
    ] as const;
    for (const [changed, message] of bad) expect(open(changed)).to.throw(message);
  });
});
