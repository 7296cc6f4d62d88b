import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect } from 'chai';
import { FakeEngine } from '../beam/worker/fake-engine.js';
import { TemporaryFiles } from './temporary-files.js';

const CLI = resolve(import.meta.dirname, '../../launch/cli.js');

interface Started {
  readonly process: ChildProcess;
  /** Resolves with the exit code, and what was printed. */
  readonly end: Promise<{ code: number | null; stderr: string }>;
}

function start(...flags: readonly string[]): Started {
  const child = spawn(process.execPath, [CLI, 'worker', ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const end = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  return { process: child, end };
}

describe('flowsieve worker', () => {
  const files = new TemporaryFiles();
  let engine: FakeEngine;

  beforeEach(async () => {
    engine = await FakeEngine.start();
  });

  afterEach(() => {
    engine.stop();
  });

  const logged = async (text: string): Promise<number> => {
    for (;;) {
      const found = engine.logs.find(({ message }) => message.includes(text));
      if (found !== undefined) return found.severity;
      await once(engine, 'log');
    }
  };

  it('asks for its endpoints, logs with levels, and exits 0 when the engine ends it', async () => {
    const worker = start(
      "--id='w 1'",
      `--provision_endpoint=${engine.endpoint}`,
      '--semi_persist_dir=/x',
    );
    expect(await logged('has started')).to.equal(3);
    await engine.connected();
    engine.control?.end();
    expect((await worker.end).code).to.equal(0);
    expect(new Set(engine.workerIds)).to.deep.equal(new Set(['w 1']));
  });

  it('loads what registers the steps, and tells why where it cannot', async () => {
    const missing = files.path('missing.js');
    const worker = start(
      '--id=w',
      `--control_endpoint=${engine.endpoint}`,
      `--logging_endpoint=${engine.endpoint}`,
      `--module=${missing}`,
    );
    expect(await logged(missing)).to.equal(7);
    const { code, stderr } = await worker.end;
    expect(code).to.equal(1);
    expect(stderr).to.include(missing);
  });

  it('exits 1 where nobody answers, and when the engine is gone', async () => {
    const nobody = start('--id=w', '--provision_endpoint=127.0.0.1:1');
    expect((await nobody.end).code).to.equal(1);
    const worker = start('--id=w', `--provision_endpoint=${engine.endpoint}`);
    await engine.connected();
    await logged('has started');
    engine.stop();
    expect((await worker.end).code).to.equal(1);
  });

  it('exits 0 on SIGTERM', async () => {
    const worker = start('--id=w', `--provision_endpoint=${engine.endpoint}`);
    await logged('has started');
    worker.process.kill('SIGTERM');
    expect((await worker.end).code).to.equal(0);
  });

  it('runs a process for each sibling, and all end with the first that does', async () => {
    engine.provision = { siblingWorkerIds: ['w-2', 'w-3'] };
    const worker = start('--id=w-1', `--provision_endpoint=${engine.endpoint}`);
    while (engine.controls.length < 3) await once(engine, 'control');
    expect([...new Set(engine.workerIds)].sort()).to.deep.equal(['w-1', 'w-2', 'w-3']);
    for (const id of ['w-1', 'w-2', 'w-3']) await logged(`${id} has started`);
    engine.controls[1].end();
    expect((await worker.end).code).to.equal(0);
  });
});
