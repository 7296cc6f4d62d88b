import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { pruneTree, type Pruned } from '../../image/prune-tree.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the tree that the image holds', function () {
  this.timeout(300_000);
  let folder: string;
  let tree: string;
  let pruned: Pruned;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flowsieve-image-'));
    tree = join(folder, 'app');
    pruned = await pruneTree(ROOT, tree);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /**
   * Runs the program of the tree in a process that says which modules it loaded; none may lie
   * outside, where a lost file would be found again in a node_modules further up.
   */
  async function flowsieve(args: readonly string[], input?: string): Promise<Outcome> {
    const coverage = await mkdtemp(join(folder, 'loaded-'));
    const { NODE_OPTIONS: _options, NODE_PATH: _path, ...environment } = process.env;
    const child = spawn(process.execPath, [join(tree, 'dist/launch/container.js'), ...args], {
      cwd: folder,
      env: { ...environment, NODE_V8_COVERAGE: coverage },
    });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const [code] = (await once(child, 'close')) as [number];
    const loaded = readdirSync(coverage).flatMap((name) => {
      const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8')) as {
        result: readonly { url: string }[];
      };
      return result.flatMap(({ url }) => (url.startsWith('file:') ? [fileURLToPath(url)] : []));
    });
    expect(loaded).to.not.deep.equal([]);
    expect(loaded.filter((path) => !path.startsWith(tree))).to.deep.equal([]);
    return { code, ...text };
  }

  /** A small generated network with its configuration. */
  async function network(): Promise<string> {
    const net = join(folder, 'net');
    if (!existsSync(net)) {
      const { code, stderr } = await flowsieve(['generate', net, '--flows', '2000']);
      expect(code, stderr).to.equal(0);
    }
    return net;
  }

  it('is a small part of what is installed, and has no compilers', () => {
    expect(pruned.kept.bytes).to.be.lessThan(45e6);
    for (const name of ['typescript', 'ttypescript', '@protobuf-ts/plugin', 'mocha', 'eslint']) {
      expect(existsSync(join(tree, 'node_modules', name)), name).to.equal(false);
    }
    for (const name of ['test', 'bench', 'image']) {
      expect(existsSync(join(tree, 'dist', name)), name).to.equal(false);
    }
  });

  it('has the licence of every package that has one', async () => {
    const lost: string[] = [];
    for (const path of pruned.packages) {
      const has = (root: string): boolean =>
        readdirSync(join(root, path)).some((name) => /^licen[cs]e/i.test(name));
      if (has(ROOT) && !has(tree)) lost.push(path);
    }
    expect(lost).to.deep.equal([]);
    expect(await readFile(join(tree, 'LICENSE'), 'utf8')).to.contain('Apache License');
  });

  it('loads every module of the program, also those that are loaded late', async () => {
    const script = join(folder, 'load-all.mjs');
    await writeFile(script, LOAD_ALL);
    const { stdout } = await promisify(execFile)(process.execPath, [script, tree]);
    const { modules, failed } = JSON.parse(stdout) as { modules: number; failed: string[] };
    expect(failed).to.deep.equal([]);
    expect(modules).to.be.greaterThan(300);
  });

  it('says its version and its commands', async () => {
    const version = await flowsieve(['--version']);
    const { version: own } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(version.stdout.trim()).to.equal(own);
    const { code, stdout } = await flowsieve(['--help']);
    expect(code).to.equal(0);
    expect(stdout).to.contain('reference');
  });

  it('runs the demo and finds all that is planted', async () => {
    const { code, stdout, stderr } = await flowsieve(['demo', '--output', join(folder, 'demo')]);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.contain('known-bad-remote');
  });

  it('updates reference data', async () => {
    const net = await network();
    const { code, stderr } = await flowsieve(['reference', 'update', join(net, 'flowsieve.yaml')]);
    expect(code, stderr).to.equal(0);
  });

  it('runs without an end, from standard input, with its state in LevelDB', async () => {
    const net = await network();
    const flows = join(net, 'flows');
    const lines = readdirSync(flows).flatMap((name) =>
      readFileSync(join(flows, name), 'utf8').trim().split('\n'),
    );
    // The header of each file stays where it is: one is enough.
    const header = lines[0];
    const rows = lines.filter((line) => line !== header);
    rows.sort((a, b) => Number(a.split(',')[1]) - Number(b.split(',')[1]));
    const out = join(folder, 'live');
    const { code, stderr } = await flowsieve(
      ['run', join(net, 'flowsieve.yaml'), '--streaming', '--input', '-', '--output', out],
      `${[header, ...rows].join('\n')}\n`,
    );
    expect(code, stderr).to.equal(0);
    expect(readdirSync(join(out, 'findings'))).to.not.deep.equal([]);
  });

  it('calls Pub/Sub and Cloud Storage as far as a server that is not there', async () => {
    const script = join(tree, 'dist', 'call-clouds.mjs');
    await writeFile(script, CALL_CLOUDS);
    const { stdout } = await promisify(execFile)(process.execPath, [script], {
      env: {
        ...process.env,
        PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
        STORAGE_EMULATOR_HOST: 'http://127.0.0.1:1',
        METADATA_SERVER_DETECTION: 'none',
      },
    });
    expect(stdout).to.contain('pubsub: 14 UNAVAILABLE');
    expect(stdout).to.contain('storage: ').and.to.contain('ECONNREFUSED');
    await rm(script);
  });

  describe('is not made', () => {
    async function program(source: string): Promise<string> {
      const from = await mkdtemp(join(folder, 'program-'));
      await mkdir(join(from, 'dist'));
      await writeFile(join(from, 'dist', 'main.js'), source);
      await writeFile(join(from, 'package.json'), '{"type":"module"}');
      await writeFile(join(from, 'LICENSE'), 'none');
      await mkdir(join(from, 'node_modules'));
      return from;
    }
    const failure = (from: string): Promise<unknown> =>
      pruneTree(from, join(from, 'to')).then(
        () => undefined,
        (error: unknown) => error,
      );

    it('where the program imports what production has not', async () => {
      const from = await program("import 'a-dependency-of-development';");
      expect(String(await failure(from))).to.contain('a-dependency-of-development');
    });

    it('without a program', async () => {
      const from = await program('');
      await rm(join(from, 'dist', 'main.js'));
      expect(String(await failure(from))).to.contain('dist has no program');
    });

    it('but for licences, types and what nothing loads', async () => {
      const from = await program("import 'one';");
      const one = join(from, 'node_modules', 'one');
      await mkdir(one);
      const files = ['index.js', 'index.d.ts', 'unused.js', 'LICENSE.txt', 'README.md'];
      for (const name of files) await writeFile(join(one, name), '');
      await writeFile(join(one, 'package.json'), '{"name":"one"}');
      await cp(one, join(from, 'node_modules', 'two'), { recursive: true });
      const { packages } = await pruneTree(from, join(from, 'to'));
      expect(packages).to.deep.equal(['node_modules/one']);
      expect(readdirSync(join(from, 'to', 'node_modules')).sort()).to.deep.equal(['one']);
      expect(readdirSync(join(from, 'to', 'node_modules', 'one')).sort()).to.deep.equal([
        'LICENSE.txt',
        'index.js',
        'package.json',
      ]);
    });
  });
});

