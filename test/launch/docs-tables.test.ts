import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { runCommandLine } from '../../launch/command-line.js';
import { formatDuration } from '../../launch/config/duration.js';
import { configSchema, INPUT_FORMATS, inputSchema, SETTINGS } from '../../launch/config/schema.js';
import { REMOTE_FEED } from '../../reference/spec.js';
import { withCaughtOutput } from '../evaluate/caught-output.js';

/** Rows of the tables of a page whose first heading is `heading`: cells without the first, by it. */
function rowsOf(page: string, heading: string): ReadonlyMap<string, readonly string[]> {
  const rows = new Map<string, readonly string[]>();
  let inside = false;
  for (const line of readFileSync(`docs/${page}`, 'utf8').split('\n')) {
    if (!line.startsWith('|')) {
      inside = false;
      continue;
    }
    const [first, ...others] = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (/^-+$/.test(first)) continue;
    if (inside) rows.set(first.replaceAll('`', ''), others);
    else inside = first === heading;
  }
  return rows;
}

/** What `flowsieve ... --help` prints. */
async function helpOf(...command: readonly string[]): Promise<string> {
  const args = [...command, '--help'];
  return (await withCaughtOutput(() => runCommandLine(args))).stdout;
}

describe('the tables of the documentation', () => {
  const page = 'configuration.md';
  const settings = rowsOf(page, 'setting');
  const streaming = rowsOf(page, 'setting of `streaming`');
  const feeds = rowsOf(page, 'setting of a feed');

  it('have all settings, and no others', () => {
    const { shape } = configSchema;
    const inputs = Object.keys(inputSchema.shape);
    const expected = [...Object.keys(shape), ...inputs, 'feeds', 'snapshot'];
    expect([...settings.keys()]).to.have.members(expected);
    const { streaming: defaults } = configSchema.parse({ customers: 'customers.csv' });
    expect([...streaming.keys()]).to.have.members(Object.keys(defaults));
  });

  const durations = [
    ['allowedLateness', SETTINGS.allowedLatenessMs],
    ['earlyFirings', SETTINGS.earlyFiringsMs],
    ['disorder', SETTINGS.disorderMs],
    ['idle', SETTINGS.idleMs],
    ['lookback', SETTINGS.lookbackMs],
    ['referenceEvery', SETTINGS.referenceEveryMs],
    ['stopWithin', SETTINGS.stopWithinMs],
  ] as const;
  for (const [name, { default: ms, min, max }] of durations) {
    it(`have default and range of streaming.${name}`, () => {
      const range = `\`${formatDuration(min)}\` to \`${formatDuration(max)}\``;
      expect(streaming.get(name)?.slice(0, 2)).to.deep.equal([`\`${formatDuration(ms)}\``, range]);
    });
  }

  it('have default and range of what is said of remote feeds', () => {
    const { everyMs, maxBytes } = REMOTE_FEED;
    const every = `\`${formatDuration(everyMs.min)}\` to \`${formatDuration(everyMs.max)}\``;
    expect(feeds.get('every')?.[0]).to.include(every);
    expect(feeds.get('every')?.[0]).to.include(`default \`${formatDuration(everyMs.default)}\``);
    const bytes = `${maxBytes.min} to ${maxBytes.max}; default ${maxBytes.default}`;
    expect(feeds.get('maxBytes')?.[0]).to.include(bytes);
  });

  it('have all formats of inputs', () => {
    const formats = INPUT_FORMATS.map((name) => `\`${name}\``).join(', ');
    expect(settings.get('format')?.[1]).to.equal(formats);
    const described = [...rowsOf('formats.md', 'format').keys()];
    expect(described).to.include.members(INPUT_FORMATS.filter((name) => name !== 'auto'));
  });

  const commands = [
    ['run'],
    ['hunt'],
    ['reference', 'build'],
    ['reference', 'update'],
    ['explain'],
    ['generate'],
    ['demo'],
  ] as const;
  for (const command of commands) {
    const name = command.join(' ');
    it(`have all options of flowsieve ${name}, and no others`, async () => {
      const rows = [...rowsOf(page, 'command').keys()];
      const usages = rows.filter((usage) => `${usage} `.startsWith(`flowsieve ${name} `));
      // Those of Dataflow have a table of their own.
      const cells = [...rowsOf('dataflow.md', 'setting').values()].map(([flags]) => flags);
      const texts = name === 'run' ? [...usages, ...cells] : usages;
      const documented = new Set(texts.join(' ').match(/--[a-z]+(?:-[a-z]+)*/g));
      const help =
        (await helpOf(...command)).match(/^ +(?:-[a-zA-Z], )?--[a-z]+(?:-[a-z]+)*/gm) ?? [];
      const options = help.map((option) => option.replace(/^.*--/, '--'));
      expect([...documented]).to.have.members(options.filter((option) => option !== '--help'));
    });
  }

  it('have all reasons for which datagrams are skipped or rejected', () => {
    const text = readFileSync('docs/formats.md', 'utf8');
    const section = text.slice(text.indexOf('\n## netflow\n'), text.indexOf('\n## Pub/Sub'));
    const directory = 'transforms/decode/netflow';
    const sources = readdirSync(directory).map((name) =>
      readFileSync(`${directory}/${name}`, 'utf8'),
    );
    const reasons = sources.flatMap((source) =>
      [...source.matchAll(/sink\.(?:skip|reject)\(.*?'([a-z-]+)'/g)].map(([, reason]) => reason),
    );
    expect(reasons.length).to.be.above(20);
    for (const reason of new Set(reasons)) expect(section).to.include(`\`${reason}\``);
  });
});
