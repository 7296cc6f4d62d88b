import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import '../../beam/operators.js';
import { makeSource, type Delivery, type LiveSource } from '../../beam/source.js';
import { compileSnapshot } from '../../reference/compile.js';
import { openSnapshot, type ManifestRef } from '../../reference/snapshot.js';
import { LATEST_REFERENCE } from '../../transforms/read/live/latest-reference.js';
import { LATEST_SUPPRESSIONS } from '../../transforms/read/live/latest-suppressions.js';
import type { Suppression } from '../../filters/suppression.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const EVERY_MS = 5;

/** What a source delivers and counts, as a runner would take it. */
class Followed {
  readonly deliveries: Delivery[] = [];
  readonly counters = new Map<string, number>();
  readonly #source: LiveSource;
  readonly #ended: Promise<void>;

  constructor(source: string, params: object) {
    this.#source = makeSource(Buffer.from(JSON.stringify({ source, params })));
    const intake = {
      deliver: (delivery: Delivery): Promise<void> => {
        this.deliveries.push(delivery);
        return Promise.resolve();
      },
      count: (name: string, by = 1): void => {
        this.counters.set(name, (this.counters.get(name) ?? 0) + by);
      },
    };
    this.#ended = this.#source.run(intake, new Map());
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }

  /** Lets it look some times more. */
  async wait(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 10 * EVERY_MS));
  }

  async stop(): Promise<void> {
    await this.#source.stop();
    await this.#source.stop();
    await this.#ended;
  }

  values(): unknown[] {
    return this.deliveries.map(({ value }) => value);
  }
}

describe('latest reference', () => {
  const files = new TemporaryFiles();
  let directory: string;
  let followed: Followed;

  beforeEach(() => {
    directory = files.path('snapshot');
  });

  function follow(): void {
    followed = new Followed(LATEST_REFERENCE, { directory, everyMs: EVERY_MS });
  }

  afterEach(() => followed.stop());

  async function publish(customer: string): Promise<ManifestRef> {
    files.write('customers.csv', `customer,cidr\n${customer},192.0.2.0/24\n`);
    const spec = { feeds: [], customers: { uri: 'customers.csv' }, baseDir: files.directory };
    return { version: (await compileSnapshot(spec, directory)).version, directory };
  }

  function unusable(): number {
    return followed.counters.get('reference/unusable') ?? 0;
  }

  it('is delivered at once, and whenever it is another', async () => {
    const began = Date.now();
    const first = await publish('acme');
    follow();
    await followed.until(() => followed.deliveries.length === 1);
    const second = await publish('beta');
    await followed.until(() => followed.deliveries.length === 2);
    await publish('beta');
    await followed.wait();
    expect(followed.values()).to.deep.equal([first, second]);
    const [{ timestampMs }] = followed.deliveries;
    expect(timestampMs).to.be.within(began, Date.now());
    expect(unusable()).to.equal(0);
  });

  it('waits for the first', async () => {
    follow();
    await followed.until(() => unusable() === 1);
    await followed.wait();
    expect(unusable(), 'once').to.equal(1);
    const first = await publish('acme');
    await followed.until(() => followed.deliveries.length === 1);
    expect(followed.values()).to.deep.equal([first]);
  });

  const damages = [
    ['is not there', (folder: string) => rmSync(folder, { recursive: true })],
    ['has no manifest', (folder: string) => rmSync(join(folder, 'manifest.json'))],
    ['has half a manifest', (folder: string) => halve(join(folder, 'manifest.json'))],
    ['lacks a table', (folder: string) => rmSync(join(folder, 'tags.table'))],
    ['has half a table', (folder: string) => halve(join(folder, 'tags.table'))],
    ['has a flipped bit', (folder: string) => flip(join(folder, 'tags.table'))],
  ] as const;
  for (const [name, damage] of damages) {
    it(`keeps the last one while the next ${name}`, async () => {
      const first = await publish('acme');
      follow();
      await followed.until(() => followed.deliveries.length === 1);
      const latest = readFileSync(join(directory, 'latest'));

      // Made and damaged out of sight, then named.
      await followed.stop();
      const next = await publish('beta');
      damage(join(directory, next.version));
      const named = readFileSync(join(directory, 'latest'));
      writeFileSync(join(directory, 'latest'), latest);
      follow();
      await followed.until(() => followed.deliveries.length === 1);
      writeFileSync(files.path('named'), named);
      copyFileSync(files.path('named'), join(directory, 'latest.new'));
      renameSync(join(directory, 'latest.new'), join(directory, 'latest'));
      await followed.until(() => unusable() === 1);
      await followed.wait();
      expect(followed.values()).to.deep.equal([first]);
      expect(unusable(), 'tried once').to.equal(1);

      // Building repairs it, and the same version is tried again.
      await publish('beta');
      await followed.until(() => followed.deliveries.length === 2);
      expect(followed.values()).to.deep.equal([first, next]);
      expect(openSnapshot(next).customers.customers).to.deep.equal(['beta']);
    });
  }

  function halve(path: string): void {
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length / 2));
  }

  function flip(path: string): void {
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(path, bytes);
  }
});

describe('latest suppressions', () => {
  const files = new TemporaryFiles();
  let path: string;
  let followed: Followed;

  function entry(customer: string): string {
    return `- customer: ${customer}\n  reason: known\n  owner: soc\n`;
  }

  function follow(): void {
    path = files.path('suppressions.yaml');
    followed = new Followed(LATEST_SUPPRESSIONS, { path, everyMs: EVERY_MS });
  }

  afterEach(() => followed.stop());

  function customers(): (string | undefined)[][] {
    return (followed.values() as (readonly Suppression[])[]).map((entries) =>
      entries.map(({ customer }) => customer),
    );
  }

  it('are delivered at once, and whenever their file says something else', async () => {
    files.write('suppressions.yaml', entry('acme'));
    follow();
    await followed.until(() => followed.deliveries.length === 1);
    files.write('suppressions.yaml', entry('acme'));
    await followed.wait();
    files.write('suppressions.yaml', entry('acme') + entry('beta'));
    await followed.until(() => followed.deliveries.length === 2);
    files.write('suppressions.yaml', '');
    await followed.until(() => followed.deliveries.length === 3);
    expect(customers()).to.deep.equal([['acme'], ['acme', 'beta'], []]);
  });

  const bad = [
    ['no YAML', '- customer: [\n'],
    ['an entry without a reason', '- customer: acme\n'],
    ['no list', 'customer: acme\n'],
    ['nothing at all', undefined],
  ] as const;
  for (const [name, text] of bad) {
    it(`stay as they are while the file has ${name}`, async () => {
      files.write('suppressions.yaml', entry('acme'));
      follow();
      await followed.until(() => followed.deliveries.length === 1);
      if (text === undefined) rmSync(path);
      else files.write('suppressions.yaml', text);
      await followed.until(() => followed.counters.get('suppressions/unusable') === 1);
      await followed.wait();
      expect(followed.counters.get('suppressions/unusable'), 'once').to.equal(1);
      files.write('suppressions.yaml', entry('beta'));
      await followed.until(() => followed.deliveries.length === 2);
      expect(customers()).to.deep.equal([['acme'], ['beta']]);
    });
  }

  it('are not read where the file is a log', async () => {
    files.write('suppressions.yaml', Buffer.alloc((16 << 20) + 1, '#'));
    follow();
    await followed.until(() => followed.counters.get('suppressions/unusable') === 1);
    expect(followed.deliveries).to.deep.equal([]);
  });
});
