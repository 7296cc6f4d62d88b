import { expect } from 'chai';
import fc from 'fast-check';

/** Decodes bytes that may be anything: gives the value, or undefined where a RangeError was thrown. */
function decoded<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): T | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The same bytes at an odd offset of a larger Buffer, as a protobuf reader hands them out. */
export function sliceAtOddOffset(bytes: Uint8Array): Buffer {
  const pool = Buffer.alloc(bytes.length + 14, 0xee);
  pool.set(bytes, 7);
  return pool.subarray(7, 7 + bytes.length);
}

/** No truncation may be read: the prefix says how long the bytes are. */
export function refusesTruncations(
  decode: (bytes: Uint8Array) => unknown,
  bytes: Uint8Array,
): void {
  for (let length = 0; length < bytes.length; length++) {
    expect(decoded(decode, bytes.subarray(0, length)), `at length ${length}`).to.equal(undefined);
  }
  expect(decoded(decode, Buffer.concat([bytes, Buffer.alloc(1)]))).to.equal(undefined);
}

/** With some bits flipped, bytes are refused with a RangeError, or read as a value that is as sound as any. */
export function survivesBitFlips<T>(
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): void {
  fc.assert(
    fc.property(
      values,
      fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 4 }),
      (value, flips) => {
        const bytes = encode(value);
        for (const [at, bit] of flips) bytes[at % bytes.length] ^= 1 << bit;
        const found = decoded(decode, bytes);
        // Once more, because encoding may leave out names that nothing uses.
        if (found !== undefined) {
          const sound = decode(encode(found));
          expect(decode(encode(sound))).to.deep.equal(sound);
        }
      },
    ),
    { numRuns: 1000 },
  );
}
