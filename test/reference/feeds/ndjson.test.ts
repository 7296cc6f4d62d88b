import { expect } from 'chai';
import { ndjson } from '../../../reference/feeds/ndjson.js';
import { entryText, readFeed } from './read-feed.js';

describe('ndjson', () => {
  it('reads an inventory, arrays and numbers as they are', async () => {
    const text = [
      '{"ip":"203.0.113.7","port":23,"service":"telnet","tags":["telnet","old"],"first_seen":"2026-01-01"}',
      '',
      '{"ip":"2001:db8::1","port":"53","protocol":17}',
    ].join('\n');
    const { entries } = await readFeed(ndjson, text, { kind: 'inventory' }, (entry) =>
      [
        entryText(entry),
        entry.protocol,
        entry.service,
        entry.tags.join('+'),
        entry.firstSeenMs,
      ].join(' '),
    );
    expect(entries).to.deep.equal([
      '203.0.113.7:23 -1 telnet telnet+old 1767225600000',
      '[2001:db8::1]:53 17   NaN',
    ]);
  });

  it('goes into objects by configured paths', async () => {
    const columns = { address: 'host.ip', port: 'host.port' };
    const { entries } = await readFeed(ndjson, '{"host":{"ip":"203.0.113.7","port":22}}', {
      columns,
    });
    expect(entries).to.deep.equal(['203.0.113.7:22']);
  });

  const rejects = [
    ['{"ip":', 'bad-json'],
    ['[1]', 'bad-json'],
    ['null', 'bad-json'],
    ['{}', 'missing-field'],
    ['{"ip":"x y","port":1}', 'bad-address'],
    ['{"ip":"203.0.113.7","port":-1}', 'bad-port'],
    ['{"ip":{"__proto__":1},"port":1}', 'missing-field'],
    [`{"ip":"${'1'.repeat(70_000)}"}`, 'line-too-long'],
  ] as const;
  for (const [line, reason] of rejects) {
    it(`${reason}: ${line.slice(0, 40)}`, async () => {
      const good = '{"ip":"203.0.113.9","port":22}';
      const text = `${good}\n${line}\n${good}\n`;
      const { entries, rejected } = await readFeed(ndjson, text, { kind: 'inventory' });
      expect(entries).to.have.length(2);
      expect(rejected).to.deep.equal({ [reason]: 1 });
    });
  }
});
