import { expect } from 'chai';
import { explainFinding } from '../../launch/explain/explain-finding.js';
import { findFinding } from '../../launch/explain/find-finding.js';
import type { Finding } from '../../pipeline/finding.js';
import { sampleFinding } from './sample-finding.js';
import { TemporaryFiles } from './temporary-files.js';

const OTHER = { ...sampleFinding, id: 'abcdef99-2345-5678-89ab-cdef01234567' };

describe('finding a finding', () => {
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
      malformed: { lines: 0, first: '' },
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
      malformed: { lines: 0, first: '' },
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
    expect(search.malformed).to.deep.equal({ lines: 5, first: `${path}: line 2` });
  });

  it('reads an empty file', async () => {
    expect(await findFinding(files.write('empty', ''), 'abcdef')).to.deep.equal({
      found: 'none',
      findings: 0,
      malformed: { lines: 0, first: '' },
    });
  });

  it('passes over a line of 100 MB without holding it', async () => {
    const path = files.write(
      'long',
      Buffer.concat([Buffer.alloc(100_000_000, 'x'), Buffer.from(`\n${JSON.stringify(OTHER)}`)]),
    );
    const search = await findFinding(path, OTHER.id);
    expect(search.found).to.equal('one');
    expect(search.malformed).to.deep.equal({ lines: 1, first: `${path}: line 1` });
  });

  it('looks through all windows of a run in streaming', async () => {
    for (const [day, finding] of [
      ['21', sampleFinding],
      ['22', OTHER],
    ] as const) {
      files.write(`findings/2026-11-${day}T00-00-00Z.ndjson`, `${JSON.stringify(finding)}\n`);
    }
    for (const { id } of [sampleFinding, OTHER]) {
      const search = await findFinding(files.directory, id);
      expect(search.found === 'one' && search.finding.id).to.equal(id);
    }
    expect(await findFinding(files.directory, '000000')).to.include({ findings: 2 });
  });

  it('finds what was withdrawn as it stood before, and says so', async () => {
    const revision = (number: number, status: Finding['status'] = 'open'): Finding => ({
      ...sampleFinding,
      revision: number,
      status,
    });
    const cases = [
      [[revision(1), revision(2), revision(3, 'withdrawn')], 2, 3],
      [[revision(3, 'withdrawn'), revision(1)], 1, 3],
      [[revision(1), revision(3, 'withdrawn'), revision(4)], 4, undefined],
      [[revision(3, 'withdrawn')], 3, 3],
    ] as const;
    for (const [revisions, stood, withdrawn] of cases) {
      const search = await findFinding(write(...revisions), sampleFinding.id);
      if (search.found !== 'one') throw new Error(search.found);
      expect(search.finding.revision).to.equal(stood);
      expect(search.withdrawal?.revision).to.equal(withdrawn);
      const text = explainFinding(search.finding, search.withdrawal).replace(/\s+/g, ' ');
      expect(
        text.includes(`Withdrawn by revision ${String(withdrawn)}: flow records that came`),
      ).to.equal(withdrawn !== undefined);
    }
  });

  it('says of a look back that it is one', () => {
    const told = /look back: that snapshot was published after the conversations/;
    const text = (finding: Finding): string => explainFinding(finding).replace(/\s+/g, ' ');
    expect(text({ ...sampleFinding, retro: true })).to.match(told);
    expect(text(sampleFinding)).not.to.match(told);
  });
});
