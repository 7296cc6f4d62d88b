import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Finding } from '../../pipeline/finding.js';
import type { Reject } from '../../pipeline/reject.js';
import { readFindings } from '../../launch/findings-file.js';
import { lockDirectory } from '../../launch/local/state/state-directory.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { flow, partitionOf, SmallNetwork, TasksHere } from './small-network.js';

const OUTPUTS = ['findings.ndjson', 'rejects.ndjson', 'notices.ndjson', 'summary.json'] as const;

describe('a backfill', function () {
  this.timeout(60_000);
  const files = new TemporaryFiles();
  const network = new SmallNetwork(files);

  beforeEach(() => network.write());

  function output(name: (typeof OUTPUTS)[number], directory = 'out'): string {
    return readFileSync(files.path(`${directory}/${name}`), 'utf8');
  }

  function linesOf(name: (typeof OUTPUTS)[number]): unknown[] {
    const lines = output(name).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown);
  }

  /** A conversation that goes on over two midnights, told late, early and on time. */
  function writeEdges(): void {
    network.hour(
      '2026010123',
      flow('2026-01-01T23:50:00Z'),
      flow('2026-01-01T23:59:59.999Z'),
      // Of a sensor whose clock is ahead.
      flow('2026-01-02T00:20:00Z', '198.51.100.9'),
      'nonsense\n',
    );
    network.hour(
      '2026010200',
      flow('2026-01-02T00:00:00.000Z'),
      flow('2026-01-02T00:04:00Z'),
      // Exported late.
      flow('2026-01-01T23:40:00Z', '198.51.100.8'),
      'rubbish\n',
    );
    network.hour('2026010312', flow('2026-01-03T12:00:00Z'), flow('2026-01-03T12:01:00Z'));
    // Outside what is asked for, but not its late flow.
    network.hour('2026010400', flow('2026-01-04T00:00:00Z'), flow('2026-01-03T23:58:00Z'), 'x\n');
  }

  it('gives what one run over all gives, at midnight, exported late, and early', async () => {
    writeEdges();
    await network.backfill();
    const found = await readFindings(files.path('out'));
    const seen = [...found.values()].map(
      ({ customerAddress, windowStart, conversations, revision }) =>
        `${windowStart.slice(0, 10)} ${customerAddress} ${conversations} of ${revision}`,
    );
    expect(seen.sort()).to.deep.equal([
      '2026-01-01 198.51.100.7 1 of 2',
      '2026-01-01 198.51.100.8 1 of 1',
      '2026-01-02 198.51.100.7 1 of 2',
      '2026-01-02 198.51.100.9 1 of 1',
      '2026-01-03 198.51.100.7 2 of 3',
    ]);
    await network.runAll();
    const all = await readFindings(files.path('out-all'));
    // The run over all has the fourth of January too.
    for (const [id, { windowStart }] of all) {
      if (windowStart.startsWith('2026-01-04')) (all as Map<string, Finding>).delete(id);
    }
    expect([...found.values()]).to.deep.equal([...all.values()]);
    const rejects = linesOf('rejects.ndjson') as Reject[];
    expect(rejects.map(({ sample }) => sample)).to.deep.equal(['nonsense', 'rubbish']);
    for (const day of ['2026-01-01', '2026-01-02', '2026-01-03']) {
      const [own, others] = ['history', 'history-all'].map((place) =>
        readFileSync(files.path(`${place}/${day}.day`)),
      );
      expect(own.equals(others), day).to.equal(true);
    }
  });

  it('counts the flows that the margin does not reach, and says so', async () => {
    writeEdges();
    const { notices, partitions } = await network.backfill({ margin: '0s' });
    expect(notices.join('\n')).to.match(/^2 flows are in no finding, because they lie in files/);
    expect(partitions.map(({ rows }) => rows)).to.deep.equal([2, 2, 2]);
    const wide = await network.backfill({ margin: '1h' });
    expect(wide.notices.join('\n')).not.to.match(/in no finding/);
    expect(wide.partitions.map(({ rows }) => rows)).to.deep.equal([3, 3, 3]);
  });

  it('skips what is done, byte for byte, and says which input changed', async () => {
    writeEdges();
    const first = await network.backfill();
    expect(first.partitions.map(({ state }) => state)).to.deep.equal(Array(3).fill('judged'));
    const before = OUTPUTS.map((name) => output(name));
    const tasks = new TasksHere();
    const second = await network.backfill({ tasks });
    expect(tasks.ran).to.deep.equal([]);
    expect(second.partitions.map(({ state }) => state)).to.deep.equal(Array(3).fill('unchanged'));
    expect(OUTPUTS.map((name) => output(name))).to.deep.equal(before);

    network.hour('2026010312', flow('2026-01-03T12:00:00Z', '198.51.100.20'));
    const again = new TasksHere();
    const third = await network.backfill({ tasks: again });
    expect(again.ran).to.deep.equal(['history 2026-01-03', 'findings 2026-01-03']);
    expect(third.partitions[2].note).to.match(/^changed: files \(2 of \d+ bytes, \w+ -> 2 of/);
    const hosts = (linesOf('findings.ndjson') as Finding[]).map((one) => one.customerAddress);
    expect(hosts.filter((host) => host === '198.51.100.20')).to.have.length(1);
    expect(hosts).to.have.length(6);
  });

  it('judges again what settings or reference data change, and no more', async () => {
    writeEdges();
    await network.backfill();
    network.write({ suppressions: 'suppressions.yaml' });
    files.write(
      'suppressions.yaml',
      '- { customer: acme, subject: 198.51.100.8, reason: a test, owner: me }\n',
    );
    const tasks = new TasksHere();
    const second = await network.backfill({ tasks });
    expect(tasks.ran).to.deep.equal([1, 2, 3].map((day) => `findings 2026-01-0${day}`));
    expect(second.findings).to.equal(4);
    expect(second.partitions[0].note).to.match(/^changed: suppressions \(/);
  });

  it('tries again what fails, goes on with the others, and does it when started again', async () => {
    writeEdges();
    let left = 2;
    const flaky = new TasksHere((task) => {
      if (partitionOf(task) === '2026-01-02' && task.pass === 'history' && left-- > 0) {
        throw new Error('no memory');
      }
    });
    const report = await network.backfill({ tasks: flaky });
    expect(report.partitions.map(({ state }) => state)).to.deep.equal(Array(3).fill('judged'));
    expect(report.lines.filter((line) => line.includes('no memory; tried again'))).to.have.length(
      2,
    );
    const whole = OUTPUTS.map((name) => output(name));

    rmSync(files.path('out'), { recursive: true });
    rmSync(files.path('history'), { recursive: true });
    const broken = new TasksHere((task) => {
      if (partitionOf(task) === '2026-01-02') throw new Error('no memory');
    });
    const failed = await network.backfill({ tasks: broken });
    expect(failed.partitions.map(({ state }) => state)).to.deep.equal([
      'judged',
      'failed',
      'judged',
    ]);
    expect(failed.partitions[1].note).to.equal('no memory');
    expect(failed.partitions[2].note).to.match(/^judged without the history of 2026-01-02/);
    expect(broken.ran.filter((ran) => ran === 'history 2026-01-02')).to.have.length(3);

    const healed = await network.backfill();
    expect(healed.partitions.map(({ state }) => state)).to.deep.equal([
      'unchanged',
      'judged',
      'judged',
    ]);
    expect(healed.partitions[2].note).to.match(/^changed: history \(/);
    expect(OUTPUTS.map((name) => output(name))).to.deep.equal(whole);
  });

  it('fails a partition whose files change while they are read', async () => {
    writeEdges();
    const tasks = new TasksHere((task) => {
      if (partitionOf(task) !== '2026-01-03') return;
      network.hour(
        '2026010312',
        flow('2026-01-03T12:00:00Z'),
        ...Array<string>(task.spec.inputs.length + 5).fill('y\n'),
      );
      network.touch(files.path('flows/20260103/s1-2026010312.csv'), new Date().toISOString());
    });
    const { partitions } = await network.backfill({ tasks });
    expect(partitions.map(({ state }) => state)).to.deep.equal(['judged', 'judged', 'failed']);
    expect(partitions[2].note).to.match(/s1-2026010312.csv changed while it was read/);
  });

  it('says that another job wrote its history, and writes it again', async () => {
    writeEdges();
    await network.backfill();
    const before = output('findings.ndjson');
    // A run over some flows of one day, as a careless schedule does it.
    rmSync(files.path('history/2026-01-02.day'));
    const tasks = new TasksHere();
    const { partitions, lines } = await network.backfill({ tasks });
    expect(tasks.ran).to.deep.equal(['history 2026-01-02']);
    expect(lines.join('\n')).to.match(/history: done again, changed: the history of 2026-01-02/);
    expect(partitions.map(({ state }) => state)).to.deep.equal(Array(3).fill('unchanged'));
    expect(output('findings.ndjson')).to.equal(before);

    const meanwhile = new TasksHere((task) => {
      if (task.pass === 'findings') rmSync(files.path('history/2026-01-01.day'), { force: true });
    });
    network.hour('2026010312', flow('2026-01-03T13:00:00Z'));
    const disturbed = await network.backfill({ tasks: meanwhile });
    expect(disturbed.partitions[2].state).to.equal('failed');
    expect(disturbed.partitions[2].note).to.match(/another job wrote 2026-01-01 in the history/);
    expect(disturbed.partitions[2].note).to.match(/its findings are those of an earlier backfill/);
  });

  it('judges by the snapshot of the time, or by that of today', async () => {
    writeEdges();
    await network.backfill({ from: '2026-01-02' });
    const [today] = readdirSync(files.path('snapshot')).filter((name) => /^\w{16}$/.test(name));
    const published = (at: string): void => {
      files.write('snapshot/published.ndjson', `${JSON.stringify({ version: today, at })}\n`);
    };
    published('2026-01-02T12:00:00.000Z');
    const refused = await network.backfill({ asOf: 'event' }).catch((error: unknown) => error);
    expect((refused as Error).message).to.match(
      /no snapshot in .* was published by 2026-01-02T00:00:00.000Z.*give --as-of now/,
    );
    const later = await network.backfill({ asOf: 'event', from: '2026-01-02' });
    expect(later.partitions.map(({ state }) => state)).to.deep.equal(['unchanged', 'unchanged']);

    // Another list since: what happened before is not judged by it.
    files.write('c2.txt', '192.0.2.99\n');
    await network.backfill({ asOf: 'now', from: '2026-01-03' });
    published('2026-01-02T12:00:00.000Z');
    const before = await network.backfill({ asOf: 'event', from: '2026-01-02' });
    expect(before.partitions.map(({ findings }) => findings)).to.deep.equal([2, 1]);
    const now = await network.backfill({ asOf: 'now', from: '2026-01-02' });
    expect(now.partitions.map(({ findings }) => findings)).to.deep.equal([0, 0]);
    expect(now.partitions[0].note).to.match(/reference data \(\w{16} -> \w{16}\)/);
  });

  it('keeps the findings of earlier backfills of other days, and of no day twice', async () => {
    writeEdges();
    await network.backfill({ to: '2026-01-03' });
    const later = await network.backfill({ from: '2026-01-03' });
    expect(later.partitions).to.have.length(1);
    expect(later.findings).to.equal(5);
    const wider = await network.backfill({ every: '3d' });
    expect(wider.lines.join('\n')).to.match(/2026-01-02: its time is cut otherwise now/);
    expect(wider.findings).to.equal(5);
    expect(linesOf('findings.ndjson')).to.have.length(5);
    const part = await network.backfill({ to: '2026-01-02' }).catch((error: unknown) => error);
    expect((part as Error).message).to.match(/one is from 2026-01-01.* to 2026-01-04/);
  });

  it('is one at a time in an output, and not in that of another kind of run', async () => {
    writeEdges();
    mkdirSync(files.path('out/backfill'), { recursive: true });
    const lock = await lockDirectory(files.path('out/backfill'));
    const refused = await network.backfill().catch((error: unknown) => error);
    expect((refused as Error).message).to.match(/another backfill writes to it/);
    await lock.close();
    await network.backfill();
    rmSync(files.path('out/backfill'), { recursive: true });
    const foreign = await network.backfill().catch((error: unknown) => error);
    expect((foreign as Error).message).to.match(/without the findings of another kind of run/);
  });

  it('does again what is damaged', async () => {
    writeEdges();
    await network.backfill();
    const before = output('findings.ndjson');
    const folder = files.path('out/backfill/partitions');
    files.write('out/backfill/partitions/2026-01-01/findings.ndjson', '{}\n');
    files.write('out/backfill/partitions/2026-01-02/findings.json', '{"half');
    rmSync(join(folder, '2026-01-03'), { recursive: true });
    const tasks = new TasksHere();
    await network.backfill({ tasks });
    expect(tasks.ran.sort()).to.deep.equal([
      'findings 2026-01-01',
      'findings 2026-01-02',
      'findings 2026-01-03',
      'history 2026-01-03',
    ]);
    expect(output('findings.ndjson')).to.equal(before);
  });

  it('needs files of the time, and takes a partition without any', async () => {
    writeEdges();
    rmSync(files.path('flows/20260102'), { recursive: true });
    const { partitions } = await network.backfill({ margin: '0s' });
    expect(partitions[1]).to.include({ files: 0, rows: 0, findings: 0, note: 'no files' });
    const none = await network
      .backfill({ from: '2027-01-01', to: '2027-01-02' })
      .catch((error: unknown) => error);
    expect((none as Error).message).to.match(/none has such a name: "flows\/%Y%m%d/);
  });

  it('works without a history, in parts of a day', async () => {
    writeEdges();
    network.write({ history: false, findingWindow: '6h' });
    const { partitions } = await network.backfill({
      from: '2026-01-01T18:00:00Z',
      to: '2026-01-02T06:00:00Z',
      every: '6h',
    });
    expect(partitions.map(({ partition, rows }) => `${partition} ${rows}`)).to.deep.equal([
      '2026-01-01T18-00-00Z 3',
      '2026-01-02 3',
    ]);
  });
});
