import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { compileSnapshot } from '../../reference/compile.js';
import { latestVersion } from '../../reference/manifest.js';
import { openSnapshot } from '../../reference/snapshot.js';
import type { ReferenceSpec } from '../../reference/spec.js';
import { updateReference } from '../../reference/update/update-reference.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { FeedServer } from './feed-server.js';

const KILLS = 10;
const UPDATE = new URL('../../reference/update/update-reference.js', import.meta.url).href;

/** An update as a process of its own, which says when it asks, compiles and ends. */
const PROGRAM = `
  const [spec, snapshot] = process.argv.slice(1);
  const { updateReference } = await import('${UPDATE}');
  await updateReference(JSON.parse(spec), snapshot, {
    nowMs: Date.now(),
    force: true,
    onFeeds: () => process.stdout.write('compiling\\n'),
    beforePublish: () => process.stdout.write('publishing\\n'),
  });
  process.stdout.write('done\\n');
`;

describe('killed updates', () => {
  const server = new FeedServer();
  const files = new TemporaryFiles();

  it('leave a snapshot that is whole, and the next goes on', async function () {
    this.timeout(300_000);
    files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
    const snapshot = files.path('snapshot');
    const feed = { kind: 'tags', category: 'c2', format: 'address-list', every: '1h' } as const;
    const spec: ReferenceSpec = {
      feeds: [
        { ...feed, name: 'one', uri: server.url('/one.txt') },
        { ...feed, name: 'two', uri: server.url('/two.txt') },
      ],
      customers: { uri: 'customers.csv' },
      baseDir: files.directory,
    };
    let round = 0;
    for (const path of ['/one.txt', '/two.txt']) {
      server.on(path, (_request, response) => {
        response.write(list(round, 0, 1500));
        setTimeout(() => response.end(list(round, 1500, 3000)), 30);
      });
    }
    await updateReference(spec, snapshot, { nowMs: Date.now() });

    // Kills at each of the moments that show from outside, and a random while after it.
    const moments = ['asked', 'compiling', 'publishing'] as const;
    for (round = 1; round <= KILLS; round++) {
      const moment = moments[round % moments.length];
      await runAndKill(moment, spec, snapshot, 40 * Math.random());
      const version = (await latestVersion(snapshot)) ?? '';
      const opened = openSnapshot({ version, directory: snapshot });
      const kept = opened.manifest.feeds.map((report) => report.kept);
      expect(kept, `after ${moment}`).to.deep.equal([3000, 3000, 1]);
      // What a run would do: it reads the copies.
      const compiled = await compileSnapshot(spec, snapshot);
      expect(compiled.feeds.map((report) => report.kept)).to.deep.equal([3000, 3000, 1]);
    }
    const { outcomes } = await updateReference(spec, snapshot, { nowMs: Date.now(), force: true });
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['updated', 'updated']);
  });

  async function runAndKill(
    moment: string,
    spec: ReferenceSpec,
    snapshot: string,
    afterMs: number,
  ): Promise<void> {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', PROGRAM, '--', JSON.stringify(spec), snapshot],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = new Promise((resolve) => child.on('exit', resolve));
    const requests = server.requests.length;
    let said = '';
    child.stdout.on('data', (text: Buffer) => (said += text.toString()));
    const reached = (): boolean =>
      moment === 'asked' ? server.requests.length > requests : said.includes(moment);
    while (!reached() && child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(reached(), `${moment}: ${said}`).to.equal(true);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    child.kill('SIGKILL');
    await ended;
  }
});

/** Addresses of a round, `from` to `to` of them; each round has others. */
function list(round: number, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += `203.${round}.${i >>> 8}.${i & 255}\n`;
  return text;
}
