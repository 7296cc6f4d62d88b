import '../../beam/operators.js';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { makeSource } from '../../beam/source.js';
import type { InputSpec } from '../../pipeline/chunk.js';
import { StandardInput } from '../../transforms/read/live/standard-input.js';
import { sharedData } from '../shared-data.js';
import { SimulatedJob } from './simulated-job.js';

const HEADER = 'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes\n';

function input(format = 'auto'): InputSpec {
  return { name: '-', uri: '-', format, sensor: '', samplingRate: 0, unknownFlags: 'drop' };
}

function flows(from: number, count: number): string {
  return Array.from(
    { length: count },
    (_, i) => `1,2,192.0.2.1,203.0.113.1,${from + i},443,6,1,40\n`,
  ).join('');
}

/** Reads all of it, in pieces of `size` bytes. */
async function readAll(content: Uint8Array, size: number, format = 'auto'): Promise<SimulatedJob> {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += size) pieces.push(content.subarray(at, at + size));
  const job = new SimulatedJob();
  const stream = Readable.from(pieces, { objectMode: false });
  await new StandardInput({ input: input(format) }, stream).run(job);
  return job;
}

describe('standard input', () => {
  const CSV = Buffer.from(HEADER + flows(0, 5000));

  it('is registered', () => {
    const payload = Buffer.from(
      JSON.stringify({ source: 'flowsieve/stdin', params: { input: input() } }),
    );
    expect(makeSource(payload)).to.be.instanceOf(StandardInput);
  });

  for (const size of [1, 7, 4096, 1 << 20]) {
    it(`is read to its end, in pieces of ${size} bytes`, async () => {
      const content = size === 1 ? Buffer.from(HEADER + flows(0, 50)) : CSV;
      const job = await readAll(content, size);
      expect(HEADER + job.text).to.equal(content.toString());
      for (const { preamble, uri } of job.committed) {
        expect(Buffer.from(preamble).toString()).to.equal(HEADER);
        expect(uri).to.equal('-');
      }
    });

    it(`gzip is expanded, in pieces of ${size} bytes`, async () => {
      const job = await readAll(gzipSync(CSV), size);
      expect(HEADER + job.text).to.equal(CSV.toString());
    });
  }

  it('a last line needs no line feed', async () => {
    const job = await readAll(CSV.subarray(0, -1), 4096);
    expect(HEADER + job.text).to.equal(CSV.subarray(0, -1).toString());
  });

  it('may be binary', async function () {
    const content = readFileSync(sharedData(this, 'flows/derived/nfcapd/test7-nf9.nfcapd'));
    const job = await readAll(content, 10_000);
    const read = Buffer.concat([
      job.committed[0].preamble,
      ...job.committed.map(({ bytes }) => bytes),
    ]);
    expect(read.equals(content)).to.equal(true);
    expect(new Set(job.committed.map(({ format }) => format))).to.deep.equal(new Set(['nfcapd']));
  });

  it('records are there as soon as they are written', async () => {
    const stream = new PassThrough();
    const job = new SimulatedJob();
    const source = new StandardInput({ input: input() }, stream);
    stream.write(HEADER);
    let written = 0;
    await job.run(source, () => {
      if (job.lineCount === written && written < 5) stream.write(flows(written++, 1));
      return job.lineCount === 5;
    });
    expect(job.text).to.equal(flows(0, 5));
  });

  it('waits while there is no room', async () => {
    let given = 0;
    const pieces = function* (): Generator<Uint8Array> {
      yield Buffer.from(HEADER);
      for (; given < 10_000; given++) yield Buffer.from(flows(given, 100));
    };
    const stream = Readable.from(pieces(), { objectMode: false, highWaterMark: 1 });
    const job = new SimulatedJob();
    const asked = { times: 0 };
    job.room = () => {
      asked.times++;
      return new Promise(() => undefined);
    };
    const source = new StandardInput({ input: input() }, stream);
    await job.run(source, () => asked.times > 0);
    expect(given).to.be.below(100);
    expect(job.committed).to.deep.equal([]);
  });

  it('stops while nothing comes', async () => {
    const stream = new PassThrough();
    const source = new StandardInput({ input: input() }, stream);
    let polls = 0;
    await new SimulatedJob().run(source, () => ++polls > 3);
    expect(stream.destroyed).to.equal(true);
    await source.run(new SimulatedJob());
  });

  it('without anything gives nothing', async () => {
    const job = await readAll(Buffer.alloc(0), 1);
    expect([job.committed, job.rejects]).to.deep.equal([[], []]);
  });

  it('of no known format is a reject', async () => {
    const job = await readAll(Buffer.from('no flows\n'), 4);
    expect(job.rejects.map(({ reason }) => reason)).to.deep.equal(['stream-of-unknown-format']);
    expect(job.counters.get('rejects/unknown/stream-of-unknown-format')).to.equal(1);
  });

  it('that is cut within gzip is a reject, after what is whole', async () => {
    const zipped = gzipSync(CSV);
    const job = await readAll(zipped.subarray(0, zipped.length - 20), 1000);
    expect(job.rejects.map(({ format, reason }) => `${format}/${reason}`)).to.deep.equal([
      'csv/stream-truncated',
    ]);
    expect(job.lineCount).to.be.within(1000, 5000);
    expect(CSV.toString().startsWith(HEADER + job.text)).to.equal(true);
  });

  it('passes on what the stream and the job fail with', async () => {
    const broken = new Readable({
      read() {
        this.destroy(new Error('read failed'));
      },
    });
    const job = new SimulatedJob();
    const full = new SimulatedJob();
    full.room = () => Promise.reject(new Error('disk full'));
    const runs = [
      new StandardInput({ input: input() }, broken).run(job),
      new StandardInput({ input: input() }, Readable.from([CSV])).run(full),
    ];
    const messages = await Promise.all(
      runs.map((run) =>
        run.then(
          () => '',
          (error: unknown) => (error as Error).message,
        ),
      ),
    );
    expect(messages).to.deep.equal(['read failed', 'disk full']);
  });
});
