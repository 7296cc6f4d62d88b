import { expect } from 'chai';
import { rangesOf, RangePacker } from '../../transforms/read/range-packs.js';

const INPUT = {
  name: 'flows/*',
  uri: 'flows/*',
  format: 'auto',
  sensor: '',
  samplingRate: 0,
  unknownFlags: 'drop',
} as const;

function packed(ranges: readonly { uri: string; start: number; end: number }[]): string[] {
  const packer = new RangePacker(INPUT);
  return [...ranges.map((range) => packer.add(range)), packer.rest()].filter(
    (pack) => pack !== undefined,
  );
}

describe('RangePacker', () => {
  it('gives back all ranges, in order', () => {
    const ranges = Array.from({ length: 200 }, (_, i) => ({
      uri: `flows/${i}.csv`,
      start: i,
      end: i + 100_000,
    }));
    const packs = packed(ranges);
    expect(packs.flatMap(rangesOf)).to.deep.equal(
      ranges.map((range) => ({ input: INPUT, ...range })),
    );
    expect(packs.length).to.equal(4);
  });

  it('leaves a large range alone, so that it is a work of its own', () => {
    const sizes = [10, 64 << 20, 64 << 20, 10, 4 << 20, 5 << 20];
    const packs = packed(sizes.map((end, i) => ({ uri: `${i}`, start: 0, end })));
    expect(packs.map((pack) => rangesOf(pack).map(({ uri }) => uri))).to.deep.equal([
      ['0'],
      ['1'],
      ['2'],
      ['3', '4'],
      ['5'],
    ]);
  });

  it('keeps the version of an object, whatever its name', () => {
    const packer = new RangePacker(INPUT);
    const object = { bucket: 'flows', name: 'a/\n"b"*.csv', size: 9, generation: '12', md5: 'x' };
    packer.add({ uri: 'gs://flows/a/\n"b"*.csv', start: 0, end: 9, object });
    expect(rangesOf(packer.rest()!)[0].object).to.deep.equal(object);
    expect(packer.rest()).to.equal(undefined);
  });
});
