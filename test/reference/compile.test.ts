import { mkdtemp, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { addressOf } from '../../pipeline/address.js';
import { compileSnapshot, snapshotIsStale } from '../../reference/compile.js';
import { readManifest } from '../../reference/manifest.js';
import { openSnapshot } from '../../reference/snapshot.js';
import type { FeedSpec, ReferenceSpec } from '../../reference/spec.js';

const c2: FeedSpec = {
  name: 'my-c2',
  kind: 'tags',
  category: 'c2',
  format: 'address-list',
  uri: 'c2.txt',
};

const FILES = {
  'customers.csv': 'customer,cidr,exclusive\nacme,192.0.2.0/24,\nbeta,198.51.100.0/24,true\n',
  'c2.txt': '203.0.113.7\n203.0.113.8:443\n2001:db8::/48\n10.0.0.1\n0.0.0.0/0\nbad\nexample.com\n',
  'country/ir.txt': '203.0.113.0/24\n',
  'country/de.txt': '203.0.113.128/25\n',
  'inventory.csv': 'ip,port,service,tags\n203.0.113.7,23,telnet,telnet\n203.0.113.7,0,x,\n',
  'clouds.txt': '203.0.113.0/24\n10.0.0.0/8\n',
  'routed.txt': '203.0.112.0/22\n2001:db8::/32\n',
  'scanned.csv':
    'cidr,ports,protocol,first,last\n203.0.113.0/24,1-1024;8080,tcp,2026-01-01,2026-01-02\nx,1,tcp,,\n203.0.113.0/24,x,tcp,2026-01-01,2026-01-02\n203.0.113.0/24,1,tcp,2026-01-02,2026-01-01\n',
} as const;

const FEEDS: readonly FeedSpec[] = [
  c2,
  { name: 'geo', kind: 'countries', format: 'country-prefixes', uri: 'country/' },
  { name: 'scan', kind: 'inventory', format: 'csv', uri: 'inventory.csv' },
  { name: 'clouds', kind: 'tags', category: 'shared', format: 'address-list', uri: 'clouds.txt' },
  { name: 'routed', kind: 'routed', format: 'address-list', uri: 'routed.txt' },
  { name: 'coverage', kind: 'coverage', format: 'csv', uri: 'scanned.csv' },
];

function word(text: string): number {
  return addressOf(text)?.words[0] ?? 0;
}

describe('compileSnapshot', () => {
  let baseDir: string;
  let snapshot: string;

  beforeEach(async () => {
    baseDir = await mkdtemp(join(tmpdir(), 'flowsieve-'));
    snapshot = join(baseDir, 'snapshot');
    await mkdir(join(baseDir, 'country'));
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(baseDir, name), text);
  });

  afterEach(async () => {
    await rm(baseDir, { recursive: true });
  });

  function specOf(feeds: readonly FeedSpec[]): ReferenceSpec {
    return { feeds, customers: { uri: 'customers.csv' }, baseDir };
  }

  async function failure(feeds: readonly FeedSpec[]): Promise<string> {
    return compileSnapshot(specOf(feeds), snapshot).then(
      () => 'compiled',
      (error: unknown) => (error as Error).message,
    );
  }

  it('answers what all kinds of feeds say', async () => {
    const { version } = await compileSnapshot(specOf(FEEDS), snapshot);
    const reference = openSnapshot({ version, directory: snapshot });
    const { tags, countries, inventory, customers, routed, coverage } = reference;
    const hit = word('203.0.113.7');
    expect(
      tags.entries(tags.find4(hit)).map((e) => `${e.category} ${e.feed} ${e.entry}`),
    ).to.deep.equal(['c2 my-c2 203.0.113.7', 'shared clouds 203.0.113.0/24']);
    expect(tags.findEndpoint4(word('203.0.113.8'), 443)).not.to.equal(0);
    expect(tags.categoriesOf(tags.find4(word('10.0.0.1')))).to.equal(tags.mask(['shared']));
    expect(countries.codes[countries.find4(hit)]).to.equal('IR');
    expect(countries.codes[countries.find4(word('203.0.113.200'))]).to.equal('DE');
    expect(inventory.entry(inventory.find4(hit, 23, 6)).service).to.equal('telnet');
    const claim = customers.find4(word('198.51.100.1'));
    expect(customers.customers[customers.claimants(claim)[0]]).to.equal('beta');
    expect(routed?.find4(hit)).to.equal(1);
    expect(routed?.find4(word('203.0.111.255'))).to.equal(0);
    const covered = [0, 1, 1024, 1025, 8080].filter((port) => coverage?.covers4(hit, port, 6));
    expect(covered).to.deep.equal([1, 1024, 8080]);
  });

  it('counts every line in the manifest', async () => {
    const { feeds } = await compileSnapshot(specOf(FEEDS), snapshot);
    const counts = Object.fromEntries(
      feeds.map(({ name, read, kept, notApplicable, rejected, heldBack }) => [
        name,
        { read, kept, notApplicable, rejected, heldBack },
      ]),
    );
    expect(counts).to.deep.equal({
      'my-c2': {
        read: 7,
        kept: 3,
        notApplicable: 1,
        rejected: { 'bad-address': 1 },
        heldBack: { 'special-address': 1, 'too-wide': 1 },
      },
      geo: { read: 2, kept: 2, notApplicable: 0, rejected: {}, heldBack: {} },
      scan: { read: 2, kept: 1, notApplicable: 0, rejected: { 'bad-port': 1 }, heldBack: {} },
      clouds: { read: 2, kept: 2, notApplicable: 0, rejected: {}, heldBack: {} },
      routed: { read: 2, kept: 2, notApplicable: 0, rejected: {}, heldBack: {} },
      coverage: {
        read: 4,
        kept: 1,
        notApplicable: 0,
        rejected: { 'bad-address': 1, 'bad-port': 1, 'bad-time': 1 },
        heldBack: {},
      },
      customers: { read: 2, kept: 2, notApplicable: 0, rejected: {}, heldBack: {} },
    });
    expect(feeds.find(({ name }) => name === 'my-c2')?.samples).to.deep.equal([
      { file: 'c2.txt', line: 4, reason: 'special-address', sample: '10.0.0.1' },
      { file: 'c2.txt', line: 5, reason: 'too-wide', sample: '0.0.0.0/0' },
      { file: 'c2.txt', line: 6, reason: 'bad-address', sample: 'bad' },
    ]);
  });

  it('has empty tables where no feed is', async () => {
    const { version } = await compileSnapshot(specOf([]), snapshot);
    const reference = openSnapshot({ version, directory: snapshot });
    expect(reference.tags.find4(word('203.0.113.7'))).to.equal(0);
    expect(reference.countries.codes).to.deep.equal(['']);
    expect(reference.inventory.find4(word('203.0.113.7'), 23, 6)).to.equal(0);
    expect(reference.routed).to.equal(undefined);
    expect(reference.coverage).to.equal(undefined);
  });

  it('is the same version and bytes whenever, wherever and in any order', async () => {
    const first = await compileSnapshot(specOf(FEEDS), snapshot);
    const later = new Date(Date.now() + 60_000);
    await utimes(join(baseDir, 'c2.txt'), later, later);
    const other = join(baseDir, 'other');
    const second = await compileSnapshot(specOf([...FEEDS].reverse()), other);
    expect(second.version).to.equal(first.version);
    expect(second.tables).to.deep.equal(first.tables);
    for (const { file } of Object.values(first.tables)) {
      const [a, b] = await Promise.all(
        [snapshot, other].map((folder) => readFile(join(folder, first.version, file))),
      );
      expect(a.equals(b), file).to.equal(true);
    }
  });

  it('uses a version again, and leaves nothing else behind', async () => {
    const read: string[] = [];
    const onFeed = (name: string): number => read.push(name);
    const first = await compileSnapshot(specOf([c2]), snapshot, { onFeed });
    const second = await compileSnapshot(specOf([c2]), snapshot, { onFeed });
    expect(second).to.deep.equal(first);
    expect(read).to.deep.equal(['my-c2', 'customers']);
    const kept = [first.version, 'latest', 'published.ndjson'];
    expect((await readdir(snapshot)).sort()).to.deep.equal(kept.sort());
    expect(await readManifest(snapshot)).to.deep.equal(first);
    expect(await readManifest(join(snapshot, first.version))).to.deep.equal(first);
  });

  it('builds a broken version again', async () => {
    const { version } = await compileSnapshot(specOf([c2]), snapshot);
    await writeFile(join(snapshot, version, 'tags.table'), 'short');
    expect(await snapshotIsStale(specOf([c2]), snapshot)).to.equal(true);
    await compileSnapshot(specOf([c2]), snapshot);
    expect(openSnapshot({ version, directory: snapshot }).tags.categories).to.deep.equal(['c2']);
  });

  it('is another version when content or configuration changes', async () => {
    const versions = new Set<string>();
    const compile = async (feed: FeedSpec): Promise<void> => {
      versions.add((await compileSnapshot(specOf([feed]), snapshot)).version);
    };
    await compile(c2);
    await compile({ ...c2, category: 'malware' });
    await compile({ ...c2, name: 'renamed' });
    await writeFile(join(baseDir, 'c2.txt'), '203.0.113.9\n');
    await compile(c2);
    await writeFile(join(baseDir, 'customers.csv'), 'customer,cidr\nacme,192.0.2.0/25\n');
    await compile(c2);
    expect(versions.size).to.equal(5);
    expect((await readFile(join(snapshot, 'latest'), 'utf8')).trim()).to.equal(
      [...versions].at(-1),
    );
  });

  it('knows when it is stale', async () => {
    const stale = (feed = c2): Promise<boolean> => snapshotIsStale(specOf([feed]), snapshot);
    expect(await stale()).to.equal(true);
    await compileSnapshot(specOf([c2]), snapshot);
    expect(await stale()).to.equal(false);
    const later = new Date(Date.now() + 60_000);
    await utimes(join(baseDir, 'c2.txt'), later, later);
    expect(await stale(), 'touched, same content').to.equal(false);
    expect(await stale({ ...c2, category: 'other' }), 'configuration').to.equal(true);
    await writeFile(join(baseDir, 'c2.txt'), '203.0.113.9\n');
    expect(await stale(), 'content').to.equal(true);
  });

  it('reads gzip by its first bytes, and globs', async () => {
    await mkdir(join(baseDir, 'lists'));
    await writeFile(join(baseDir, 'lists', 'one.txt'), gzipSync('203.0.113.7\n'));
    await writeFile(join(baseDir, 'lists', 'two.txt'), '203.0.113.7\n');
    const { version } = await compileSnapshot(specOf([{ ...c2, uri: 'lists/*.txt' }]), snapshot);
    const { tags } = openSnapshot({ version, directory: snapshot });
    const entries = tags.entries(tags.find4(word('203.0.113.7')));
    expect(entries.map(({ source }) => source)).to.deep.equal(['one.txt', 'two.txt']);
  });

  it('opens once a process', async () => {
    const { version } = await compileSnapshot(specOf([c2]), snapshot);
    const ref = { version, directory: snapshot };
    expect(openSnapshot(ref)).to.equal(openSnapshot(ref));
  });

  describe('fails, and shows nothing new, with', () => {
    const cases = [
      ['a missing file', { uri: 'none.txt' }, 'feed "my-c2": no such file or folder "none.txt"'],
      [
        'an empty glob',
        { uri: 'none/*.txt' },
        'feed "my-c2": none of the 0 files of "none/*.txt" belongs to it',
      ],
      ['an unknown format', { format: 'stix' }, 'feed "my-c2": no such format "stix"'],
      ['a truncated gzip', { uri: 'cut.gz' }, 'feed "my-c2": cut.gz: unexpected end of file'],
      [
        'wrong columns',
        { format: 'csv', uri: 'odd.csv' },
        'feed "my-c2": odd.csv: no column for address',
      ],
    ] as const;
    for (const [name, change, message] of cases) {
      it(name, async () => {
        const gzip = gzipSync(Array.from({ length: 100 }, (_, i) => `203.0.113.${i}\n`).join(''));
        await writeFile(join(baseDir, 'cut.gz'), gzip.subarray(0, gzip.length / 2));
        await writeFile(join(baseDir, 'odd.csv'), 'a,b\n1,2\n');
        expect(await failure([{ ...c2, ...change }])).to.include(message);
        const left = await readdir(snapshot).catch(() => []);
        expect(left).to.deep.equal([]);
      });
    }

    it('a missing customer file', async () => {
      await rm(join(baseDir, 'customers.csv'));
      expect(await failure([c2])).to.equal(
        'feed "customers": no such file or folder "customers.csv"',
      );
    });

    it('no customer', async () => {
      await writeFile(join(baseDir, 'customers.csv'), 'customer,cidr\nacme,nonsense\n');
      expect(await failure([c2])).to.equal(
        'customers: none of the 1 lines of "customers.csv" is a customer\'s network; line 2: "acme,nonsense" (bad-address)',
      );
    });

    it('more than 32 categories', async () => {
      const lines = Array.from({ length: 33 }, (_, i) => `203.0.113.${i},c${i}`);
      await writeFile(join(baseDir, 'many.csv'), `ip,category\n${lines.join('\n')}\n`);
      const message = await failure([{ ...c2, format: 'csv', uri: 'many.csv' }]);
      expect(message).to.include('reference: 33 distinct categories, at most 32');
    });
  });
});