/** Imports every module of the program but those that start something when they are loaded. */
const LOAD_ALL = `
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
const dist = join(process.argv[2], 'dist');
const starts = ['launch/cli.js', 'launch/container.js', 'transforms/read/live/netflow-collector/thread.js'];
const failed = [];
let modules = 0;
for (const name of readdirSync(dist, { recursive: true })) {
  if (!name.endsWith('.js') || starts.includes(name)) continue;
  modules++;
  try { await import(pathToFileURL(join(dist, name)).href); } catch (error) { failed.push(name + ': ' + error.message); }
}
process.stdout.write(JSON.stringify({ modules, failed }), () => process.exit(0));
`;

/** The clients load their definitions when they first call. */
const CALL_CLOUDS = `
import { PubSub } from '@google-cloud/pubsub';
import { Storage } from '@google-cloud/storage';
const told = (name) => (error) => process.stdout.write(name + ': ' + error.message + '\\n');
const pubsub = new PubSub({ projectId: 'p' });
await pubsub.topic('t').getMetadata({ timeout: 2000, retry: null }).catch(told('pubsub'));
const storage = new Storage({ projectId: 'p', retryOptions: { autoRetry: false } });
await storage.bucket('b').file('f').download().catch(told('storage'));
process.exit(0);
`;
