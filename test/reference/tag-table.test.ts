import { expect } from 'chai';
import fc from 'fast-check';
import IPCIDR from 'ip-cidr';
import { addressOf } from '../../pipeline/address.js';
import type { TagRow } from '../../reference/tag-table.js';
import { CompiledTagTable, TagTableBuilder } from '../../reference/tag-table.js';
import type { CasePrefix } from './prefix-cases.js';
import { addressAsText, anyPrefix, borders, prefixAsText } from './prefix-cases.js';
import { findWords, tableFileOf } from './table-of.js';

const versions = new Map([
  ['f1', 'v1'],
  ['f2', 'v2'],
]);

function row(category: string, feed: string, source = '', sinceMs = NaN): TagRow {
  return { category, feed, source, sinceMs };
}

function wordsOf(text: string): Uint32Array {
  const words = addressOf(text)?.words;
  if (words === undefined) throw new Error(`no address: ${text}`);
  return words;
}

function opened(builder: TagTableBuilder): CompiledTagTable {
  return new CompiledTagTable(tableFileOf('tags', builder.encode(versions)));
}

const tagged = fc.record({
  prefix: anyPrefix,
  category: fc.constantFrom('c2', 'shared', 'malware'),
  feed: fc.constantFrom('f1', 'f2'),
});

