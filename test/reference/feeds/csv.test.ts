import { expect } from 'chai';
import fc from 'fast-check';
import { csv, splitRecord } from '../../../reference/feeds/csv.js';
import type { FeedEntry } from '../../../reference/feeds/feed-reader.js';
import { parseTime } from '../../../reference/feeds/fields.js';
import { entryText, readFeed } from './read-feed.js';

const inventoryText = (entry: FeedEntry): string =>
  [
    entryText(entry),
    entry.protocol,
    entry.service,
    entry.tags.join('+'),
    entry.firstSeenMs,
    entry.lastSeenMs,
  ].join(' ');

describe('csv', () => {
  const records = [
    ['a,b', ['a', 'b']],
    ['"a,b",c', ['a,b', 'c']],
    ['"a ""b"" c",d', ['a "b" c', 'd']],
    ['"a", "b"', ['a', 'b']],
    ['a,', ['a', '']],
    ['"a', ['a']],
    ['"",""', ['', '']],
    ['a"b,c', ['a"b', 'c']],
  ] as const;
  for (const [record, fields] of records) {
    it(`splits ${record}`, () => {
      expect(splitRecord(record, ',')).to.deep.equal(fields);
    });
  }

  it('reads an inventory with a port of its own', async () => {
    const text = [
      'ip,port,protocol,service,tags,seen-first,seen-last',
      '203.0.113.7,23,tcp,telnet,telnet;default-credentials,2026-01-01,2026-01-02T00:00:00Z',
      '203.0.113.8,53,UDP,domain,,,',
      '2001:db8::1,443,,https,"self-signed, end-of-life",1767225600,',
    ].join('\n');
    const { entries } = await readFeed(csv, text, { kind: 'inventory' }, inventoryText);
    expect(entries).to.deep.equal([
      '203.0.113.7:23 6 telnet telnet+default-credentials 1767225600000 1767312000000',
      '203.0.113.8:53 17 domain  NaN NaN',
      '[2001:db8::1]:443 -1 https self-signed+end-of-life 1767225600000 NaN',
    ]);
  });

  it('takes columns by configuration', async () => {
    const text = '# a comment\nWhen;Where;Port\n2026-01-01;203.0.113.7;443\n';
    const columns = { address: 'where', port: 'Port', since: 'When' };
    const { entries } = await readFeed(csv, text, { columns }, (entry) =>
      [entryText(entry), entry.sinceMs].join(' '),
    );
    expect(entries).to.deep.equal(['203.0.113.7:443 1767225600000']);
  });

  it('reads a record over several lines', async () => {
    const text = 'ip,category\n"203.0.113.7","two\nlines"\n203.0.113.8,one\n';
    const { entries } = await readFeed(csv, text, {}, (e) => `${entryText(e)} ${e.category}`);
    expect(entries).to.deep.equal(['203.0.113.7 two\nlines', '203.0.113.8 one']);
  });

  const rejects = [
    ['tags', 'ip,port', 'example.com,80', 'not applicable'],
    ['tags', 'ip,port', 'nonsense,80', 'bad-address'],
    ['tags', 'ip,port', '203.0.113.7,http', 'bad-port'],
    ['tags', 'ip,port', '203.0.113.7,70000', 'bad-port'],
    ['tags', 'ip,port', ',80', 'missing-field'],
    ['tags', 'ip,port', '"203.0.113.7,80', 'unterminated-quote'],
    ['inventory', 'ip,port,protocol', '203.0.113.7,80,carrier-pigeon', 'bad-protocol'],
    ['inventory', 'ip,port,protocol', `203.0.113.7,80,${'x'.repeat(70_000)}`, 'line-too-long'],
  ] as const;
  for (const [kind, header, line, expected] of rejects) {
    it(`${expected}: ${line.slice(0, 40)}`, async () => {
      const good = '203.0.113.9,22';
      const text = `${header}\n${good}\n${line}\n${good}\n`;
      const { entries, rejected, notApplicable } = await readFeed(csv, text, { kind });
      expect(entries).to.deep.equal(['203.0.113.9:22', '203.0.113.9:22']);
      const reasons = notApplicable > 0 ? ['not applicable'] : Object.keys(rejected);
      expect(reasons).to.deep.equal([expected]);
    });
  }

  it('keeps an entry whose date cannot be read', async () => {
    const { entries, notes } = await readFeed(csv, 'ip,since\n203.0.113.7,yesterday\n');
    expect(entries).to.deep.equal(['203.0.113.7']);
    expect(notes).to.deep.equal({ 'bad-time': 1 });
  });

  const wrong = [
    [
      'customers',
      'name,net\na,203.0.113.0/24\n',
      'feed.txt: no column for customer ("customer") in header "name,net"',
    ],
    ['customers', 'customer\na\n', 'feed.txt: no column for address ("ip" or '],
    ['tags', '', 'feed.txt: no header line'],
  ] as const;
  for (const [kind, text, message] of wrong) {
    it(message, async () => {
      const error = await readFeed(csv, text, { kind }).then(
        () => '',
        (problem: unknown) => (problem as Error).message,
      );
      expect(error).to.include(message);
    });
  }

  it('accounts for every record of any text', async () => {
    const piece = fc.constantFrom('203.0.113.7', ',', '"', '\n', 'x', '""', '80', '\r\n', '#');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 60 }), async (pieces) => {
        const result = await readFeed(csv, `ip,port\n${pieces.join('')}`);
        const rejected = Object.values(result.rejected).reduce((sum, n) => sum + n, 0);
        expect(result.entries.length + rejected + result.notApplicable).to.equal(result.read);
      }),
    );
  });

  const times = [
    ['2026-01-01', 1767225600000],
    ['2026-01-01 00:00:00', 1767225600000],
    ['2026-01-01 00:00:00 UTC', 1767225600000],
    ['2026-01-01T00:00:00Z', 1767225600000],
    ['2026-01-01T01:00:00+01:00', 1767225600000],
    ['2026-01-01T00:00:00.5', 1767225600500],
    ['1767225600', 1767225600000],
    ['1767225600000', 1767225600000],
    ['1970-01-01', NaN],
    ['2100-01-01', NaN],
    ['2026-13-01', NaN],
    ['soon', NaN],
  ] as const;
  for (const [text, ms] of times) {
    it(`${text} is ${ms}`, () => {
      expect(parseTime(text)).to.deep.equal(ms);
    });
  }
});
