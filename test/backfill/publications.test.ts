import { existsSync, rmSync, utimesSync } from 'node:fs';
import { expect } from 'chai';
import { compileSnapshot } from '../../reference/compile.js';
import { listPublications, recordPublication, snapshotAsOf } from '../../reference/publications.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const [MONDAY, TUESDAY, WEDNESDAY] = [5, 6, 7].map((day) => Date.UTC(2026, 0, day));

describe('when snapshots were published', () => {
  const files = new TemporaryFiles();

  async function compiled(address: string): Promise<string> {
    const customers = {
      uri: files.write('customers.csv', 'customer,cidr\nacme,198.51.100.0/24\n'),
    };
    const uri = files.write('c2.txt', `${address}\n`);
    const feed = { name: 'c2', kind: 'tags', category: 'c2', format: 'address-list', uri } as const;
    const spec = { feeds: [{ ...feed, columns: {} }], customers, baseDir: files.directory };
    return (await compileSnapshot(spec, files.path('snapshot'))).version;
  }

  /** The log as if the snapshots had been published then. */
  function log(...lines: readonly (readonly [string, number])[]): void {
    const text = lines.map(([version, ms]) => {
      return `${JSON.stringify({ version, at: new Date(ms).toISOString() })}\n`;
    });
    files.write('snapshot/published.ndjson', text.join(''));
  }

  async function asOf(ms: number): Promise<string> {
    const directory = files.path('snapshot');
    return snapshotAsOf(directory, await listPublications(directory), ms).version;
  }

  async function refusal(ms: number): Promise<string> {
    return await asOf(ms).catch((error: unknown) => (error as Error).message);
  }

  it('is written down when another becomes the latest, and only then', async () => {
    const [first] = [await compiled('192.0.2.1'), await compiled('192.0.2.1')];
    const second = await compiled('192.0.2.2');
    const back = await compiled('192.0.2.1');
    expect(back).to.equal(first);
    const found = await listPublications(files.path('snapshot'));
    expect(found.map(({ version }) => version)).to.deep.equal([first, second, first]);
  });

  it('decides which one was the newest at a time', async () => {
    const first = await compiled('192.0.2.1');
    const second = await compiled('192.0.2.2');
    log([first, MONDAY], [second, TUESDAY], [first, WEDNESDAY]);
    expect(await asOf(MONDAY)).to.equal(first);
    expect(await asOf(TUESDAY - 1)).to.equal(first);
    expect(await asOf(TUESDAY)).to.equal(second);
    expect(await asOf(WEDNESDAY + 1)).to.equal(first);
    expect(await refusal(MONDAY - 1)).to.match(
      /no snapshot in .* was published by 2026-01-04T23:59:59.999Z: the oldest is of 2026-01-05/,
    );
  });

  it('is that of its tables where no log tells of a version', async () => {
    const version = await compiled('192.0.2.1');
    rmSync(files.path('snapshot/published.ndjson'));
    utimesSync(files.path(`snapshot/${version}/customers.table`), MONDAY / 1000, MONDAY / 1000);
    expect(await asOf(TUESDAY)).to.equal(version);
    expect(await refusal(MONDAY - 1)).to.match(/no snapshot/);
  });

  it('never gives an older one for one that has been removed', async () => {
    const first = await compiled('192.0.2.1');
    const second = await compiled('192.0.2.2');
    log([first, MONDAY], [second, TUESDAY]);
    rmSync(files.path(`snapshot/${second}`), { recursive: true });
    expect(await refusal(WEDNESDAY)).to.include(
      `${second} of 2026-01-06T00:00:00.000Z, which was the newest at`,
    );
  });

  it('says which line of a damaged log is wrong, and compiles all the same', async () => {
    const version = await compiled('192.0.2.1');
    files.write('snapshot/published.ndjson', '{"version"\n');
    expect(await refusal(MONDAY)).to.match(/published.ndjson:1: expected/);
    await recordPublication(files.path('snapshot'), version, MONDAY);
    expect(existsSync(files.path('snapshot/published.ndjson'))).to.equal(true);
  });
});
