import '../../beam/operators.js';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { decodeChunk, encodeChunk, type InputSpec } from '../../pipeline/chunk.js';
import {
  FollowedFiles,
  type FollowOptions,
  type FollowParams,
} from '../../transforms/read/live/followed-files.js';
import { makeSource } from '../../beam/source.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { nfcapd } from '../../transforms/decode/nfcapd.js';
import { sharedData } from '../shared-data.js';
import { SimulatedJob } from './simulated-job.js';

const HEADER = 'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes\n';

/** Waiting times of a test; those of the product are seconds and minutes. */
const FAST = { settledMs: 100, quietMs: 600_000, everyMs: 100, forgetMs: 300 } as const;

function input(format = 'auto'): InputSpec {
  return { name: 'in', uri: 'in', format, sensor: '', samplingRate: 0, unknownFlags: 'drop' };
}

/** Lines of flows that are told apart by their source port. */
function flows(from: number, count: number): string {
  return Array.from(
    { length: count },
    (_, i) => `1,2,192.0.2.1,203.0.113.1,${from + i},443,6,1,40\n`,
  ).join('');
}

function ports(job: SimulatedJob): number[] {
  return job.lines.map((line) => Number(line.split(',')[4]));
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

describe('followed files', () => {
  const files = new TemporaryFiles();

  function follow(
    location: FollowParams['location'],
    options: Partial<FollowOptions> = {},
    format = 'auto',
  ): FollowedFiles {
    const warn = (): void => undefined;
    return new FollowedFiles({ input: input(format), location }, { ...FAST, warn, ...options });
  }

  function directory(options: Partial<FollowOptions> = {}, format = 'auto'): FollowedFiles {
    return follow({ kind: 'directory', path: files.path('spool') }, options, format);
  }

  beforeEach(() => mkdirSync(files.path('spool')));

  /** Makes a file old, so that it is complete when it is first seen. */
  function age(path: string, seconds = 3600): string {
    const time = Date.now() / 1000 - seconds;
    utimesSync(path, time, time);
    return path;
  }

  it('is registered', () => {
    const params = { input: input(), location: { kind: 'file', path: '/nowhere' } };
    const payload = Buffer.from(JSON.stringify({ source: 'flowsieve/follow', params }));
    expect(makeSource(payload)).to.be.instanceOf(FollowedFiles);
  });

  it('reads what is there, the oldest first, by name within a second, and what comes', async () => {
    age(files.write('spool/c.csv', HEADER + flows(20, 10)), 7200);
    age(files.write('spool/b.csv', HEADER + flows(10, 10)));
    age(files.write('spool/a.csv', HEADER + flows(0, 10)), 3600);
    const job = new SimulatedJob();
    let written = false;
    await job.run(directory(), () => {
      if (job.lineCount >= 30 && !written) {
        files.write('spool/0.csv', HEADER + flows(30, 10));
        written = true;
      }
      return job.lineCount >= 40;
    });
    const [c, first, second, last] = [
      ports(job).slice(0, 10),
      ports(job).slice(10, 20),
      ports(job).slice(20, 30),
      ports(job).slice(30),
    ];
    expect(c).to.deep.equal(range(20, 10));
    expect([...first, ...second].sort((x, y) => x - y)).to.deep.equal(range(0, 20));
    expect(last).to.deep.equal(range(30, 10));
    expect(job.counters.get('files')).to.equal(4);
  });

  it('gives chunks that decode as those of a batch, with their arrival', async () => {
    const path = age(files.write('spool/a.csv', HEADER + flows(0, 3)));
    const job = new SimulatedJob();
    await job.run(directory(), () => job.lineCount === 3);
    const [chunk] = job.committed;
    const { arrivedMs = 0, ...rest } = decodeChunk(encodeChunk(chunk));
    expect(Date.now() - arrivedMs).to.be.within(0, 60_000);
    expect(rest).to.deep.include({
      uri: path,
      format: 'csv',
      offset: HEADER.length,
      input: input(),
    });
    expect(Buffer.from(rest.preamble).toString()).to.equal(HEADER);
  });

  it('follows lines as they come, and never half a line', async () => {
    const path = files.write('spool/live.csv', HEADER);
    const job = new SimulatedJob();
    let step = 0;
    const steps = [
      () => appendFileSync(path, flows(0, 2) + '1,2,192.0.2.1,203.0'),
      () => appendFileSync(path, '.113.1,2,443,6,1,40\n' + flows(3, 1)),
      () => appendFileSync(path, flows(4, 1)),
    ];
    const expected = [0, 2, 4, 5];
    await job.run(directory(), () => {
      if (job.lineCount < expected[step]) return false;
      steps[step++]?.();
      return step > steps.length;
    });
    expect(ports(job)).to.deep.equal(range(0, 5));
  });

  it('takes a last line without a line feed once the file is quiet', async () => {
    files.write('spool/a.csv', HEADER + flows(0, 2).trimEnd());
    const job = new SimulatedJob();
    await job.run(directory({ quietMs: 300 }), () => job.lineCount === 2);
    expect(ports(job)).to.deep.equal([0, 1]);
  });

  it('waits for the line after a header, whatever was written of it', async () => {
    const path = files.write('spool/a.csv', HEADER.slice(0, 20));
    const job = new SimulatedJob();
    let tried = 0;
    await job.run(directory(), () => {
      tried++;
      if (tried === 60) appendFileSync(path, HEADER.slice(20));
      if (tried === 120) appendFileSync(path, flows(0, 1));
      return job.lineCount === 1;
    });
    expect(job.rejects).to.deep.equal([]);
    expect(ports(job)).to.deep.equal([0]);
  });

  it('reads a log on that is rotated by renaming, inside and outside of what is followed', async () => {
    for (const location of [
      { kind: 'file', path: files.path('spool/flows.csv') },
      { kind: 'glob', pattern: files.path('spool/*.csv') },
      { kind: 'directory', path: files.path('spool') },
    ] as const) {
      rmSync(files.path('spool'), { recursive: true });
      const path = files.write('spool/flows.csv', HEADER + flows(0, 10));
      const job = new SimulatedJob();
      let rotated = false;
      await job.run(follow(location), () => {
        if (job.lineCount >= 10 && !rotated) {
          rotated = true;
          renameSync(path, `${path}.1`);
          // The writer has not noticed yet.
          appendFileSync(`${path}.1`, flows(10, 5));
          files.write('spool/flows.csv', HEADER + flows(15, 5));
        }
        return job.lineCount >= 20;
      });
      expect(
        ports(job).sort((a, b) => a - b),
        location.kind,
      ).to.deep.equal(range(0, 20));
    }
  });

  it('reads on after a restart what was rotated away meanwhile', async () => {
    const path = files.write('spool/flows.csv', HEADER + flows(0, 10));
    const location = { kind: 'file', path } as const;
    const job = new SimulatedJob();
    await job.run(follow(location), () => job.lineCount === 10);
    appendFileSync(path, flows(10, 5));
    renameSync(path, `${path}.1`);
    files.write('spool/flows.csv', HEADER + flows(15, 5));
    await job.run(follow(location), () => job.lineCount >= 20);
    // Within one second the names decide.
    expect(ports(job).sort((a, b) => a - b)).to.deep.equal(range(0, 20));
  });

  it('reads a file that was cut from its start', async () => {
    const path = files.write('spool/flows.csv', HEADER + flows(0, 10));
    const job = new SimulatedJob();
    let cut = false;
    await job.run(directory(), () => {
      if (job.lineCount === 10 && !cut) {
        cut = true;
        truncateSync(path);
        appendFileSync(path, HEADER + flows(100, 3));
      }
      return job.lineCount >= 13;
    });
    expect(ports(job)).to.deep.equal([...range(0, 10), ...range(100, 3)]);
  });

  it('reads another file that has the name and inode of one that is gone', async () => {
    const path = files.write('spool/flows.csv', HEADER + flows(0, 10));
    const job = new SimulatedJob();
    await job.run(directory(), () => job.lineCount === 10);
    // Written in place: longer than the old one, and with other first bytes.
    writeFileSync(path, HEADER + flows(100, 30));
    await job.run(directory(), () => job.lineCount >= 40);
    expect(ports(job)).to.deep.equal([...range(0, 10), ...range(100, 30)]);
  });

  for (const name of ['.hidden.csv', 'a.csv.tmp', 'a.csv.part', 'a.csv~', 'nfcapd.current.4711']) {
    it(`leaves ${name} until it is renamed`, async () => {
      const path = age(files.write(`spool/${name}`, HEADER + flows(0, 5)));
      age(files.write('spool/z.csv', HEADER + flows(5, 5)), 10);
      const job = new SimulatedJob();
      let before: number[] = [];
      await job.run(directory(), () => {
        if (job.lineCount === 5 && before.length === 0) {
          before = ports(job);
          renameSync(path, files.path('spool/a.csv'));
        }
        return job.lineCount >= 10;
      });
      expect(before).to.deep.equal(range(5, 5));
      expect(ports(job)).to.deep.equal([...range(5, 5), ...range(0, 5)]);
    });
  }

  it('reads a compressed file when it is complete, and no part of it twice', async () => {
    const content = HEADER + flows(0, 20_000);
    const zipped = gzipSync(content);
    const path = files.write('spool/a.csv.gz', zipped.subarray(0, 1000));
    const job = new SimulatedJob();
    let grown = 0;
    await job.run(directory(), () => {
      // It stands still for longer than a complete file does, twice.
      if (grown === 0 && job.lineCount > 0) {
        grown = 1;
        appendFileSync(path, zipped.subarray(1000, 30_000));
      } else if (grown === 1 && job.lineCount > 5000) {
        grown = 2;
        appendFileSync(path, zipped.subarray(30_000));
      }
      return job.lineCount >= 20_000;
    });
    expect(job.rejects).to.deep.equal([]);
    expect(ports(job)).to.deep.equal(range(0, 20_000));
  });

  it('counts a compressed file that stays cut, after all that is whole', async () => {
    const zipped = gzipSync(HEADER + flows(0, 1000));
    age(files.write('spool/a.csv.gz', zipped.subarray(0, zipped.length - 100)), 7200);
    const job = new SimulatedJob();
    await job.run(directory({ quietMs: 1000 }), () => job.rejects.length > 0);
    expect(job.rejects.map(({ format, reason }) => `${format}/${reason}`)).to.deep.equal([
      'csv/file-truncated',
    ]);
    expect(job.lineCount).to.be.within(100, 1000);
    expect(ports(job)).to.deep.equal(range(0, job.lineCount));
  });

  it('counts once what cannot be read, and reads it when it can be', async function () {
    if (process.getuid?.() === 0) {
      process.stdout.write('      skipped: root may read everything\n');
      this.skip();
    }
    const path = age(files.write('spool/a.csv', HEADER + flows(0, 5)));
    chmodSync(path, 0);
    const job = new SimulatedJob();
    await job.run(directory(), () => job.rejects.length > 0);
    chmodSync(path, 0o600);
    await job.run(directory(), () => job.lineCount === 5);
    expect(job.counters.get('rejects/unknown/file-not-permitted')).to.equal(1);
  });

  it('counts a file of no known format once, over restarts too', async () => {
    age(files.write('spool/a.txt', 'no flows\nat all\n'));
    const job = new SimulatedJob();
    const seen = (): boolean => job.rejects.length > 0;
    await job.run(directory(), seen);
    files.write('spool/b.csv', HEADER + flows(0, 1));
    await job.run(directory(), () => job.lineCount === 1);
    appendFileSync(files.path('spool/b.csv'), flows(1, 1));
    await job.run(directory(), () => job.lineCount === 2);
    // The first run ended before a delivery could take the checkpoint along.
    expect(job.rejects.length).to.be.within(1, 2);
    const told = job.rejects.length;
    appendFileSync(files.path('spool/b.csv'), flows(2, 1));
    await job.run(directory(), () => job.lineCount === 3);
    expect(job.rejects.length).to.equal(told);
    expect(job.rejects[0]).to.deep.include({
      reason: 'file-of-unknown-format',
      file: files.path('spool/a.txt'),
    });
  });

  it('survives hostile names, loops of links, folders and pipes', async () => {
    symlinkSync('.', files.path('spool/loop'));
    symlinkSync('b.csv', files.path('spool/c.csv'));
    symlinkSync('c.csv', files.path('spool/b.csv'));
    mkdirSync(files.path('spool/folder.csv'));
    execFileSync('mkfifo', [files.path('spool/pipe.csv')]);
    const names = ['new\nline.csv', '-rf.csv', '*.csv', '__proto__', ' ', 'ü[1].csv', '$(x).csv'];
    for (const [i, name] of names.entries())
      age(files.write(`spool/${name}`, HEADER + flows(i, 1)));
    symlinkSync(files.path('spool/*.csv'), files.path('spool/second-name.csv'));
    const bad = Buffer.concat([Buffer.from(`${files.path('spool')}/`), Buffer.from([0xff, 0xfe])]);
    writeFileSync(bad, HEADER + flows(50, 1));
    const job = new SimulatedJob();
    await job.run(directory(), () => job.lineCount >= names.length && job.rejects.length > 0);
    expect(ports(job).sort((a, b) => a - b)).to.deep.equal(range(0, names.length));
    expect(job.rejects.map(({ reason }) => reason)).to.deep.equal(['file-name-not-utf8']);
  });

  it('follows a glob through folders that come, and loops of links', async () => {
    symlinkSync('..', files.path('spool/up'));
    age(files.write('spool/a/one.csv', HEADER + flows(0, 1)));
    const job = new SimulatedJob();
    let written = false;
    await job.run(follow({ kind: 'glob', pattern: files.path('spool/**/*.csv') }), () => {
      if (job.lineCount > 0 && !written) {
        written = true;
        files.write('spool/b/c/two.csv', HEADER + flows(1, 1));
      }
      return job.lineCount >= 2;
    });
    expect(ports(job)).to.deep.equal([0, 1]);
  });

  it('waits for a folder and a file that are not there yet', async () => {
    rmSync(files.path('spool'), { recursive: true });
    for (const location of [
      { kind: 'directory', path: files.path('later') },
      { kind: 'file', path: files.path('later/a.csv') },
    ] as const) {
      const job = new SimulatedJob();
      let tried = 0;
      await job.run(follow(location), () => {
        if (++tried === 20) files.write('later/a.csv', HEADER + flows(0, 1));
        return job.lineCount === 1;
      });
      rmSync(files.path('later'), { recursive: true });
    }
  });

  it('removes the checkpoints of files that are gone', async () => {
    for (let i = 0; i < 5; i++) age(files.write(`spool/${i}.csv`, HEADER + flows(i, 1)));
    const job = new SimulatedJob();
    let removed = false;
    let written = 0;
    await job.run(directory(), () => {
      if (job.lineCount >= 5 && !removed) {
        removed = true;
        for (let i = 0; i < 5; i++) rmSync(files.path(`spool/${i}.csv`));
        files.write('spool/live.csv', HEADER);
      }
      if (removed && job.checkpoint.size > 1)
        appendFileSync(files.path('spool/live.csv'), flows(100 + written++, 1));
      return removed && job.checkpoint.size === 1;
    });
    expect([...job.checkpoint.values()].join()).to.include('live.csv');
  });

  it('reads again what has a checkpoint that is damaged', async () => {
    age(files.write('spool/a.csv', HEADER + flows(0, 3)));
    const job = new SimulatedJob();
    await job.run(directory(), () => job.lineCount === 3);
    for (const [key, text] of [...job.checkpoint]) job.checkpoint.set(key, text.slice(3));
    await job.run(directory(), () => job.lineCount === 6);
    expect(job.checkpoint.size).to.equal(1);
  });

  it('stops at once while there is no room', async () => {
    age(files.write('spool/a.csv', HEADER + flows(0, 3)));
    const job = new SimulatedJob();
    const asked = { times: 0 };
    job.room = () => {
      asked.times++;
      return new Promise(() => undefined);
    };
    await job.run(directory(), () => asked.times > 0);
    expect(job.committed).to.deep.equal([]);
  });

  it('passes on what the job fails with', async () => {
    age(files.write('spool/a.csv', HEADER + flows(0, 3)));
    const job = new SimulatedJob();
    job.room = () => Promise.reject(new Error('disk full'));
    const failure = await job
      .run(directory(), () => false)
      .then(
        () => undefined,
        (error: unknown) => error as Error,
      );
    expect(failure?.message).to.equal('disk full');
  });

  it('skips a line that is too long, over restarts, however it comes', async () => {
    const path = files.write('spool/a.csv', HEADER + flows(0, 1) + 'x'.repeat(3 << 20));
    const job = new SimulatedJob();
    await job.run(directory(), () => job.rejects.length > 0 && job.lineCount === 1);
    appendFileSync(path, 'x'.repeat(1000));
    await job.run(directory(), () => job.rejects.length > 0);
    appendFileSync(path, `y\n${flows(1, 1)}`);
    await job.run(directory(), () => job.lineCount >= 2);
    expect(ports(job)).to.deep.equal([0, 1]);
    expect([...new Set(job.rejects.map(({ reason }) => reason))]).to.deep.equal([
      'record-too-long',
    ]);
  });

  it('loses and doubles no record, wherever it is killed', async function () {
    this.timeout(300_000);
    const job = new SimulatedJob(3);
    let next = 0;
    const add = (name: string, count: number, pack?: (text: string) => Uint8Array): void => {
      const text = HEADER + flows(next, count);
      next += count;
      files.write(`spool/${name}`, pack === undefined ? text : pack(text));
    };
    for (let i = 0; i < 4; i++) {
      add(`day-${i}.csv`, 60_000);
      add(`day-${i}.csv.gz`, 60_000, gzipSync);
    }
    add('live.csv', 10);
    let state = 17;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >> 8) % below;
    };
    const live = files.path('spool/live.csv');
    for (let kill = 0; kill < 50; kill++) {
      const source = directory();
      let polls = 0;
      const until = random(12);
      await job.run(source, () => {
        const what = random(20);
        if (what < 6) appendFileSync(live, flows(next, 7));
        if (what < 6) next += 7;
        if (what === 6) {
          renameSync(live, files.path(`spool/live-${next}.csv`));
          add('live.csv', 3);
        }
        if (what === 7) add(`more-${next}.csv`, 500);
        if (what === 8) add(`more-${next}.csv.gz`, 500, gzipSync);
        return ++polls > until;
      });
      job.crash();
    }
    await job.run(directory(), () => {
      if (job.waiting.length > 0) job.commit();
      return job.lineCount >= next;
    });
    expect(job.rejects).to.deep.equal([]);
    expect(ports(job).sort((a, b) => a - b)).to.deep.equal(range(0, next));
  });

  it('reads what nfcapd rotates', async function () {
    this.timeout(120_000);
    const flowFile = sharedData(this, 'flows/derived/nfcapd/test7-nf9.nfcapd');
    for (const program of ['nfcapd', 'nfreplay', 'nfdump']) {
      if (spawnSync(program, ['-V']).error === undefined) continue;
      if (process.env['CI'] === 'true') throw new Error(`${program} is not installed`);
      process.stdout.write(`      skipped: ${program} is not installed\n`);
      this.skip();
    }
    const port = await freePort();
    const spool = files.path('spool');
    const daemon = spawn(
      'nfcapd',
      ['-w', spool, '-t', '3', '-b', '127.0.0.1', '-p', String(port)],
      {
        env: { ...process.env, TZ: 'UTC' },
        stdio: 'ignore',
      },
    );
    const exited = new Promise((resolve) => daemon.once('exit', resolve));
    const job = new SimulatedJob();
    try {
      let sent = false;
      await job.run(directory({ settledMs: 500 }), () => {
        const current = readdirSync(spool).some((name) => name.startsWith('nfcapd.current'));
        if (current && !sent) {
          sent = true;
          spawnSync('nfreplay', [
            '-r',
            flowFile,
            '-H',
            '127.0.0.1',
            '-p',
            String(port),
            '-v',
            '9',
            '-d',
            '1000',
          ]);
        }
        return job.committed.some(({ bytes }) => bytes.length > 1000);
      });
    } finally {
      daemon.kill('SIGTERM');
      await exited;
    }
    expect(job.rejects).to.deep.equal([]);
    expect(new Set(job.committed.map(({ format }) => format))).to.deep.equal(new Set(['nfcapd']));
    for (const { uri } of job.committed) expect(uri).to.match(/nfcapd\.\d{14}$/);
  });

  it('reads a binary file on within it', async function () {
    const content = readFileSync(sharedData(this, 'flows/derived/nfcapd/test7-nf9.nfcapd'));
    const start = nfcapd.preambleLength(content);
    const blocks = content.subarray(start, start + nfcapd.wholeRecords(content.subarray(start)));
    const times = Math.ceil(5e6 / blocks.length);
    const large = Buffer.concat([content.subarray(0, start), ...Array<Buffer>(times).fill(blocks)]);
    age(files.write('spool/nfcapd.202501010000', large));
    const job = new SimulatedJob();
    for (let run = 0; run < 3; run++) {
      job.room = () => {
        return job.committed.length > run ? new Promise(() => undefined) : Promise.resolve();
      };
      await job.run(directory(), () => job.committed.length > run);
    }
    job.room = () => Promise.resolve();
    await job.run(directory(), () => bytesOf(job) >= large.length - start);
    const read = Buffer.concat(job.committed.map(({ bytes }) => bytes));
    expect(read.equals(large.subarray(start))).to.equal(true);
  });

  it('copies are other files', async () => {
    age(files.write('spool/a.csv', HEADER + flows(0, 3)));
    const job = new SimulatedJob();
    await job.run(directory(), () => job.lineCount === 3);
    copyFileSync(files.path('spool/a.csv'), files.path('spool/b.csv'));
    await job.run(directory(), () => job.lineCount === 6);
    expect(ports(job)).to.deep.equal([0, 1, 2, 0, 1, 2]);
  });

  it('looks at a folder of many files without holding them', async function () {
    this.timeout(300_000);
    const count = Number(process.env['FOLLOWED_FILES'] ?? 5000);
    for (let i = 0; i < count; i++) {
      const path = join(files.path('spool'), `flows-${String(i).padStart(6, '0')}.csv`);
      writeFileSync(path, HEADER + flows(i, 1));
    }
    const job = new SimulatedJob(1000);
    const start = performance.now();
    await job.run(
      directory({ everyMs: 5000 }),
      () => job.committed.length + job.waiting.length >= count,
    );
    const ms = performance.now() - start;
    job.commit();
    expect(ports(job)).to.deep.equal(range(0, count));
    const mb = process.memoryUsage().heapUsed / 1e6;
    process.stdout.write(
      `      ${count} files in ${Math.round(ms)} ms, heap ${Math.round(mb)} MB\n`,
    );
  });
});

function bytesOf(job: SimulatedJob): number {
  return job.committed.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}
