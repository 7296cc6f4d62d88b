import { expect } from 'chai';
import fc from 'fast-check';
import { findingsFiles, readFindings, readLines } from '../../launch/findings-file.js';
import type { Finding } from '../../pipeline/finding.js';
import { nameOf, revisionOf, SinkModel, type Revision } from '../write/revisions.js';
import { sampleFinding } from './sample-finding.js';
import { TemporaryFiles } from './temporary-files.js';

const FIRST = 'out/findings/2026-11-21T00-00-00Z.ndjson';
const SECOND = 'out/findings/2026-11-22T00-00-00Z.ndjson';

describe('findings file', () => {
  const files = new TemporaryFiles();

  const write = (name: string, ...findings: readonly Finding[]): string =>
    files.write(name, findings.map((finding) => `${JSON.stringify(finding)}\n`).join(''));
  const finalNames = async (path: string): Promise<readonly string[]> =>
    [...(await readFindings(path)).values()].map(nameOf);

  it('keeps line numbers over empty lines, CRLF and chunk borders', async () => {
    const path = files.write('lines', `a\r\n\n${'b'.repeat(70_000)}\nc`);
    const lines: [number, number | undefined][] = [];
    for await (const { number, text } of readLines(path)) lines.push([number, text?.length]);
    expect(lines).to.deep.equal([
      [1, 1],
      [3, 70_000],
      [4, 1],
    ]);
  });

  it('is findings.ndjson in the output directory of a run in batch', async () => {
    const path = write('out/findings.ndjson', sampleFinding);
    expect(await findingsFiles(files.path('out'))).to.deep.equal([path]);
    expect(await findingsFiles(path)).to.deep.equal([path]);
  });

  it('is one a window in the output directory of a run in streaming', async () => {
    const paths = [write(SECOND, sampleFinding), write(FIRST, sampleFinding)].sort();
    write('out/findings/2026-11-22T00-00-00Z.ndjson.gz', sampleFinding);
    write('out/findings/notes.ndjson', sampleFinding);
    for (const named of ['out', 'out/findings']) {
      expect(await findingsFiles(files.path(named))).to.deep.equal(paths);
    }
    expect(await findingsFiles(paths[0])).to.deep.equal([paths[0]]);
  });

  it('is not guessed where there are two runs', async () => {
    write('out/findings.ndjson', sampleFinding);
    write(FIRST, sampleFinding);
    const error = await findingsFiles(files.path('out')).catch((thrown: unknown) => thrown);
    expect(String(error)).to.include('name one of the two');
  });

  it('is missing where there is no run', async () => {
    const error = await readFindings(files.directory).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'ENOENT', path: files.path('findings.ndjson') });
  });

  it('may be empty', async () => {
    expect(await finalNames(files.write('f.ndjson', ''))).to.deep.equal([]);
    files.write(FIRST, '');
    expect(await finalNames(files.path('out'))).to.deep.equal([]);
  });

  it('has of each finding the highest revision, and none that was withdrawn', async () => {
    const [stands, withdrawn, again] = [0, 3, 6].map((finding) =>
      [1, 2, 3].map((revision) =>
        revisionOf({ finding, revision, withdrawn: finding > 0 && revision === 2 }),
      ),
    );
    write(FIRST, stands[0], withdrawn[0], again[0], stands[1], withdrawn[1], again[1], again[2]);
    write(SECOND, revisionOf({ finding: 1, revision: 1 }));
    const final = await finalNames(files.path('out'));
    expect(final).to.have.members(
      [stands[1], again[2], revisionOf({ finding: 1, revision: 1 })].map(nameOf),
    );
  });

  it('may be in the middle of being written', async () => {
    const line = JSON.stringify(sampleFinding);
    for (const end of ['{"id":', line]) {
      const path = files.write(FIRST, `${line}\n${end}`);
      for (const named of [path, files.path('out')]) {
        expect(await finalNames(named)).to.deep.equal([nameOf(sampleFinding)]);
      }
    }
    // A run in batch writes its file whole: one that ends early was cut by somebody.
    expect(await finalNames(files.write('f.ndjson', line))).to.deep.equal([nameOf(sampleFinding)]);
    const cut = files.write('f.ndjson', `${line}\n{"id":`);
    const error = await readFindings(cut).catch((thrown: unknown) => thrown);
    expect(String(error)).to.include(`${cut}:2: expected a finding`);
  });

  it('names the line that is no finding', async () => {
    write(FIRST, sampleFinding);
    const path = files.write(SECOND, `${JSON.stringify(sampleFinding)}\n{"id":"a"}\n`);
    const error = await readFindings(files.path('out')).catch((thrown: unknown) => thrown);
    expect(String(error)).to.include(`${path}:2: expected a finding`);
  });

  it('has the final set that the rules give, in the order of a run in batch', async () => {
    const revision: fc.Arbitrary<Revision> = fc.record({
      finding: fc.nat(12),
      revision: fc.integer({ min: 1, max: 9 }),
      withdrawn: fc.boolean(),
    });
    const revisions = fc.uniqueArray(revision, {
      selector: ({ finding, revision: number }) => `${finding} ${number}`,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(revisions, async (put) => {
        const findings = put.map(revisionOf);
        const model = new SinkModel();
        // Whoever reads cannot know what a sink would have left out.
        model.put([...findings].sort((a, b) => a.revision - b.revision));
        const path = write('f.ndjson', ...findings);
        expect([...(await readFindings(path)).values()]).to.deep.equal(model.final());
      }),
      { numRuns: 100 },
    );
  });
});
