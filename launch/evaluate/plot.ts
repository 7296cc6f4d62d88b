import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';

/** A line of the plot. */
export interface Series {
  readonly name: string;
  readonly points: readonly SeriesPoint[];
}

export interface SeriesPoint {
  /** 1 in N packets; at least 1. */
  readonly rate: number;
  /** From 0 to 1. */
  readonly recall: number;
}

const WIDTH = 860;
const HEIGHT = 440;
const MARGIN = { top: 44, right: 240, bottom: 56, left: 60 } as const;
const LEGEND_LINE = 22;
/** Longer names are cut: they would leave the picture. */
const NAME_CHARACTERS = 28;

/**
 * The eight colours of M. Okabe and K. Ito ("Color universal design", 2008), which those who confuse
 * red and green can tell apart, the yellow darkened for a light background. Dashes and marks tell
 * lines apart without any colour.
 */
const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#e69f00',
  '#000000',
  '#a09000',
] as const;
const DASHES = ['none', '7 4', '2 3', '10 3 2 3'] as const;
const MARKS = ['circle', 'square', 'diamond'] as const;

/**
 * Recall against the sampling rate as an SVG document: the rates on a logarithmic axis, a line a
 * series, a legend. The same series give the same text. Title and description are for readers who
 * cannot see it.
 */
export function recallPlot(series: readonly Series[]): string {
  const rates = [...new Set(series.flatMap(({ points }) => points.map(({ rate }) => rate)))].sort(
    (a, b) => a - b,
  );
  const least = rates.at(0) ?? 1;
  const most = rates.at(-1) ?? 1;
  const height = Math.max(HEIGHT, MARGIN.top + MARGIN.bottom + series.length * LEGEND_LINE);
  const right = WIDTH - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  // A scale of no width would put its only rate nowhere.
  const x = scaleLog([least, most > least ? most : least * 10], [MARGIN.left, right]);
  const y = scaleLinear([0, 1], [bottom, MARGIN.top]);

  const ticksX = rates.map((rate) => {
    const at = fixed(x(rate));
    return (
      `<line x1="${at}" y1="${MARGIN.top}" x2="${at}" y2="${bottom}" stroke="#e4e4e4"/>` +
      text(at, bottom + 18, rateName(rate), 'middle')
    );
  });
  const ticksY = y.ticks(5).map((recall) => {
    const at = fixed(y(recall));
    return (
      `<line x1="${MARGIN.left}" y1="${at}" x2="${right}" y2="${at}" stroke="#e4e4e4"/>` +
      text(MARGIN.left - 8, Number(at) + 4, recall.toFixed(1), 'end')
    );
  });
  const path = line<SeriesPoint>(
    ({ rate }) => x(rate),
    ({ recall }) => y(recall),
  ).digits(1);
  const lines = series.map(({ name, points }, number) => {
    const { colour, dash, mark } = styleOf(number);
    const marks = points.map(({ rate, recall }) => markAt(mark, x(rate), y(recall), colour));
    const stroke = `stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
    const drawn = `<path d="${path(points) ?? ''}" fill="none" ${stroke}/>`;
    return `<g><title>${escaped(name)}</title>${drawn}${marks.join('')}</g>`;
  });
  const legend = series.map(({ name }, number) => {
    const { colour, dash, mark } = styleOf(number);
    const from = right + 20;
    const at = MARGIN.top + 8 + number * LEGEND_LINE;
    const stroke = `stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
    return (
      `<line x1="${from}" y1="${at}" x2="${from + 28}" y2="${at}" ${stroke}/>` +
      markAt(mark, from + 14, at, colour) +
      text(from + 36, at + 4, shortened(name), 'start')
    );
  });
  const title = 'Recall of the filters by sampling rate';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="12" fill="#222222">`,
    `<title id="title">${title}</title>`,
    `<desc id="desc">${escaped(description(series))}</desc>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15">${title}</text>`,
    ...ticksX,
    ...ticksY,
    text((MARGIN.left + right) / 2, height - 14, 'packets sampled (1 in N)', 'middle'),
    `<text x="18" y="${fixed((MARGIN.top + bottom) / 2)}" text-anchor="middle" transform="rotate(-90 18 ${fixed((MARGIN.top + bottom) / 2)})">recall</text>`,
    ...lines,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}

type Mark = (typeof MARKS)[number];

/** Of the line of that number; marks and dashes repeat together after 12 lines. */
function styleOf(number: number): { colour: string; dash: string; mark: Mark } {
  return {
    colour: COLOURS[number % COLOURS.length],
    dash: DASHES[Math.floor(number / MARKS.length) % DASHES.length],
    mark: MARKS[number % MARKS.length],
  };
}

function markAt(mark: Mark, x: number, y: number, colour: string): string {
  const [cx, cy] = [fixed(x), fixed(y)];
  if (mark === 'circle') return `<circle cx="${cx}" cy="${cy}" r="4" fill="${colour}"/>`;
  const turned = mark === 'diamond' ? ` transform="rotate(45 ${cx} ${cy})"` : '';
  const [left, top] = [fixed(x - 3.5), fixed(y - 3.5)];
  return `<rect x="${left}" y="${top}" width="7" height="7" fill="${colour}"${turned}/>`;
}

/** `1`, `1/1,000`. */
export function rateName(rate: number): string {
  return rate === 1 ? '1' : `1/${rate.toLocaleString('en-US')}`;
}

function description(series: readonly Series[]): string {
  if (series.length === 0) return 'Nothing was planted, so there is no recall.';
  return series
    .map(({ name, points }) => {
      const told = points.map(({ rate, recall }) => `${recall.toFixed(2)} at ${rateName(rate)}`);
      return `${name}: ${told.length === 0 ? 'nothing planted' : told.join(', ')}.`;
    })
    .join(' ');
}

function text(x: number | string, y: number, content: string, anchor: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

/** One decimal, so that the last bits of a logarithm do not show in the text. */
function fixed(value: number): string {
  return value.toFixed(1);
}

function shortened(name: string): string {
  // Half a surrogate pair is escaped like all that XML has no way to write.
  return name.length <= NAME_CHARACTERS ? name : `${name.slice(0, NAME_CHARACTERS - 1)}…`;
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
]);

/** As text in XML 1.0, which has no way to write most control characters or half a surrogate pair. */
function escaped(content: string): string {
  return content
    .replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069\ufffe\uffff]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES.get(character) ?? character);
}
