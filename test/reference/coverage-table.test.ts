import { expect } from 'chai';
import fc from 'fast-check';
import IPCIDR from 'ip-cidr';
import { addressOf } from '../../pipeline/address.js';
import type { CoverageRow } from '../../reference/coverage-table.js';
import { CoverageTable, CoverageTableBuilder } from '../../reference/coverage-table.js';
import { CorruptTableError } from '../../reference/table-file.js';
import type { CasePrefix } from './prefix-cases.js';
import { addressAsText, anyPrefix, borders, prefixAsText } from './prefix-cases.js';
import { tableFileOf } from './table-of.js';

interface Scan extends CoverageRow {
  readonly prefix: CasePrefix;
}

function encoded(scans: readonly Scan[]): Uint8Array[] {
  const builder = new CoverageTableBuilder();
  for (const { prefix, ...row } of scans) {
    builder.add(prefix.family, prefix.words, prefix.length, row);
  }
  return builder.encode();
}

function opened(scans: readonly Scan[]): CoverageTable {
  return new CoverageTable(tableFileOf('coverage', encoded(scans)));
}

type Question = readonly [family: 4 | 6, words: Uint32Array, port: number, protocol: number];

function covers(table: CoverageTable, [family, w, port, protocol]: Question): boolean {
  return family === 4
    ? table.covers4(w[0], port, protocol)
    : table.covers6(w[0], w[1], w[2], w[3], port, protocol);
}

function lastScan(table: CoverageTable, [family, w, port, protocol]: Question): number {
  return family === 4
    ? table.lastScan4(w[0], port, protocol)
    : table.lastScan6(w[0], w[1], w[2], w[3], port, protocol);
}

/** The slow way: every scan is asked. */
function slowLastScan(scans: readonly Scan[], [family, words, port, protocol]: Question): number {
  const address = addressAsText(family, words);
  const looked = scans.filter(
    (scan) =>
      scan.prefix.family === family &&
      scan.protocol === protocol &&
      scan.firstPort <= port &&
      port <= scan.lastPort &&
      new IPCIDR(prefixAsText(scan.prefix)).contains(address),
  );
  return Math.max(-Infinity, ...looked.map(({ lastMs }) => lastMs));
}

/** Few ports and times, so that runs overlap, touch and repeat. */
const port = fc.constantFrom(0, 1, 22, 23, 24, 443, 65_534, 65_535);
const anyScan: fc.Arbitrary<Scan> = fc
  .record({
    prefix: anyPrefix,
    ports: fc.tuple(port, port),
    protocol: fc.constantFrom(6, 17, 0, 255),
    lastMs: fc.constantFrom(0, 1e12, 2e12),
  })
  .map(({ prefix, ports, protocol, lastMs }) => ({
    prefix,
    firstPort: Math.min(...ports),
    lastPort: Math.max(...ports),
    protocol,
    lastMs,
  }));

/** Several scans of one network. */
const anyScans = fc
  .tuple(fc.array(anyScan, { maxLength: 12 }), fc.array(anyScan, { maxLength: 12 }))
  .map(([scans, more]) => [
    ...scans,
    ...more.map((scan, i) => ({ ...scan, prefix: (scans[i] ?? scan).prefix })),
  ]);

