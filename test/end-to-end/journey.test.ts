import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { JobDirectory, type Output, type Ran } from './job-directory.js';

/** Each command as a user types it, in one directory. */
describe('from a generated network to a suppression that has expired', function () {
  this.timeout(120_000);
  const job = new JobDirectory();

  it('generate, run, explain, suppress, run, and run again after the expiry', async () => {
    const generated = await job.command('generate', '.net', '--flows', '5000', '--hours', '6');
    expect(generated.code, generated.stderr).to.equal(0);
    const config = '.net/flowsieve.yaml';
    const suppressions = job.files.path('.net/suppressions.yaml');
    const before = readFileSync(suppressions, 'utf8');
    const run = (now: string): Promise<Ran> => job.command('run', config, '--now', now);

    // What the generated network itself suppresses is hidden from the first run on.
    const first = await run('2026-06-01');
    expect(first.code, first.stderr).to.equal(0);
    const all = job.output('.net/out');
    expect(all.findings.length).to.be.above(20);

    const wanted = all.findings.find(({ filter }) => filter === 'known-bad-remote');
    if (wanted === undefined) throw new Error('nothing known to be bad was found');
    const explained = await job.command('explain', '.net/out', wanted.id.slice(0, 13));
    expect(explained.code, explained.stderr).to.equal(0);
    expect(explained.stdout).to.include(wanted.summary).and.include(wanted.id);
    const snippet = explained.stdout
      .slice(explained.stdout.indexOf('\n  - customer:') + 1)
      .replaceAll(/^ {2}/gm, '');
    const entry = snippet
      .replace('WHY', 'our own sinkhole test')
      .replace('WHO', 'ann')
      .replace('YYYY-MM-DD', '2026-06-30');
    expect(entry).to.not.equal(snippet);

    // As it was printed, with the blanks not filled in, it is refused.
    writeFileSync(suppressions, `${before}${snippet}`);
    const unfilled = await run('2026-06-02');
    expect(unfilled.code).to.equal(2);
    expect(unfilled.stderr).to.match(/suppressions\.yaml:\d+: .*expires: expected a date/);

    writeFileSync(suppressions, `${before}${entry}`);
    const second = await run('2026-06-30T23:59:59Z');
    expect(second.code, second.stderr).to.equal(0);
    const hidden = job.output('.net/out');
    expect(idsOf(hidden)).to.deep.equal(idsOf(all).filter((id) => id !== wanted.id));
    const [name] = Object.keys(hidden.summary.hidden).filter((id) => !(id in all.summary.hidden));
    expect(hidden.summary.hidden).to.deep.equal({ ...all.summary.hidden, [name]: 1 });
    expect(second.stderr).to.match(new RegExp(`hidden .*${name} +1`, 's'));
    expect((await job.command('explain', '.net/out', wanted.id)).code).to.equal(2);

    const third = await run('2026-07-01');
    expect(third.code, third.stderr).to.equal(0);
    const late = job.output('.net/out');
    expect(late.summary.expiredSuppressions).to.include(name);
    expect(third.stderr).to.include(`note: the suppression ${name} has expired and hides nothing`);
    expect(late.findings.find(({ id }) => id === wanted.id)).to.deep.equal(wanted);
    // Whatever else expired in between is the generated network's own.
    expect(idsOf(late)).to.include.members([...idsOf(all)]);
  });

  function idsOf({ findings }: Output): readonly string[] {
    return findings.map(({ id }) => id);
  }
});
