import { expect } from 'chai';
import fc from 'fast-check';
import { decodeChunk, encodeChunk, type Chunk } from '../../pipeline/chunk.js';
import { readFrame, writeFrame } from '../../pipeline/frame.js';
import { refusesTruncations, sliceAtOddOffset, survivesBitFlips } from './hostile-bytes.js';

const text = fc.string({ unit: 'binary' });
const chunks: fc.Arbitrary<Chunk> = fc.record({
  input: fc.record({
    name: text,
    uri: text,
    format: text,
    sensor: text,
    samplingRate: fc.nat(),
    unknownFlags: fc.constantFrom('keep' as const, 'drop' as const),
  }),
  uri: text,
  format: text,
  offset: fc.maxSafeNat(),
  preamble: fc.uint8Array(),
  bytes: fc.uint8Array(),
});

const CHUNK: Chunk = {
  input: { name: 'n', uri: 'u', format: 'auto', sensor: '', samplingRate: 0, unknownFlags: 'drop' },
  uri: 'u',
  format: 'csv',
  offset: 5,
  preamble: Uint8Array.of(1, 2),
  bytes: Uint8Array.of(3, 4, 5),
};

describe('Chunk', () => {
  it('comes back from its bytes as it was, also from a slice at an odd offset', () => {
    fc.assert(
      fc.property(chunks, (chunk) => {
        expect(decodeChunk(encodeChunk(chunk))).to.deep.equal(chunk);
        const slice = sliceAtOddOffset(encodeChunk(chunk));
        const found = decodeChunk(slice);
        slice.fill(0);
        expect(found).to.deep.equal(chunk);
      }),
    );
  });

  it('refuses bytes that end early or go on', () => {
    refusesTruncations(decodeChunk, encodeChunk(CHUNK));
  });

  it('refuses flipped bits or reads a sound chunk', () => {
    survivesBitFlips(chunks, encodeChunk, decodeChunk);
  });

  const cases = [
    ['a preamble longer than all', { preamble: 6 }, 'chunk of 5 bytes has a preamble of 6'],
    ['a negative preamble', { preamble: -1 }, 'chunk of 5 bytes has a preamble of -1'],
    ['half a byte of preamble', { preamble: 0.5 }, 'chunk has a preamble of 0.5 bytes'],
    ['no format', { format: null }, 'chunk lacks uri, format or offset'],
    ['no input', { input: null }, 'chunk lacks its input'],
    ['half an input', { input: { uri: 'u' } }, 'chunk lacks its input'],
  ] as const;
  for (const [name, change, message] of cases) {
    it(`refuses ${name}`, () => {
      const { header, body } = readFrame(encodeChunk(CHUNK), 'CHNK', 1);
      const bytes = writeFrame({
        kind: 'CHNK',
        version: 1,
        header: { ...header, ...change },
        body,
      });
      expect(() => decodeChunk(bytes)).to.throw(RangeError, message);
    });
  }
});
