import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { compileSnapshot } from '../../reference/compile.js';
import type { Manifest } from '../../reference/manifest.js';
import { openSnapshot, openSnapshotAhead } from '../../reference/snapshot.js';

describe('openSnapshot of broken files', () => {
  let folder: string;
  let manifest: Manifest;
  let version: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flowsieve-'));
    await writeFile(join(folder, 'customers.csv'), 'customer,cidr\nacme,192.0.2.0/24\n');
    const spec = { feeds: [], customers: { uri: 'customers.csv' }, baseDir: folder };
    manifest = await compileSnapshot(spec, folder);
    ({ version } = manifest);
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  function problem(): string {
    const ref = { version, directory: folder };
    try {
      openSnapshot(ref);
      return 'opened';
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** The other way to open must see the same. */
  async function problemAhead(): Promise<string> {
    return openSnapshotAhead({ version, directory: folder }).then(
      () => 'opened',
      (error: unknown) => (error as Error).message,
    );
  }

  /** Replaces a table and makes the manifest agree, as whoever can write the directory could. */
  async function forge(change: (bytes: Buffer) => Buffer): Promise<void> {
    const path = join(folder, version, 'tags.table');
    const bytes = change(await readFile(path));
    await writeFile(path, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const tags = { file: 'tags.table', bytes: bytes.length, sha256 };
    await rewrite({ tables: { ...manifest.tables, tags } });
  }

  async function rewrite(change: object): Promise<void> {
    const text = JSON.stringify({ ...manifest, ...change });
    await writeFile(join(folder, version, 'manifest.json'), text);
  }

  it('a flipped bit', async () => {
    const path = join(folder, version, 'tags.table');
    const bytes = await readFile(path);
    bytes[bytes.length - 1] ^= 1;
    await writeFile(path, bytes);
    expect(problem()).to.match(
      /^reference table tags.table: has sha256 [0-9a-f]{64}, the manifest says [0-9a-f]{64}$/,
    );
    expect(await problemAhead()).to.equal(problem());
  });

  it('a short file', async () => {
    const path = join(folder, version, 'tags.table');
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(1));
    expect(problem()).to.equal(
      `reference table tags.table: has ${bytes.length - 1} bytes, the manifest says ${bytes.length}`,
    );
  });

  it('a missing file', async () => {
    await rm(join(folder, version, 'tags.table'));
    expect(problem()).to.include('reference table tags.table: ENOENT');
    expect(await problemAhead()).to.include('reference table tags.table: ENOENT');
  });

  it('a missing version', () => {
    version = '0123456789abcdef';
    expect(problem()).to.equal(`no snapshot 0123456789abcdef in ${folder}`);
    version = '../../etc';
    expect(problem()).to.equal('snapshot version "../../etc", expected 16 hexadecimal digits');
  });

  const manifests = [
    ['another format', { format: 99 }, 'format 99, expected 2: build the snapshot again'],
    ['another version', { version: '0123456789abcdef' }, 'version 0123456789abcdef, expected '],
    [
      'a path for a file',
      { tables: { tags: { file: '../x', bytes: 1, sha256: '' } } },
      'tables.tags.file',
    ],
    ['no tables', { tables: {} }, 'has no customers'],
  ] as const;
  for (const [name, change, message] of manifests) {
    it(`a manifest of ${name}`, async () => {
      await rewrite(change);
      expect(problem()).to.include(message);
    });
  }

  const forgeries = [
    [
      'no magic',
      (b: Buffer) => Buffer.from(`X${b.toString('latin1').slice(1)}`, 'latin1'),
      'does not begin with FSREFTB1',
    ],
    [
      'another kind',
      (b: Buffer) =>
        Buffer.from(b.toString('latin1').replace('"kind":"tags"', '"kind":"tagz"'), 'latin1'),
      'holds a table of "tagz", expected "tags"',
    ],
    ['sections cut off', (b: Buffer) => b.subarray(0, b.length - 64), 'exceeds the file of'],
    [
      'a section that is not there',
      (b: Buffer) => Buffer.from(b.toString('latin1').replace('"masks"', '"maskz"'), 'latin1'),
      'has no section "masks" of u32',
    ],
    [
      'a huge header',
      (b: Buffer) => (b.writeUInt32LE(0xffffffff, 8), b),
      'header of 4294967295 bytes exceeds',
    ],
    ['nothing', () => Buffer.alloc(0), 'does not begin with FSREFTB1'],
  ] as const;
  for (const [name, change, message] of forgeries) {
    it(`a forged table with ${name}`, async () => {
      await forge(change);
      expect(problem()).to.include(message);
    });
  }
});

describe('opened snapshots', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flowsieve-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  async function compileFor(customer: string): Promise<{ version: string; directory: string }> {
    await writeFile(join(folder, 'customers.csv'), `customer,cidr\n${customer},192.0.2.0/24\n`);
    const customers = { uri: 'customers.csv' };
    const { version } = await compileSnapshot({ feeds: [], customers, baseDir: folder }, folder);
    return { version, directory: folder };
  }

  it('are the same whichever way they are opened', async () => {
    const ref = await compileFor('acme');
    const ahead = await openSnapshotAhead(ref);
    await rm(join(folder, ref.version), { recursive: true });
    expect(openSnapshot(ref)).to.equal(ahead);
    expect(await openSnapshotAhead(ref)).to.equal(ahead);
  });

  it('are kept, the last used three', async () => {
    const refs = [];
    for (const customer of ['a', 'b', 'c', 'd']) refs.push(await compileFor(customer));
    const [a, b, c] = refs.slice(0, 3).map(openSnapshot);
    expect(openSnapshot(refs[0])).to.equal(a);
    openSnapshot(refs[3]);
    expect(openSnapshot(refs[0]), 'used since').to.equal(a);
    expect(openSnapshot(refs[2])).to.equal(c);
    expect(openSnapshot(refs[1]), 'opened again').to.not.equal(b);
    expect(b.version, 'of use to who holds it').to.equal(refs[1].version);
  });
});
