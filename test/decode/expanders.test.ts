import { expect } from 'chai';
import fc from 'fast-check';

import { expandBzip2 } from '../../transforms/decode/bzip2.js';
import { expandLz4Block } from '../../transforms/decode/lz4-block.js';
import { expandLzo1x } from '../../transforms/decode/lzo1x.js';
import { expandZstd } from '../../transforms/decode/zstd.js';

/** One text as each format holds it: LZ4 and LZO by hand, the others by their tools. */
const EXPANDERS = [
  {
    name: 'lz4',
    expand: expandLz4Block,
    // 1 literal, a match of 7 at distance 1, then 7 literals.
    input: [0x13, 0x61, 1, 0, 0x70, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68],
  },
  {
    name: 'lzo',
    expand: expandLzo1x,
    // 4 literals, a match of 4 at distance 1, a run of 7 literals, the end.
    input: [
      21, 0x61, 0x61, 0x61, 0x61, 0x60, 0, 4, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 17, 0, 0,
    ],
  },
  {
    name: 'bzip2',
    expand: expandBzip2,
    input: [
      ...Buffer.from(
        '425a683931415926535930edfeb3000002410004003fc0200021a0610832622c099bc539e2ee48a70a12061dbfd660',
        'hex',
      ),
    ],
  },
  {
    name: 'zstd',
    expand: expandZstd,
    input: [...Buffer.from('28b52ffd04587900006161616161616161626364656667689cff7409', 'hex')],
  },
] as const;

const TEXT = 'aaaaaaaabcdefgh';

for (const { name, expand, input } of EXPANDERS) {
  describe(`expand ${name}`, () => {
    const compressed = Uint8Array.from(input);

    it('gives back a text, into a buffer that just holds it', () => {
      const out = new Uint8Array(TEXT.length);
      expect(expand(compressed, out)).to.equal(TEXT.length);
      expect(Buffer.from(out).toString()).to.equal(TEXT);
    });

    it('refuses a buffer that is too small, and writes nothing behind it', () => {
      for (let room = 0; room < TEXT.length; room++) {
        const memory = new Uint8Array(TEXT.length + 8).fill(0xee);
        expect(() => expand(compressed, memory.subarray(0, room)), `${room}`).to.throw(
          RangeError,
          /more than \d+ bytes of output/,
        );
        expect(memory.subarray(room).every((byte) => byte === 0xee)).to.equal(true);
      }
    });

    it('refuses input that is cut', () => {
      for (let length = 1; length < compressed.length; length++) {
        const out = new Uint8Array(100);
        // A cut between two sequences of LZ4 leaves a sound block.
        let written = -1;
        try {
          written = expand(compressed.subarray(0, length), out);
        } catch (error) {
          expect(error).to.be.instanceOf(RangeError);
        }
        expect(written).to.be.below(TEXT.length);
      }
    });

    it('any bytes, and any change: a RangeError or a length within the buffer', () => {
      const out = new Uint8Array(4096);
      const changed = fc
        .array(fc.tuple(fc.nat(compressed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
        .map((changes) => {
          const bytes = compressed.slice();
          for (const [at, value] of changes) bytes[at] = value;
          return bytes;
        });
      fc.assert(
        fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 300 })), (bytes) => {
          try {
            expect(expand(bytes, out)).to.be.within(0, out.length);
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
          }
        }),
        { numRuns: 3000 },
      );
    });
  });
}
