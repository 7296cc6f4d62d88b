import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { addressOf } from '../../pipeline/address.js';
import { compileSnapshot, snapshotIsStale } from '../../reference/compile.js';
import { latestVersion, readManifest } from '../../reference/manifest.js';
import { openSnapshot } from '../../reference/snapshot.js';
import type { FeedSpec, ReferenceSpec } from '../../reference/spec.js';
import type { FeedOutcome } from '../../reference/update/update-feed.js';
import {
  type ReferenceUpdate,
  updateReference,
  type UpdateOptions,
} from '../../reference/update/update-reference.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { FeedServer } from './feed-server.js';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-01-31T12:00:00Z');

/** A list of `count` addresses from `first` on. */
function list(count: number, first = 0): string {
  return Array.from({ length: count }, (_, i) => `203.0.113.${first + i}\n`).join('');
}

describe('updateReference', () => {
  const server = new FeedServer();
  const files = new TemporaryFiles();
  let snapshot: string;
  let spec: ReferenceSpec;

  function feed(change: Partial<FeedSpec> = {}): FeedSpec {
    return {
      name: 'c2',
      kind: 'tags',
      category: 'c2',
      format: 'address-list',
      uri: server.url('/c2.txt'),
      every: '1h',
      ...change,
    };
  }

  beforeEach(() => {
    files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
    snapshot = files.path('snapshot');
    spec = specOf([feed()]);
  });

  function specOf(feeds: readonly FeedSpec[]): ReferenceSpec {
    return { feeds, customers: { uri: 'customers.csv' }, baseDir: files.directory };
  }

  function update(nowMs: number, options: Partial<UpdateOptions> = {}): Promise<ReferenceUpdate> {
    return updateReference(spec, snapshot, { nowMs, ...options });
  }

  async function outcome(
    nowMs: number,
    options: Partial<UpdateOptions> = {},
  ): Promise<FeedOutcome> {
    const { outcomes } = await update(nowMs, options);
    return outcomes[0];
  }

  async function knows(address: string): Promise<boolean> {
    const version = (await latestVersion(snapshot)) ?? '';
    const { tags } = openSnapshot({ version, directory: snapshot });
    return tags.find4(addressOf(address)?.words[0] ?? 0) !== 0;
  }

  function cached(name = 'c2'): string[] {
    return readdirSync(join(snapshot, 'feeds', name));
  }

  it('fetches what is due, publishes it, and asks again by ETag', async () => {
    server.serve('/c2.txt', list(30), '"1"');
    const { outcomes, manifest } = await update(NOW);
    expect(outcomes).to.deep.equal([
      {
        name: 'c2',
        status: 'updated',
        checkedMs: NOW,
        entriesBefore: null,
        entriesAfter: 30,
        problem: null,
      },
    ]);
    expect(manifest?.feeds[0].fetchedAt).to.equal('2026-01-31T12:00:00.000Z');
    expect(await knows('203.0.113.7')).to.equal(true);

    expect((await outcome(NOW + HOUR / 2)).status).to.equal('not due');
    expect(server.requests.length).to.equal(1);

    const again = await update(NOW + HOUR);
    expect(again.outcomes[0]).to.include({ status: 'unchanged', checkedMs: NOW + HOUR });
    expect(again.manifest?.version, 'times make no version').to.equal(manifest?.version);
    expect(again.manifest?.feeds[0].fetchedAt).to.equal('2026-01-31T13:00:00.000Z');

    server.serve('/c2.txt', list(31), '"2"');
    const third = await update(NOW + 2 * HOUR);
    expect(third.outcomes[0]).to.include({
      status: 'updated',
      entriesBefore: 30,
      entriesAfter: 31,
    });
    expect(third.manifest?.version).to.not.equal(manifest?.version);
    expect(await knows('203.0.113.30')).to.equal(true);
  });

  it('takes the same content for unchanged where the source knows no conditions', async () => {
    server.serve('/c2.txt', list(30));
    await update(NOW);
    expect((await outcome(NOW + HOUR)).status).to.equal('unchanged');
    expect(server.count('/c2.txt')).to.equal(2);
  });

  it('asks for everything by force', async () => {
    server.serve('/c2.txt', list(30), '"1"');
    await update(NOW);
    expect((await outcome(NOW + 1, { force: true })).status).to.equal('unchanged');
    expect(server.requests[1].headers['if-none-match']).to.equal(undefined);
  });

  const failures = [
    ['500', () => server.on('/c2.txt', (_q, r) => r.writeHead(500).end()), 'answered 500'],
    [
      'a web page',
      () => server.serve('/c2.txt', '\n<!DOCTYPE html><html>203.0.113.7</html>\n'),
      'c2.txt is a web page, not a feed',
    ],
    [
      'lines that are none',
      () => server.serve('/c2.txt', 'rate limit exceeded\ntry later\n'),
      'none of its 2 lines can be read; line 1: bad-address: "rate limit exceeded"',
    ],
    ['nothing', () => server.serve('/c2.txt', ''), 'is empty'],
    [
      'a packed bomb',
      () => server.serve('/c2.txt', gzipSync(Buffer.alloc(3_000_000, '#'))),
      'unpacks to more than 1000000 bytes',
    ],
    [
      'a packed file that ends early',
      () => server.serve('/c2.txt', gzipSync(list(200)).subarray(0, 90)),
      'unexpected end of file',
    ],
    [
      'a body that ends early',
      () =>
        server.on('/c2.txt', (_q, r) => {
          r.writeHead(200, { 'content-length': 1000 }).write(list(30));
          setTimeout(() => r.destroy(), 20);
        }),
      'broke off',
    ],
  ] as const;
  for (const [name, answer, message] of failures) {
    it(`keeps the last good version at ${name}, and says so until it is well`, async () => {
      spec = specOf([feed({ maxBytes: 1_000_000 })]);
      server.serve('/c2.txt', list(30), '"1"');
      const { manifest } = await update(NOW);
      answer();
      const failed = await update(NOW + HOUR);
      expect(failed.outcomes[0]).to.include({ status: 'failed', checkedMs: NOW, entriesAfter: 30 });
      expect(failed.outcomes[0].problem).to.include(message);
      expect(failed.manifest?.version).to.equal(manifest?.version);
      expect(failed.manifest?.feeds[0].fetchedAt, 'its age').to.equal('2026-01-31T12:00:00.000Z');
      expect(cached().some((file) => file.startsWith('.incoming'))).to.equal(false);

      const waiting = await outcome(NOW + HOUR + 30_000);
      expect(waiting.status, 'failed and not yet asked again').to.equal('failed');
      server.serve('/c2.txt', list(30), '"1"');
      expect(await outcome(NOW + HOUR + 60_000)).to.include({ status: 'unchanged', problem: null });
    });
  }

  it('asks a failing source ever more rarely', async () => {
    await update(NOW);
    const asked: number[] = [];
    for (let minute = 1; minute <= 70; minute++) {
      const before = server.requests.length;
      await update(NOW + minute * 60_000);
      if (server.requests.length > before) asked.push(minute);
    }
    expect(asked).to.deep.equal([1, 3, 7, 15, 31, 63]);
  });

  it('publishes nothing while a feed has no version at all', async () => {
    server.serve('/c2.txt', list(30));
    await update(NOW);
    const version = await latestVersion(snapshot);
    spec = specOf([feed(), feed({ name: 'clouds', category: 'shared', uri: server.url('/none') })]);
    const { outcomes, manifest } = await update(NOW + HOUR);
    expect(manifest).to.equal(undefined);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['unchanged', 'failed']);
    expect(await latestVersion(snapshot)).to.equal(version);
  });

  describe('holds back what lost more than half', () => {
    beforeEach(async () => {
      server.serve('/c2.txt', list(40), '"1"');
      await update(NOW);
      server.serve('/c2.txt', list(19, 100), '"2"');
    });

    it('until it is confirmed', async () => {
      const held = await outcome(NOW + HOUR);
      expect(held).to.include({ status: 'held back', entriesBefore: 40, entriesAfter: 40 });
      expect(held.checkedMs, 'its age').to.equal(NOW);
      expect(held.problem).to.equal('has 19 entries, had 40; the former are used until --confirm');
      expect(await knows('203.0.113.7')).to.equal(true);
      expect(cached().length, 'state and both versions').to.equal(3);

      // Still so: at the next look, and when its source says 304.
      expect((await outcome(NOW + HOUR + 1)).status).to.equal('held back');
      expect((await outcome(NOW + 2 * HOUR)).status).to.equal('held back');
      expect(server.requests[2].headers['if-none-match']).to.equal('"2"');

      const requests = server.requests.length;
      const confirmed = await outcome(NOW + 2 * HOUR + 1, { confirm: new Set(['c2']) });
      expect(confirmed).to.include({ status: 'updated', entriesBefore: 40, entriesAfter: 19 });
      expect(server.requests.length, 'what is kept beside is taken').to.equal(requests);
      expect(await knows('203.0.113.7')).to.equal(false);
      expect(await knows('203.0.113.100')).to.equal(true);
      expect((await outcome(NOW + 3 * HOUR + 1)).status).to.equal('unchanged');
    });

    it('until the source has enough again', async () => {
      await update(NOW + HOUR);
      server.serve('/c2.txt', list(21), '"3"');
      expect(await outcome(NOW + 2 * HOUR)).to.include({ status: 'updated', entriesAfter: 21 });
    });

    it('until the source has what it had before', async () => {
      await update(NOW + HOUR);
      server.serve('/c2.txt', list(40), '"1"');
      expect(await outcome(NOW + 2 * HOUR)).to.include({ status: 'unchanged', problem: null });
    });

    it('but not where the configuration reads it otherwise', async () => {
      server.serve('/c2.txt', list(40), '"1"');
      // The same bytes as a CSV are one header and the rest.
      spec = specOf([feed({ format: 'csv', columns: { address: '203.0.113.0' } })]);
      server.serve('/c2.txt', list(39), '"3"');
      expect(await outcome(NOW + HOUR)).to.include({ status: 'updated', entriesAfter: 38 });
    });
  });

  it('lets short lists shrink, and lists that only have comments be', async () => {
    server.serve('/c2.txt', list(19));
    await update(NOW);
    server.serve('/c2.txt', '# nothing today\n');
    expect(await outcome(NOW + HOUR)).to.include({ status: 'updated', entriesAfter: 0 });
  });

  describe('after a crash', () => {
    beforeEach(async () => {
      server.serve('/c2.txt', list(30), '"1"');
      await update(NOW);
    });

    it('between a copy and its state uses the former', async () => {
      writeFileSync(join(snapshot, 'feeds', 'c2', 'f'.repeat(64)), list(10));
      writeFileSync(join(snapshot, 'feeds', 'c2', '.incoming-0123456789ab'), '203.0');
      writeFileSync(join(snapshot, 'feeds', 'c2', 'state.json.0123456789ab'), '{');
      expect((await outcome(NOW + 1)).entriesAfter).to.equal(30);
      const longAgo = NOW / 1000;
      for (const name of cached()) {
        utimesSync(join(snapshot, 'feeds', 'c2', name), longAgo, longAgo);
      }
      await update(NOW + 2 * HOUR);
      expect(cached().length, 'state and copy').to.equal(2);
    });

    const damages = [
      ['a torn state', (folder: string) => writeFileSync(join(folder, 'state.json'), '{"for')],
      ['a foreign state', (folder: string) => writeFileSync(join(folder, 'state.json'), '[1]')],
      ['no copy', (folder: string) => rmSync(copyIn(folder))],
      ['a torn copy', (folder: string) => writeFileSync(copyIn(folder), '203.0')],
      ['a damaged copy', (folder: string) => flip(copyIn(folder))],
      ['no folder', (folder: string) => rmSync(folder, { recursive: true })],
    ] as const;
    for (const [name, damage] of damages) {
      it(`that left ${name} fetches it again`, async () => {
        damage(join(snapshot, 'feeds', 'c2'));
        const { outcomes, manifest } = await update(NOW + 1);
        expect(outcomes[0]).to.include({ status: 'updated', entriesAfter: 30 });
        expect(server.requests[1].headers['if-none-match']).to.equal(undefined);
        expect(manifest?.feeds[0].kept).to.equal(30);
      });
    }

    it('that left a damaged snapshot builds it again', async () => {
      const version = (await latestVersion(snapshot)) ?? '';
      const table = join(snapshot, version, 'tags.table');
      flip(table);
      const damaged = readFileSync(table);
      await update(NOW + 1);
      expect(readFileSync(table).equals(damaged)).to.equal(false);
    });

    function copyIn(folder: string): string {
      return join(
        folder,
        readdirSync(folder).find((file) => /^[0-9a-f]{64}$/.test(file))!,
      );
    }

    function flip(path: string): void {
      const bytes = readFileSync(path);
      bytes[bytes.length - 3] ^= 1;
      writeFileSync(path, bytes);
    }
  });

  it('is what building and running read, which ask no source', async () => {
    server.serve('/c2.txt', list(30), '"1"');
    const never = await compileSnapshot(spec, snapshot).catch(
      (error: unknown) => (error as Error).message,
    );
    expect(never).to.equal(
      `feed "c2": "${server.url('/c2.txt')}" was never fetched; run flowsieve reference update`,
    );
    const { manifest } = await update(NOW);
    expect(await snapshotIsStale(spec, snapshot)).to.equal(false);
    expect((await compileSnapshot(spec, snapshot)).version).to.equal(manifest?.version);
    expect(server.requests.length).to.equal(1);
    spec = specOf([feed({ uri: server.url('/other.txt') })]);
    expect(await snapshotIsStale(spec, snapshot).catch(() => 'never fetched')).to.equal(
      'never fetched',
    );
  });

  it('keeps keys in URIs to itself', async () => {
    server.serve('/c2.txt', list(30));
    const uri = server.url('/c2.txt').replace('//', '//me:secret@') + '?key=secret';
    spec = specOf([feed({ uri })]);
    const { manifest, outcomes } = await update(NOW);
    expect(manifest?.feeds[0].uri).to.equal(`${server.url('/c2.txt')}?...`);
    server.on('/c2.txt', (_request, response) => response.writeHead(403).end());
    const failed = await update(NOW + HOUR);
    const told = JSON.stringify([outcomes, failed.outcomes, await readManifest(snapshot)]);
    expect(told).to.not.include('secret');
    const state = readFileSync(join(snapshot, 'feeds', 'c2', 'state.json'), 'utf8');
    expect(state).to.not.include('secret');
  });

  describe('of files of this machine', () => {
    beforeEach(async () => {
      files.write('lists/a.txt', list(20));
      files.write('lists/b.txt', list(20, 100));
      spec = specOf([{ ...feed({ uri: 'lists/*.txt' }), every: undefined }]);
      await update(NOW);
    });

    it('looks at sizes and times, and takes what changed', async () => {
      expect((await outcome(NOW + 1)).status).to.equal('unchanged');
      files.write('lists/a.txt', list(21));
      expect(await outcome(NOW + 2)).to.include({ status: 'updated', entriesAfter: 41 });
      expect(await snapshotIsStale(spec, snapshot), 'for a run').to.equal(false);
    });

    it('holds back what lost more than half, for runs too', async () => {
      const version = await latestVersion(snapshot);
      files.write('lists/a.txt', list(1));
      files.write('lists/b.txt', list(1));
      expect(await outcome(NOW + 1)).to.include({ status: 'held back', entriesAfter: 40 });
      expect((await outcome(NOW + 2)).status).to.equal('held back');
      expect(await snapshotIsStale(spec, snapshot)).to.equal(false);
      expect((await compileSnapshot(spec, snapshot)).version).to.equal(version);
      const confirm = new Set(['c2']);
      expect(await outcome(NOW + 3, { confirm })).to.include({
        status: 'updated',
        entriesAfter: 2,
      });
    });

    it('keeps the last good ones where they cannot be read or are gone', async () => {
      const version = await latestVersion(snapshot);
      files.write('lists/a.txt', 'oops\n');
      files.write('lists/b.txt', 'oops\n');
      const failed = await outcome(NOW + 1);
      expect(failed).to.include({ status: 'failed', entriesAfter: 40 });
      expect(failed.problem).to.include('none of its 2 lines can be read');
      expect(await outcome(NOW + 2), 'once more').to.include({ problem: failed.problem });
      expect(await snapshotIsStale(spec, snapshot)).to.equal(false);
      rmSync(files.path('lists'), { recursive: true });
      expect(await outcome(NOW + 3)).to.include({ status: 'failed', entriesAfter: 40 });
      expect(await latestVersion(snapshot)).to.equal(version);
      files.write('lists/a.txt', list(30));
      expect(await outcome(NOW + 4)).to.include({ status: 'updated', problem: null });
    });
  });

  it('leaves nothing else in the snapshot directory', async () => {
    server.serve('/c2.txt', list(30));
    const { manifest } = await update(NOW);
    const names = readdirSync(snapshot).sort();
    const kept = [manifest?.version, 'feeds', 'latest', 'published.ndjson'];
    expect(names).to.deep.equal(kept.sort());
    expect(statSync(join(snapshot, 'feeds', 'c2')).isDirectory()).to.equal(true);
  });

  it('runs once at a time', async () => {
    let release: () => void = () => undefined;
    server.on('/c2.txt', (_request, response) => {
      release = () => response.end(list(30));
    });
    const first = update(NOW);
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const second = await update(NOW).catch((error: unknown) => (error as Error).message);
    expect(second).to.match(/^another update of .* is running \(\d+@/);
    release();
    expect((await first).outcomes[0].status).to.equal('updated');
    expect((await outcome(NOW + 1)).status).to.equal('not due');
  });
});
