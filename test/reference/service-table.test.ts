import { expect } from 'chai';
import type { ServiceRow } from '../../reference/service-table.js';
import { CompiledServiceTable, ServiceTableBuilder } from '../../reference/service-table.js';
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
});
