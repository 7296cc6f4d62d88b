import { expect } from 'chai';
import fc from 'fast-check';
import type { ServiceRow } from '../../reference/service-table.js';
import { CompiledServiceTable, ServiceTableBuilder } from '../../reference/service-table.js';
import { CorruptTableError } from '../../reference/table-file.js';
import { tableFileOf } from './table-of.js';

const ADDRESS = Uint32Array.of(0xcb007107, 0, 0, 0);
const ADDRESS_6 = Uint32Array.of(0x20010db8, 0, 0, 1);
const versions = new Map([['scan', 'v1']]);

function row(changed: Partial<ServiceRow>): ServiceRow {
  return {
    port: 23,
    protocol: 6,
    service: '',
    tags: [],
    feed: 'scan',
    firstSeenMs: NaN,
    lastSeenMs: NaN,
    ...changed,
  };
}

function opened(builder: ServiceTableBuilder): CompiledServiceTable {
  return new CompiledServiceTable(tableFileOf('inventory', builder.encode(versions)));
}

describe('service table', () => {
  it('finds by address, port and protocol', () => {
    const builder = new ServiceTableBuilder();
    builder.add(4, ADDRESS, row({ service: 'telnet', tags: ['telnet'] }));
    builder.add(6, ADDRESS_6, row({ port: 53, protocol: 17, service: 'domain' }));
    const table = opened(builder);
    expect(table.find4(ADDRESS[0], 23, 17)).to.equal(0);
    expect(table.find4(ADDRESS[0], 24, 6)).to.equal(0);
    const id = table.find4(ADDRESS[0], 23, 6);
    expect(table.entry(id)).to.deep.equal({
      entry: '203.0.113.7:23/tcp',
      service: 'telnet',
      tags: ['telnet'],
      feed: 'scan',
      feedVersion: 'v1',
    });
    expect(table.tagsOf(id)).to.equal(table.tagMask(['telnet', 'unknown']));
    const id6 = table.find6(ADDRESS_6[0], 0, 0, 1, 53, 17);
    expect(table.entry(id6).entry).to.equal('[2001:db8::1]:53/udp');
    expect(() => table.entry(0)).to.throw('inventory entry 0, expected 1..2');
  });

  it('makes one entry of what is said several times, in any order', () => {
    const rows = [
      row({ service: 'telnet', tags: ['telnet'], firstSeenMs: 2e12, lastSeenMs: 3e12 }),
      row({
        service: 'busybox',
        tags: ['default-credentials'],
        firstSeenMs: 1e12,
        lastSeenMs: 2e12,
      }),
      row({ tags: ['telnet'] }),
    ];
    const encode = (ordered: readonly ServiceRow[]): Buffer => {
      const builder = new ServiceTableBuilder();
      for (const each of ordered) builder.add(4, ADDRESS, each);
      const entry = opened(builder).entry(1);
      expect(entry).to.deep.equal({
        entry: '203.0.113.7:23/tcp',
        service: 'telnet',
        tags: ['default-credentials', 'telnet'],
        feed: 'scan',
        feedVersion: 'v1',
        firstSeen: new Date(1e12).toISOString().replace('.000', ''),
        lastSeen: new Date(3e12).toISOString().replace('.000', ''),
      });
      return Buffer.concat(builder.encode(versions));
    };
    expect(encode(rows).equals(encode([...rows].reverse()))).to.equal(true);
  });

  it('has at most 32 tags', () => {
    const builder = new ServiceTableBuilder();
    const tags = Array.from({ length: 33 }, (_, i) => `t${i}`);
    builder.add(4, ADDRESS, row({ tags: tags.slice(0, 32) }));
    expect(() => {
      builder.add(4, ADDRESS, row({ tags }));
    }).to.throw('reference: 33 distinct inventory tags, at most 32: "t0"');
  });

  /** Few distinct addresses and ports, so that addresses have several services, and neighbours. */
  const word = fc.constantFrom(0, 1, 2, 0x7fffffff, 0x80000000, 0xcb007107, 0xfffffffe, 0xffffffff);
  const anyService = fc.record({
    family: fc.constantFrom(4 as const, 6 as const),
    words: fc.tuple(word, word, word, word),
    port: fc.integer({ min: 1, max: 4 }),
    protocol: fc.constantFrom(6, 17, 255),
    tag: fc.constantFrom('telnet', 'ftp', 'rdp', ''),
  });

  it('answers of all services at an address, as a loop does', () => {
    fc.assert(
      fc.property(fc.array(anyService, { maxLength: 40 }), anyService, (services, absent) => {
        const builder = new ServiceTableBuilder();
        for (const { family, words, tag, ...each } of services) {
          const tags = tag === '' ? [] : [tag];
          builder.add(family, Uint32Array.from(words), row({ ...each, tags }));
        }
        const table = opened(builder);
        for (const { family, words } of [...services, absent]) {
          const width = family === 4 ? 1 : 4;
          const here = services.filter(
            (each) =>
              each.family === family && each.words.every((w, i) => i >= width || w === words[i]),
          );
          const [knows, tags] =
            family === 4
              ? [table.knows4(words[0]), table.tagsAt4(words[0])]
              : [table.knows6(...words), table.tagsAt6(...words)];
          expect(knows).to.equal(here.length > 0);
          expect(tags).to.equal(table.tagMask(here.map(({ tag }) => tag)));
          const ids = here.map(({ port, protocol }) =>
            family === 4
              ? table.find4(words[0], port, protocol)
              : table.find6(...words, port, protocol),
          );
          const entries = [...new Set(ids)].sort((a, b) => a - b).map((id) => table.entry(id));
          const column = Uint32Array.of(9, 9, ...words);
          expect(table.entriesAt(family, column, 2)).to.deep.equal(entries);
        }
      }),
    );
  });

  it('lists up to 1000 services of one address and has the tags of all', () => {
    const builder = new ServiceTableBuilder();
    for (let port = 1; port <= 65_535; port++) {
      builder.add(4, ADDRESS, row({ port, tags: port === 65_535 ? ['ftp'] : [] }));
    }
    const table = opened(builder);
    expect(table.entriesAt(4, ADDRESS, 0)).to.have.length(1000);
    expect(table.entriesAt(4, ADDRESS, 0)[0].entry).to.equal('203.0.113.7:1/tcp');
    expect(table.tagsAt4(ADDRESS[0])).to.equal(table.tagMask(['ftp']));
  });

  it('is refused where addresses are out of order', () => {
    const builder = new ServiceTableBuilder();
    builder.add(4, ADDRESS, row({ port: 1 }));
    builder.add(4, ADDRESS, row({ port: 2 }));
    builder.add(6, ADDRESS_6, row({ port: 1 }));
    builder.add(6, ADDRESS_6, row({ port: 2 }));
    for (const [section, message] of [
      ['words4', 'IPv4 address 1 is out of order'],
      ['words6', 'IPv6 address 1 is out of order'],
    ] as const) {
      const file = tableFileOf('inventory', builder.encode(versions));
      file.u32(section)[0] = 0xffffffff;
      expect(() => new CompiledServiceTable(file)).to.throw(CorruptTableError, message);
    }
  });
});
