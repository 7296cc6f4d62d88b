import { expect } from 'chai';
import { ConfigurationError } from '../../launch/config/configuration-error.js';
import { readLabels } from '../../launch/evaluate/read-labels.js';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

describe('readLabels', () => {
  const files = new TemporaryFiles();

  it('reads what generate writes', async () => {
    const { labels } = generateNetwork({ seed: 1, flows: 0, hours: 24 });
    const text = labels.map((label) => `${JSON.stringify(label)}\n`).join('');
    expect(await readLabels(files.write('labels.ndjson', text))).to.deep.equal(labels);
  });

  async function problemsOf(text: string): Promise<ConfigurationError['problems']> {
    const path = files.write('labels.ndjson', text);
    const error = await readLabels(path).catch((thrown: unknown) => thrown);
    if (!(error instanceof ConfigurationError)) throw new Error('expected a ConfigurationError');
    return error.problems;
  }

  it('names each line and field that is wrong', async () => {
    const [label] = generateNetwork({ seed: 1, flows: 0, hours: 24 }).labels;
    const lines = [label, { ...label, day: 'monday' }, { ...label, expect: 'something' }, 7];
    const problems = await problemsOf(lines.map((line) => JSON.stringify(line)).join('\n'));
    expect(problems.map(({ place, path }) => [place.split(':').at(-1), path])).to.deep.equal([
      ['2', 'day'],
      ['3', 'expect'],
      ['4', ''],
    ]);
  });

  const [label] = generateNetwork({ seed: 1, flows: 0, hours: 24 }).labels;
  const { day: _, ...dayless } = label;
  const wrong = [
    ['hello world', '', 'expected a label (a JSON object), got what is no JSON: "hello world"'],
    ['{"expect":', '', 'expected a label (a JSON object), got what is no JSON: "{\\"expect\\":"'],
    ['7', '', 'expected a label (a JSON object), got 7'],
    ['[]', '', 'expected a label (a JSON object), got []'],
    [
      JSON.stringify({ ...label, expect: 'all' }),
      'expect',
      'expected one of finding, suppressed, nothing, got "all"',
    ],
    [JSON.stringify({ ...label, filter: 7 }), 'filter', 'expected text, got 7'],
    [
      JSON.stringify({ ...label, remoteAddress: 7 }),
      'remoteAddress',
      'expected text or null, got 7',
    ],
    [JSON.stringify(dayless), 'day', 'expected a day as "2025-03-03", got nothing'],
  ] as const;
  for (const [line, path, message] of wrong) {
    it(`says what it expected instead of ${line.slice(0, 20)} (${path})`, async () => {
      const problems = await problemsOf(`${JSON.stringify(label)}\n\n${line}\n`);
      expect(problems).to.deep.equal([{ place: files.path('labels.ndjson:3'), path, message }]);
    });
  }

  it('says so of a line that is too long to be a label', async () => {
    const [problem] = await problemsOf(`"${'x'.repeat(5 * 1024 * 1024)}"`);
    expect(problem.message).to.match(
      /^expected a label \(a JSON object\), got more than \d+ bytes$/,
    );
  });

  it('stops at twenty, and refuses a file without labels', async () => {
    expect((await problemsOf('nonsense\n'.repeat(100))).length).to.equal(20);
    expect((await problemsOf(''))[0].message).to.equal('expected labels, got none');
  });
});
