import { appendFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { huntCommand, type HuntCommandOptions } from '../../launch/commands/hunt.js';
import { readFindings } from '../../launch/findings-file.js';
import { openLevelStore } from '../../launch/local/state/level-store.js';
import { withCaughtOutput } from '../evaluate/caught-output.js';
import { ArchivedNetwork } from '../transforms/archived-network.js';

describe('flowsieve hunt', function () {
  this.timeout(120_000);
  const network = new ArchivedNetwork();

  beforeEach(() => {
    network.generate();
    appendFileSync(
      network.files.path('flowsieve.yaml'),
      `streaming: { state: ${network.files.path('state')} }\n`,
    );
  });

  /** What it printed to standard error, and its exit code. */
  async function hunt(options: HuntCommandOptions): Promise<{ code: number; printed: string }> {
    const { result, stderr } = await withCaughtOutput(() =>
      huntCommand(network.files.path('flowsieve.yaml'), options),
    );
    return { code: result, printed: stderr };
  }

  it('tells what the newest snapshot finds in the archive', async () => {
    await network.archiveFlows(await network.compile());
    const { code, printed } = await hunt({ since: '2025-03-03' });
    expect(code, printed).to.equal(0);
    expect(printed).to.match(
      /searched [\d,]+ conversations by snapshot [0-9a-f]{16}: \d+ windows, \d+ batches\nfound .*known-bad-remote \d+.*; new or with more records than known: \d+\n/,
    );
    const found = [...(await readFindings(network.files.path('out'))).values()];
    expect(found.length).to.be.above(3);
    expect(found.every(({ retro }) => retro === true)).to.equal(true);

    const again = await hunt({ since: '2025-03-03T00:00:00Z', until: '2025-03-04' });
    expect(again.printed).to.match(/more records than known: 0\n/);
    const late = await hunt({ since: '24h' });
    expect(late.printed).to.match(/searched 0 conversations/);
    expect(late.printed).to.match(/found nothing/);
  });

  it('leaves the files of a job that runs alone', async () => {
    await network.archiveFlows(await network.compile());
    const path = join(network.files.path('state'), 'store');
    const job = await openLevelStore(path);
    try {
      const refused = await hunt({ since: '2025-03-03' });
      expect(refused.code).to.equal(1);
      expect(refused.printed).to.match(/a job writes to .*out: name another directory/);
      const same = await hunt({ since: '2025-03-03', output: network.files.path('out') });
      expect(same.code).to.equal(1);
      mkdirSync(network.files.path('out'), { recursive: true });
      symlinkSync(network.files.path('out'), network.files.path('link'));
      const linked = await hunt({ since: '2025-03-03', output: network.files.path('link') });
      expect(linked.code).to.equal(1);
      const beside = await hunt({ since: '2025-03-03', output: network.files.path('beside') });
      expect(beside.code, beside.printed).to.equal(0);
      expect((await readFindings(network.files.path('beside'))).size).to.be.above(3);
    } finally {
      await job.close();
    }
    // And the lock is given back.
    expect((await hunt({ since: '2025-03-03' })).code).to.equal(0);
    const next = await openLevelStore(path);
    await next.close();
  });

  const refused = [
    [{ since: 'yesterday' }, 2, /--since: expected a duration such as 24h or a time/],
    [{ since: '2025-02-30' }, 2, /--since: expected a duration/],
    [{ since: '24h', until: '7' }, 2, /--until: expected a time/],
    [{ since: '2025-03-03', until: '2025-03-03' }, 2, /--until: expected a time after 2025-03-03/],
    [{ since: '24h' }, 1, /no archive in .*state\/archive/],
  ] as const;
  for (const [options, code, message] of refused) {
    it(`says what is wrong with ${JSON.stringify(options)}`, async () => {
      const result = await hunt(options);
      expect(result.printed).to.match(message);
      expect(result.code).to.equal(code);
    });
  }

  it('needs a snapshot', async () => {
    mkdirSync(network.archive, { recursive: true });
    const { code, printed } = await hunt({ since: '24h' });
    expect(code).to.equal(1);
    expect(printed).to.match(/no snapshot in .*: make one with flowsieve reference update/);
  });
});