describe('tag table', () => {
  it('gives all entries that cover an address, as ip-cidr finds them', () => {
    fc.assert(
      fc.property(fc.array(tagged, { maxLength: 25 }), (rows) => {
        const builder = new TagTableBuilder();
        for (const { prefix, category, feed } of rows) {
          builder.addPrefix(prefix.family, prefix.words, prefix.length, row(category, feed));
        }
        const table = opened(builder);
        const check = ({ family }: CasePrefix, words: Uint32Array): void => {
          const address = addressAsText(family, words);
          const covering = rows.filter(
            ({ prefix }) =>
              prefix.family === family && new IPCIDR(prefixAsText(prefix)).contains(address),
          );
          const texts = covering.map(({ prefix, category, feed }) => {
            const text = prefixAsText(prefix).replace(family === 4 ? /\/32$/ : /\/128$/, '');
            return `${300 - prefix.length} ${category} ${feed} ${text}`;
          });
          const expected = [...new Set(texts)]
            .sort()
            .map((text) => text.slice(text.indexOf(' ') + 1));
          const set = findWords(table, family, words);
          const found = table.entries(set).map((e) => `${e.category} ${e.feed} ${e.entry}`);
          expect(found, address).to.deep.equal(expected);
          const mask = table.mask(covering.map(({ category }) => category));
          expect(table.categoriesOf(set)).to.equal(mask);
        };
        for (const { prefix } of rows) {
          for (const words of borders(prefix)) {
            if (prefix.family === 4 || words[0] !== 0 || words[1] !== 0) check(prefix, words);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is the same bytes whatever the order of its input', () => {
    fc.assert(
      fc.property(fc.array(tagged, { maxLength: 40 }), (rows) => {
        const encode = (ordered: typeof rows): Buffer => {
          const builder = new TagTableBuilder();
          for (const { prefix, category, feed } of ordered) {
            builder.addPrefix(prefix.family, prefix.words, prefix.length, row(category, feed));
            builder.addEndpoint(
              prefix.family,
              prefix.words,
              prefix.length + 1,
              row(category, feed),
            );
          }
          return Buffer.concat(builder.encode(versions));
        };
        expect(encode([...rows].reverse()).equals(encode(rows))).to.equal(true);
      }),
    );
  });

  it('says feed, version, source and since of an entry', () => {
    const builder = new TagTableBuilder();
    const since = Date.UTC(2026, 0, 2, 3, 4, 5);
    builder.addPrefix(4, wordsOf('203.0.113.7'), 32, row('c2', 'f1', 'emotet.txt', since));
    builder.addPrefix(4, wordsOf('203.0.113.0'), 24, row('shared', 'f2'));
    const table = opened(builder);
    expect(table.entries(table.find4(wordsOf('203.0.113.7')[0]))).to.deep.equal([
      {
        category: 'c2',
        feed: 'f1',
        feedVersion: 'v1',
        entry: '203.0.113.7',
        source: 'emotet.txt',
        since: '2026-01-02T03:04:05Z',
      },
      { category: 'shared', feed: 'f2', feedVersion: 'v2', entry: '203.0.113.0/24' },
    ]);
  });

  it('keeps one of equal entries, with its earliest date', () => {
    const builder = new TagTableBuilder();
    const words = wordsOf('203.0.113.7');
    for (const since of [NaN, Date.UTC(2026, 1, 1), Date.UTC(2026, 0, 1)]) {
      builder.addPrefix(4, words, 32, row('c2', 'f1', '', since));
    }
    const entries = opened(builder).entries(1);
    expect(entries.map((entry) => entry.since)).to.deep.equal(['2026-01-01T00:00:00Z']);
  });

  it('finds endpoints by port and not by address alone', () => {
    const builder = new TagTableBuilder();
    const v4 = wordsOf('203.0.113.7');
    const v6 = wordsOf('2001:db8::1');
    builder.addEndpoint(4, v4, 443, row('c2', 'f1'));
    builder.addEndpoint(6, v6, 443, row('c2', 'f1'));
    const table = opened(builder);
    expect(table.find4(v4[0])).to.equal(0);
    expect(table.findEndpoint4(v4[0], 80)).to.equal(0);
    const set4 = table.findEndpoint4(v4[0], 443);
    expect(table.entries(set4).map((e) => e.entry)).to.deep.equal(['203.0.113.7:443']);
    expect(table.categoriesOf(set4)).to.equal(table.mask(['c2']));
    const set6 = table.findEndpoint6(v6[0], v6[1], v6[2], v6[3], 443);
    expect(table.entries(set6).map((e) => e.entry)).to.deep.equal(['[2001:db8::1]:443']);
    expect(table.findEndpoint6(v6[0], v6[1], v6[2], v6[3], 444)).to.equal(0);
  });

  it('finds every one of many endpoints and none that is not there', () => {
    const builder = new TagTableBuilder();
    const count = 100_000;
    const words = new Uint32Array(4);
    for (let i = 0; i < count; i++) {
      words[0] = 0xcb000000 + i;
      builder.addEndpoint(4, words, 443, row('c2', 'f1'));
    }
    const table = opened(builder);
    let wrong = 0;
    for (let i = 0; i < count; i++) {
      if (table.findEndpoint4(0xcb000000 + i, 443) === 0) wrong++;
      if (table.findEndpoint4(0xcb000000 + i, 444) !== 0) wrong++;
      if (table.findEndpoint4(0xca000000 + i, 443) !== 0) wrong++;
    }
    expect(wrong).to.equal(0);
  });

  it('is empty where nothing was added', () => {
    const table = opened(new TagTableBuilder());
    expect(table.find4(0xcb007107)).to.equal(0);
    expect(table.find6(0x20010db8, 0, 0, 1)).to.equal(0);
    expect(table.findEndpoint4(0xcb007107, 443)).to.equal(0);
    expect(table.categoriesOf(0)).to.equal(0);
    expect(table.entries(0)).to.deep.equal([]);
    expect(table.mask(['c2'])).to.equal(0);
  });

  it('has at most 32 categories', () => {
    const builder = new TagTableBuilder();
    const words = wordsOf('203.0.113.7');
    for (let i = 0; i < 32; i++) builder.addPrefix(4, words, 32, row(`c${i}`, 'f1'));
    const table = opened(builder);
    expect(table.categoriesOf(1)).to.equal(0xffffffff);
    builder.addPrefix(4, words, 32, row('one-more', 'f1'));
    expect(() => builder.encode(versions)).to.throw(
      /^reference: 33 distinct categories, at most 32: "c0", .*"one-more"$/,
    );
  });
});
