import { expect } from 'chai';
import fc from 'fast-check';
import { addressList } from '../../../reference/feeds/address-list.js';
import { MAX_LINE_BYTES } from '../../../reference/feeds/lines.js';
import { readFeed } from './read-feed.js';

const cases = [
  ['203.0.113.7', '203.0.113.7'],
  ['  203.0.113.7  ', '203.0.113.7'],
  ['203.0.113.7\t9', '203.0.113.7'],
  ['203.0.113.7 # seen', '203.0.113.7'],
  ['203.0.113.7; SBL1', '203.0.113.7'],
  ['203.0.113.7,malware', '203.0.113.7'],
  ['203.0.113.7:443', '203.0.113.7:443'],
  ['203.0.113.0/24', '203.0.113.0/24'],
  ['203.0.113.7/24', '203.0.113.0/24'],
  ['203.0.113.7/32', '203.0.113.7'],
  ['203.0.113.7-203.0.113.9', '203.0.113.7-203.0.113.9'],
  ['203.0.113.7 - 203.0.113.9', '203.0.113.7-203.0.113.9'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:DB8::/32', '2001:db8::/32'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '[2001:db8::1]:443'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.0/120', '203.0.113.0/24'],
  ['', 'nothing'],
  ['# comment', 'nothing'],
  ['; comment', 'nothing'],
  ['// comment', 'nothing'],
  ['example.com', 'not applicable'],
  ['example.com:8080', 'not applicable'],
  ['example.com/path/x.php', 'not applicable'],
  ['http://203.0.113.7/x', 'not applicable'],
  ['http://203.0.113.7', 'not applicable'],
  ['203.0.113.7/x.php', 'not applicable'],
  ['203.0.113.7:8080/x.php', 'not applicable'],
  ['/gate.php', 'not applicable'],
  ['d41d8cd98f00b204e9800998ecf8427e', 'not applicable'],
  ['someone@example.com', 'not applicable'],
  ['example.com # comment', 'not applicable'],
  ['203.0.113', 'bad-address'],
  ['203.0.113.256', 'bad-address'],
  ['203.0.113.7/33', 'bad-address'],
  ['203.0.113.7/', 'bad-address'],
  ['203.0.113.7:0', 'bad-address'],
  ['203.0.113.7:65536', 'bad-address'],
  ['203.0.113.7:22:443', 'bad-address'],
  ['203.0.113.9-203.0.113.7', 'bad-address'],
  ['2001:db8::1::2', 'bad-address'],
  ['2001:db8::/129', 'bad-address'],
  ['::ffff:203.0.113.0/90', 'bad-address'],
  ['[2001:db8::1', 'bad-address'],
  ['[2001:db8::1]:0', 'bad-address'],
  ['not an address', 'bad-address'],
  ['\u0000\u0001\u0002', 'bad-address'],
] as const;

describe('address-list', () => {
  for (const [line, expected] of cases) {
    it(`${JSON.stringify(line)}: ${expected}`, async () => {
      const { entries, rejected, notApplicable } = await readFeed(addressList, `${line}\n`);
      const found = [
        ...entries,
        ...Object.keys(rejected),
        ...(notApplicable > 0 ? ['not applicable'] : []),
      ];
      expect(found.join() || 'nothing').to.equal(expected);
    });
  }

  it('says line and text of what it rejects, safe to print', async () => {
    const { samples } = await readFeed(addressList, '# c\r\n203.0.113.7\r\n\u001b[31mred\r\n');
    expect(samples).to.deep.equal(['3 bad-address ?[31mred']);
  });

  it('notes host bits', async () => {
    const { notes } = await readFeed(addressList, '203.0.113.7/24\n203.0.113.0/24\n');
    expect(notes).to.deep.equal({ 'host-bits': 1 });
  });

  it('reads the same in chunks of any size', async () => {
    const text =
      '\ufeff203.0.113.7\r\n\n198.51.100.1:80\n2001:db8::/32\nexample.com\nbad one\n192.0.2.1';
    const whole = await readFeed(addressList, text);
    expect(whole.entries).to.have.length(4);
    for (let chunkBytes = 1; chunkBytes < text.length; chunkBytes++) {
      expect(await readFeed(addressList, text, { chunkBytes })).to.deep.equal(whole);
    }
  });

  it('rejects a line of 100 MB in bounded memory and goes on', async () => {
    const chunk = Buffer.alloc(1 << 20, 0x61);
    async function* bytes(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 100; i++) yield await Promise.resolve(chunk);
      yield Buffer.from('\n203.0.113.7\n');
    }
    const rejects: string[] = [];
    let entries = 0;
    let longest = 0;
    await addressList.read(
      { path: 'feed.txt', bytes: bytes() },
      { kind: 'tags', columns: {} },
      {
        at: (_line, _bytes, start, end) => (longest = Math.max(longest, end - start)),
        entry: () => entries++,
        reject: (reason) => rejects.push(reason),
        notApplicable: () => rejects.push('not applicable'),
        note: () => undefined,
      },
    );
    expect(rejects).to.deep.equal(['line-too-long']);
    expect(entries).to.equal(1);
    expect(longest).to.equal(MAX_LINE_BYTES);
  });

  it('accounts for every line of any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        const { entries, rejected, notApplicable, read } = await readFeed(addressList, bytes);
        const rejects = Object.values(rejected).reduce((sum, n) => sum + n, 0);
        expect(entries.length + rejects + notApplicable).to.equal(read);
      }),
    );
  });
});
