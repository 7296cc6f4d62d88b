import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ConfigurationError } from '../../launch/config/configuration-error.js';
import { evaluateDiff } from '../../launch/evaluate/evaluate-diff.js';
import { WindowFilesSink } from '../../transforms/write/window-files.js';
import { withCaughtOutput } from '../evaluate/caught-output.js';
import { revisionOf } from '../write/revisions.js';
import { TemporaryFiles } from './temporary-files.js';

describe('evaluate --diff of a run in streaming', () => {
  const files = new TemporaryFiles();

  /** Puts findings 0 to 3 in two revisions each, and withdraws 3; gives the output directory. */
  async function stream(): Promise<string> {
    const output = files.path('stream');
    const sink = await WindowFilesSink.open(output);
    for (const revision of [1, 2]) {
      await sink.put([0, 1, 2, 3].map((finding) => revisionOf({ finding, revision })));
    }
    await sink.put([revisionOf({ finding: 3, revision: 3, withdrawn: true })]);
    await sink.close();
    return output;
  }

  it('compares its final set with a run in batch', async () => {
    const output = await stream();
    const batch = [0, 1, 4].map((finding) => revisionOf({ finding, revision: 2 }));
    files.write('batch/findings.ndjson', batch.map((f) => `${JSON.stringify(f)}\n`).join(''));
    const json = files.path('diff.json');
    const { stdout } = await withCaughtOutput(() =>
      evaluateDiff(files.path('batch'), output, { json }, files.directory),
    );
    expect(stdout).to.match(/3 findings; B: .*, 3 findings/);
    const { fired, silenced, changed } = JSON.parse(readFileSync(json, 'utf8')) as Readonly<
      Record<'fired' | 'silenced' | 'changed', readonly { id: string }[]>
    >;
    const idOf = (finding: number): string => revisionOf({ finding, revision: 1 }).id;
    expect(fired.map(({ id }) => id)).to.deep.equal([idOf(2)]);
    expect(silenced.map(({ id }) => id)).to.deep.equal([idOf(4)]);
    expect(changed).to.deep.equal([]);
  });

  it('asks which is meant where a directory has two runs', async () => {
    const output = await stream();
    files.write('stream/findings.ndjson', '');
    const error = await evaluateDiff(output, output, {}, files.directory).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems[0].message).to.include('name one of the two');
  });
});
