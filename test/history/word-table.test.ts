import { expect } from 'chai';
import fc from 'fast-check';
import { WordTable } from '../../history/word-table.js';

describe('WordTable', () => {
  for (const width of [2, 3, 4] as const) {
    it(`numbers keys of ${width} words as they come`, () => {
      const words = fc.array(fc.constantFrom(0, 1, 2, 0xffffffff), {
        minLength: width,
        maxLength: width,
      });
      fc.assert(
        fc.property(fc.array(words), fc.nat(300), (keys, room) => {
          const table = new WordTable(width);
          table.reserve(room);
          const plain = new Map<string, number>();
          for (const [a, b, c, d] of keys) {
            const text = [a, b, c, d].join();
            const expected = plain.get(text) ?? plain.size;
            expect(table.find(a, b, c, d)).to.equal(plain.get(text) ?? -1);
            expect(table.add(a, b, c, d)).to.equal(expected);
            plain.set(text, expected);
          }
          expect(table.size).to.equal(plain.size);
          expect(table.words().length).to.equal(plain.size * width);
        }),
      );
    });
  }

  it('holds many keys that differ in few bits', () => {
    const table = new WordTable(3);
    for (let i = 0; i < 200_000; i++) table.add(0, 0, (i << 8) >>> 0);
    for (let i = 0; i < 200_000; i++) table.add(0, (i << 8) >>> 0, 0);
    // Key 0, 0, 0 came twice.
    expect(table.size).to.equal(399_999);
    expect(table.find(0, 0, 199_999 * 256)).to.equal(199_999);
    expect(table.word(199_999, 2)).to.equal(199_999 * 256);
  }).timeout(5_000);
});
