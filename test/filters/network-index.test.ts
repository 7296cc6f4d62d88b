import { expect } from 'chai';
import fc from 'fast-check';
import IPCIDR from 'ip-cidr';
import { formatAddress4, formatAddress6 } from '../../pipeline/address.js';
import { NetworkIndex } from '../../filters/network-index.js';
import { parseRemoteScope, type RemoteScope } from '../../filters/remote-scope.js';

const PARSED = [
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7/32', '203.0.113.7'],
  ['203.0.113.7/24', '203.0.113.0/24'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['203.0.113.7:443', '203.0.113.7:443'],
  ['[2001:DB8::1]:443', '[2001:db8::1]:443'],
  ['2001:db8:0::1', '2001:db8::1'],
  ['2001:db8::1/32', '2001:db8::/32'],
  ['::/0', '::/0'],
  ['2001:db8::1/128', '2001:db8::1'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7/120', '203.0.113.0/24'],
  ['::ffff:203.0.113.7/64', undefined],
  ['203.0.113.0/33', undefined],
  ['2001:db8::/129', undefined],
  ['203.0.113/24', undefined],
  ['203.0.113.7:0', undefined],
  ['203.0.113.7:65536', undefined],
  ['[203.0.113.7]:443', undefined],
  ['[2001:db8::1]', undefined],
  ['2001:db8::1%eth0/64', undefined],
  ['c2.example', undefined],
  ['', undefined],
  ['/', undefined],
  ['1'.repeat(1000), undefined],
] as const;

describe('parseRemoteScope', () => {
  for (const [text, expected] of PARSED) {
    it(`${text.slice(0, 40)} -> ${String(expected)}`, () => {
      expect(parseRemoteScope(text)?.text).to.equal(expected);
    });
  }
});

/** Few distinct bits, so that random networks nest and touch. */
const narrow = fc.tuple(fc.constantFrom(0, 1, 2, 127, 128, 254, 255), fc.constantFrom(0, 1, 255));
const prefix4 = fc
  .tuple(narrow, fc.integer({ min: 0, max: 32 }))
  .map(([[a, b], bits]) => `${a}.${b}.0.0/${bits}`);
const prefix6 = fc
  .tuple(narrow, fc.integer({ min: 0, max: 128 }))
  .map(([[a, b], bits]) => `${(a + 1).toString(16)}:${b.toString(16)}::ff:0/${bits}`);

describe('NetworkIndex', () => {
  for (const { family, prefixes } of [
    { family: 4, prefixes: prefix4 },
    { family: 6, prefixes: prefix6 },
  ] as const) {
    it(`finds the longest IPv${family} network, as ip-cidr and a loop do`, () => {
      fc.assert(
        fc.property(fc.array(prefixes, { maxLength: 24 }), (texts) => {
          const networks = texts
            .map(parseRemoteScope)
            .filter((scope): scope is RemoteScope => scope !== undefined);
          expect(networks).to.have.length(texts.length);
          const index = new NetworkIndex(networks);
          for (const words of borders(networks)) {
            const column = Uint32Array.from(words);
            const found = index.find(family, column, 0);
            expect(found < 0 ? '' : networks[found].text).to.equal(slowly(texts, networks, words));
          }
        }),
        { numRuns: 60 },
      );
    });
  }
});

/** First and last addresses of networks and their neighbours. */
function borders(networks: readonly RemoteScope[]): number[][] {
  return networks.flatMap(({ first, last }) => [
    [...first],
    [...last],
    step([...first], -1),
    step([...last], 1),
  ]);
}

function step(words: number[], by: 1 | -1): number[] {
  for (let w = words.length - 1; w >= 0; w--) {
    words[w] = (words[w] + by) >>> 0;
    if (words[w] !== (by === 1 ? 0 : 0xffffffff)) break;
  }
  return words;
}

function slowly(
  texts: readonly string[],
  networks: readonly RemoteScope[],
  words: readonly number[],
): string {
  const address =
    words.length === 1
      ? formatAddress4(words[0])
      : formatAddress6(words[0], words[1], words[2], words[3]);
  let best = -1;
  texts.forEach((text, i) => {
    if (!new IPCIDR(text).contains(address)) return;
    if (best < 0 || networks[i].bits > networks[best].bits) best = i;
  });
  return best < 0 ? '' : networks[best].text;
}
