import { isIP, isIPv4 } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import IPCIDR from 'ip-cidr';
import { addressOf, formatAddress4, formatAddress6 } from '../../pipeline/address.js';

function textOf(text: string): string | undefined {
  const address = addressOf(text);
  if (address === undefined) return undefined;
  const [w0, w1, w2, w3] = address.words;
  return address.family === 4 ? formatAddress4(w0) : formatAddress6(w0, w1, w2, w3);
}

const octet = fc.integer({ min: 0, max: 255 });
const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
/** Pieces of addresses put together at random: mostly nearly right. */
const nearly = fc
  .array(fc.oneof(octet.map(String), group, fc.constantFrom(':', '::', '.', '0', '01', 'g', ' ')), {
    maxLength: 17,
  })
  .map((parts) => parts.join(''));

describe('parseAddress', () => {
  const good = [
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
  ] as const;
  for (const [text, expected] of good) {
    it(`reads ${text}`, () => {
      expect(textOf(text)).to.equal(expected);
    });
  }

  const bad = [
    '',
    '1',
    '192.0.2',
    '192.0.2.1.1',
    '192.0.2.256',
    '192.0.2.',
    '.192.0.2.1',
    '192..2.1',
    '010.1.1.1',
    '192.0.2.00',
    '192.0.2.1x',
    ' 192.0.2.1',
    '2001:db8',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    ':::',
    '12345::',
    'fe80::1%eth0',
    '::192.0.2.1:1',
    '1:2:3:4:5:6:7:192.0.2.1',
    '::ffff:192.0.2.01',
    '\u0000',
  ] as const;
  for (const text of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(textOf(text)).to.equal(undefined);
    });
  }

  it('agrees with node:net on what is an address', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 20 })), (text) => {
        fc.pre(!text.includes('%'));
        expect(addressOf(text) !== undefined, text).to.equal(isIP(text) !== 0);
      }),
      { numRuns: 5000 },
    );
  });

  it('reads what ip-cidr reads', () => {
    // It refuses some dotted tails that node:net takes; those are tested above.
    const plain6 = fc.ipV6().filter((text) => !text.includes('.'));
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), plain6), (text) => {
        const address = addressOf(text);
        if (address === undefined) throw new Error(`no address: ${text}`);
        const { words, family } = address;
        const cidr = new IPCIDR(`${text}/${isIPv4(text) ? '32' : '128'}`);
        const expected = String(cidr.start({ type: 'bigInteger' }));
        const value =
          family === 4
            ? BigInt(words[0])
            : Array.from(words).reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
        const mapped = family === 4 && !isIPv4(text) ? value + 0xffff_0000_0000n : value;
        expect(mapped.toString()).to.equal(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('reads back what it formats', () => {
    fc.assert(
      fc.property(fc.uint32Array({ minLength: 4, maxLength: 4 }), ([w0, w1, w2, w3]) => {
        expect(textOf(formatAddress4(w0))).to.equal(formatAddress4(w0));
        const text = formatAddress6(w0, w1, w2, w3);
        expect(isIP(text)).to.equal(6);
        // A mapped address comes back as the IPv4 address it stands for.
        if (!(w0 === 0 && w1 === 0 && w2 === 0xffff)) expect(textOf(text)).to.equal(text);
      }),
    );
  });
});