function scan(cidr: string, changed: Partial<CoverageRow> = {}): Scan {
  const [text, length] = cidr.split('/');
  const address = addressOf(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  const { family, words } = address;
  return {
    prefix: { family, words, length: Number(length) },
    firstPort: 1,
    lastPort: 1024,
    protocol: 6,
    lastMs: 1e12,
    ...changed,
  };
}

function question(address: string, portOf: number, protocol = 6): Question {
  const parsed = addressOf(address);
  if (parsed === undefined) throw new Error(`no address: ${address}`);
  return [parsed.family, parsed.words, portOf, protocol];
}

describe('coverage table', () => {
  it('answers for all networks that cover an address, as ip-cidr and a loop do', () => {
    fc.assert(
      fc.property(anyScans, (scans) => {
        const table = opened(scans);
        for (const { prefix, protocol } of scans) {
          for (const words of borders(prefix)) {
            if (prefix.family === 6 && words[0] === 0 && words[1] === 0) continue;
            for (const asked of [0, 1, 2, 22, 23, 24, 25, 442, 443, 444, 65_533, 65_534, 65_535]) {
              const each = [prefix.family, words, asked, protocol] as const;
              const expected = slowLastScan(scans, each);
              expect(
                lastScan(table, each),
                `${addressAsText(prefix.family, words)} ${asked}`,
              ).to.equal(expected);
              expect(covers(table, each)).to.equal(expected !== -Infinity);
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is the same bytes whatever the order of its input', () => {
    fc.assert(
      fc.property(anyScans, (scans) => {
        const reversed = Buffer.concat(encoded([...scans].reverse()));
        expect(reversed.equals(Buffer.concat(encoded(scans)))).to.equal(true);
      }),
    );
  });

  const SCANS = [
    scan('203.0.112.0/22', { lastMs: 3e12 }),
    scan('203.0.113.0/24', { firstPort: 1000, lastPort: 2000, lastMs: 1e12 }),
    scan('203.0.113.7/32', { firstPort: 8080, lastPort: 8080, lastMs: 2e12 }),
    scan('203.0.113.0/24', { firstPort: 53, lastPort: 53, protocol: 17 }),
    scan('2001:db8::/32', { firstPort: 0, lastPort: 65_535 }),
    scan('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128', { lastMs: 2e12 }),
  ];
  const cases = [
    ['before a network', '203.0.111.255', 22, 6, -Infinity],
    ['its first address', '203.0.112.0', 22, 6, 3e12],
    ['its last address', '203.0.115.255', 22, 6, 3e12],
    ['after a network', '203.0.116.0', 22, 6, -Infinity],
    ['before a run of ports', '203.0.112.1', 0, 6, -Infinity],
    ['after a run of ports', '203.0.112.1', 1025, 6, -Infinity],
    ['a port of the inner network only', '203.0.113.1', 1025, 6, 1e12],
    ['the later scan, though its network is the wider one', '203.0.113.1', 1024, 6, 3e12],
    ['a host within two networks, its own port', '203.0.113.7', 8080, 6, 2e12],
    ['a host within two networks, the port of the widest', '203.0.113.7', 1, 6, 3e12],
    ['the neighbour of that host', '203.0.113.8', 8080, 6, -Infinity],
    ['another protocol', '203.0.113.1', 53, 17, 1e12],
    [
      'another protocol, where only the wider network has the port',
      '203.0.112.1',
      53,
      17,
      -Infinity,
    ],
    ['all ports, the first', '2001:db8::1', 0, 6, 1e12],
    ['all ports, the last', '2001:db8::1', 65_535, 6, 1e12],
    ['all ports, the next protocol', '2001:db8::1', 0, 7, -Infinity],
    ['the last address of a network', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', 1, 6, 2e12],
    ['the address after it', '2001:db9::', 1, 6, -Infinity],
  ] as const;
  for (const [name, address, asked, protocol, expected] of cases) {
    it(`${name}: ${expected}`, () => {
      const table = opened(SCANS);
      const each = question(address, asked, protocol);
      expect(lastScan(table, each)).to.equal(expected);
      expect(covers(table, each)).to.equal(expected > -Infinity);
    });
  }

  it('answers nothing where nothing was scanned', () => {
    const table = opened([]);
    expect(covers(table, question('203.0.113.7', 22))).to.equal(false);
    expect(lastScan(table, question('2001:db8::1', 22))).to.equal(-Infinity);
  });

  it('takes many overlapping runs of one network in its stride', () => {
    const scans = Array.from({ length: 20_000 }, (_, i) =>
      scan('203.0.113.0/24', { firstPort: i, lastPort: 65_535 - i, lastMs: i }),
    );
    const table = opened(scans);
    expect(lastScan(table, question('203.0.113.7', 100))).to.equal(100);
    expect(lastScan(table, question('203.0.113.7', 32_768))).to.equal(19_999);
  });

  it('is refused where a network lies in itself', () => {
    const bytes = Buffer.concat(encoded([scan('203.0.113.0/24')]));
    const file = tableFileOf('coverage', [bytes]);
    file.u32('parents')[0] = 1;
    expect(() => new CoverageTable(file)).to.throw(CorruptTableError, 'node 1 lies in node 1');
  });
});
