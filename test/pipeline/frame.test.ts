import { expect } from 'chai';
import { readFrame, writeFrame } from '../../pipeline/frame.js';
import { sliceAtOddOffset } from './hostile-bytes.js';

const FRAME = { kind: 'TEST', version: 3, header: { a: 'ü' }, body: Uint8Array.of(1, 2, 3) };

/** The frame's bytes with one 32-bit word of the prefix changed. */
function withWord(at: number, value: number): Uint8Array {
  const bytes = writeFrame(FRAME);
  new DataView(bytes.buffer).setUint32(at, value, true);
  return bytes;
}

describe('frame', () => {
  it('comes back as it was, with a body of its own that starts a buffer', () => {
    const found = readFrame(sliceAtOddOffset(writeFrame(FRAME)), 'TEST', 3);
    expect(found).to.deep.equal(FRAME);
    expect(found.body.byteOffset).to.equal(0);
    expect(found.body.buffer.byteLength).to.equal(3);
  });

  it('keeps its layout: what was written must be read by a later release', () => {
    expect(Buffer.from(writeFrame(FRAME)).toString('hex')).to.equal(
      '5445535403000000' + '0a00000003000000' + '7b2261223a22c3bc227d' + '000000000000' + '010203',
    );
  });

  const cases = [
    ['another kind', withWord(0, 0x44434241), 'expected a TEST frame, found "ABCD"'],
    ['another version', withWord(4, 4), 'TEST frame has version 4, this reads 3'],
    [
      'a header of 4 GiB',
      withWord(8, 0xffffffff),
      'TEST frame has 35 bytes, its prefix says 4294967315',
    ],
    [
      'a body of 4 GiB',
      withWord(12, 0xffffffff),
      'TEST frame has 35 bytes, its prefix says 4294967327',
    ],
    ['too few bytes', Uint8Array.of(1), 'TEST frame of 1 bytes is shorter than its prefix'],
    ['a header that is no JSON', withWord(8, 9), 'TEST frame has a header that is not JSON'],
    [
      'a header that is no object',
      writeFrame({ ...FRAME, header: [] as never }),
      'TEST frame has a header that is not an object',
    ],
    ['a header nested without end', nested(200_000), 'TEST frame has a header that is not JSON'],
  ] as const;
  for (const [name, bytes, message] of cases) {
    it(`refuses ${name}`, () => {
      expect(() => readFrame(bytes, 'TEST', 3)).to.throw(RangeError, message);
    });
  }
});

/** A frame whose header is `depth` opening brackets. */
function nested(depth: number): Uint8Array {
  const bytes = new Uint8Array(16 + depth);
  bytes.fill(0x5b);
  bytes.set(Buffer.from('TEST'));
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 3, true);
  view.setUint32(8, depth, true);
  view.setUint32(12, 0, true);
  return bytes;
}
