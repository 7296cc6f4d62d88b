import { expect } from 'chai';
import { rateName, recallPlot, type Series } from '../../launch/evaluate/plot.js';

const SERIES: readonly Series[] = [
  {
    name: 'known-bad-remote',
    points: [
      { rate: 1, recall: 1 },
      { rate: 1000, recall: 0.25 },
    ],
  },
  { name: 'anonymizer', points: [{ rate: 1, recall: 0.5 }] },
];

/** Coordinates of the path of a line. */
function pathsOf(svg: string): string[] {
  return [...svg.matchAll(/<path d="([^"]*)"/g)].map(([, path]) => path);
}

describe('recallPlot', () => {
  it('is one SVG document that says what it shows to those who cannot see it', () => {
    const svg = recallPlot(SERIES);
    expect(svg).to.match(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 860 440"/);
    expect(svg).to.match(/<\/svg>\n$/);
    expect(svg).to.include('role="img" aria-labelledby="title desc"');
    expect(svg).to.include('<title id="title">Recall of the filters by sampling rate</title>');
    expect(svg).to.include('known-bad-remote: 1.00 at 1, 0.25 at 1/1,000. anonymizer: 0.50 at 1.');
  });

  it('gives the same text for the same series', () => {
    expect(recallPlot(SERIES)).to.equal(recallPlot(SERIES));
  });

  it('has a decade as wide as the next, and recall 1 at the top', () => {
    const points = [1, 10, 100].map((rate) => ({ rate, recall: 1 }));
    const [path] = pathsOf(recallPlot([{ name: 'a', points }]));
    expect(path).to.equal('M60,44L340,44L620,44');
  });

  it('has a line a series and a legend that tells them apart without colours', () => {
    const series = Array.from({ length: 11 }, (_, i) => ({
      name: `filter-${i}`,
      points: SERIES[0].points,
    }));
    const svg = recallPlot(series);
    expect(pathsOf(svg).length).to.equal(11);
    for (const { name } of series) expect(svg).to.match(new RegExp(`<text [^>]*>${name}</text>`));
    const lines = svg.match(/<g><title>.*<\/g>/g) ?? [];
    const looks = lines.map((line) => {
      const dash = /stroke-dasharray="([^"]*)"/.exec(line)?.[1];
      const mark = line.includes('<circle') ? 'circle' : line.includes('rotate(') ? 'diamond' : '';
      return `${dash} ${mark}`;
    });
    expect(new Set(looks).size).to.equal(11);
  });

  it('grows with its legend', () => {
    const series = Array.from({ length: 40 }, (_, i) => ({ name: `kind-${i}`, points: [] }));
    expect(recallPlot(series)).to.include('viewBox="0 0 860 980"');
  });

  it('escapes names, which may be data', () => {
    const name = '</svg><script>"&\u0000\ud800\u202e';
    const svg = recallPlot([{ name, points: [{ rate: 1, recall: 1 }] }]);
    expect(svg).not.to.include('<script>');
    expect(svg).to.include('&lt;/svg&gt;&lt;script&gt;&quot;&amp;\ufffd\ufffd\ufffd');
    // Throws for half a surrogate pair.
    expect(encodeURIComponent(svg)).not.to.equal('');
  });

  const few = [
    ['no series', []],
    ['no points', [{ name: 'a', points: [] }]],
    ['one rate', [{ name: 'a', points: [{ rate: 10, recall: 0 }] }]],
  ] as const;
  for (const [what, series] of few) {
    it(`has a picture of ${what}, without NaN`, () => {
      expect(recallPlot(series)).not.to.match(/NaN|undefined|Infinity/);
    });
  }

  it('names rates as fractions', () => {
    expect([1, 10, 1_000_000].map(rateName)).to.deep.equal(['1', '1/10', '1/1,000,000']);
  });
});
