import { expect } from 'chai';
import fc from 'fast-check';
import { BoundedMap, BoundedSet } from '../../filters/bounded.js';
import { textHash } from '../../pipeline/text-hash.js';

const plus = (a: number, b: number): number => a + b;

function mapOf(limit: number, entries: readonly (readonly [string, number])[]): BoundedMap<number> {
  const map = new BoundedMap(limit, plus);
  for (const [text, value] of entries) map.add(text, value);
  return map;
}

function wire(map: BoundedMap<number>, limit: number): BoundedMap<number> {
  return new BoundedMap(limit, plus).restore(JSON.parse(JSON.stringify(map.save())));
}

const entryLists = fc.array(
  fc.tuple(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'a')), fc.nat(9)),
  { maxLength: 80 },
);

describe('BoundedMap', () => {
  it('comes to the same in any order, grouping and through JSON, and sums what it keeps whole', () => {
    fc.assert(
      fc.property(entryLists, fc.integer({ min: 1, max: 20 }), fc.nat(), (entries, limit, at) => {
        const whole = mapOf(limit, entries);
        const cut = at % (entries.length + 1);
        const merged = wire(mapOf(limit, entries.slice(cut).reverse()), limit);
        merged.merge(wire(mapOf(limit, entries.slice(0, cut)), limit));
        expect(merged.entries()).to.deep.equal(whole.entries());
        expect(merged.distinct).to.equal(whole.distinct);
        const sums = new Map<string, number>();
        for (const [text, value] of entries) sums.set(text, (sums.get(text) ?? 0) + value);
        const smallest = [...sums.keys()].sort((a, b) => textHash(a) - textHash(b)).slice(0, limit);
        expect(new Map(whole.entries())).to.deep.equal(
          new Map(smallest.sort().map((text) => [text, sums.get(text)])),
        );
      }),
    );
  });

  it('says how many distinct texts there were: exactly up to its limit, then to about 1/sqrt(limit)', () => {
    const few = mapOf(
      1000,
      Array.from({ length: 999 }, (_, i) => [`x${i}`, 1] as const),
    );
    expect([few.distinct, few.estimated, few.size]).to.deep.equal([999, false, 999]);
    const many = mapOf(
      1000,
      Array.from({ length: 50_000 }, (_, i) => [`x${i}`, 1] as const),
    );
    expect([many.estimated, many.size]).to.deep.equal([true, 1000]);
    expect(many.distinct).to.be.within(45_000, 55_000);
  });
});

describe('BoundedSet', () => {
  it('keeps texts in sorted order', () => {
    const set = new BoundedSet(3);
    for (const text of ['b', 'a', 'b', '__proto__']) set.add(text);
    expect(set.texts()).to.deep.equal(['__proto__', 'a', 'b']);
    expect(new BoundedSet(3).restore(set.save()).texts()).to.deep.equal(set.texts());
  });
});
