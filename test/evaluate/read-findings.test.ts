import { expect } from 'chai';
import { readFindings } from '../../launch/evaluate/read-findings.js';
import { sampleFinding } from '../launch/sample-finding.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const LINE = JSON.stringify(sampleFinding);

describe('readFindings', () => {
  const files = new TemporaryFiles();

  it('reads a file or an output directory, of each id the highest revision', async () => {
    const newer = { ...sampleFinding, revision: 9, severity: 'low' };
    const text = `${LINE}\n${JSON.stringify(newer)}\n${LINE}\n`;
    const path = files.write('out/findings.ndjson', text);
    for (const named of [path, files.path('out')]) {
      const findings = await readFindings(named);
      expect(findings.size).to.equal(1);
      expect(findings.get(sampleFinding.id)).to.include({ revision: 9, severity: 'low' });
    }
  });

  it('of an empty file there are none', async () => {
    expect((await readFindings(files.write('f.ndjson', ''))).size).to.equal(0);
  });

  const wrong = [
    '{',
    'null',
    '{}',
    LINE.replace('"critical"', '"dire"'),
    LINE.slice(0, -9),
  ] as const;
  for (const line of wrong) {
    it(`refuses ${line.slice(0, 20)}, and names the line`, async () => {
      const path = files.write('f.ndjson', `${LINE}\n${line}\n`);
      const error = await readFindings(path).catch((thrown: unknown) => thrown);
      expect(String(error)).to.include(`${path}:2: expected a finding`);
    });
  }
});
