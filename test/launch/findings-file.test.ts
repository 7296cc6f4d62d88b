import { expect } from 'chai';
import { findFinding, findingsPath, readLines } from '../../launch/findings-file.js';
import { sampleFinding } from './sample-finding.js';
import { TemporaryFiles } from './temporary-files.js';

const OTHER = { ...sampleFinding, id: 'abcdef99-2345-5678-89ab-cdef01234567' };

describe('findings file', () => {
  const files = new TemporaryFiles();

  function write(...records: unknown[]): string {
    const lines = records.map((record) =>
      typeof record === 'string' ? record : JSON.stringify(record),
    );
    return files.write('findings.ndjson', `${lines.join('\n')}\n`);
  }

  it('finds by the whole id, with or without dashes, in any case', async () => {
    const path = write(OTHER, sampleFinding);
    for (const id of [
      sampleFinding.id,
      sampleFinding.id.replaceAll('-', ''),
      sampleFinding.id.toUpperCase(),
    ]) {
      const search = await findFinding(path, id);
      expect(search.found === 'one' && search.finding.id).to.equal(sampleFinding.id);
    }
  });

  it('finds by a beginning that only one id has', async () => {
    const search = await findFinding(write(OTHER, sampleFinding), 'abcdef9');
    expect(search.found === 'one' && search.finding.id).to.equal(OTHER.id);
  });

  it('names the ids that share a beginning', async () => {
    expect(await findFinding(write(OTHER, sampleFinding), 'abcdef')).to.deep.equal({
      found: 'several',
      ids: [sampleFinding.id, OTHER.id],
      malformed: { lines: 0, first: 0 },
    });
  });

  it('takes the highest of several revisions', async () => {
    const later = { ...sampleFinding, revision: 9 };
    const search = await findFinding(write(sampleFinding, later, sampleFinding), 'abcdef01');
    expect(search.found === 'one' && search.finding.revision).to.equal(9);
  });

  it('says how many findings there were where none is it', async () => {
    expect(await findFinding(write(OTHER, sampleFinding), '000000')).to.deep.equal({
      found: 'none',
      findings: 2,
      malformed: { lines: 0, first: 0 },
    });
  });

  it('passes over lines that are no findings, and counts them', async () => {
    const path = write(
      sampleFinding,
      '{"id":',
      '[]',
      'null',
      '{"id":7}',
      JSON.stringify({ id: OTHER.id }),
    );
    const search = await findFinding(path, 'abcdef');
    expect(search.found).to.equal('one');
    expect(search.malformed).to.deep.equal({ lines: 5, first: 2 });
  });

  it('reads an empty file', async () => {
    expect(await findFinding(files.write('empty', ''), 'abcdef')).to.deep.equal({
      found: 'none',
      findings: 0,
      malformed: { lines: 0, first: 0 },
    });
  });

  it('passes over a line of 100 MB without holding it', async () => {
    const path = files.write(
      'long',
      Buffer.concat([Buffer.alloc(100_000_000, 'x'), Buffer.from(`\n${JSON.stringify(OTHER)}`)]),
    );
    const search = await findFinding(path, OTHER.id);
    expect(search.found).to.equal('one');
    expect(search.malformed).to.deep.equal({ lines: 1, first: 1 });
  });

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

  it('is findings.ndjson in the output directory of a run', async () => {
    const path = write(sampleFinding);
    expect(await findingsPath(files.directory)).to.equal(path);
    expect(await findingsPath(path)).to.equal(path);
  });
});
