import { mkdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Chunk, InputSpec } from '../../pipeline/chunk.js';
import type { Reject } from '../../pipeline/reject.js';
import { readChunks } from '../../transforms/read/chunks.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const HEADER = 'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes\n';
const LINE = '1,2,192.0.2.1,203.0.113.1,50000,443,6,1,40\n';
const MAX_LINE = 1 << 20;

/** Reads a file in ranges, as `read` cuts it; one that cannot be split in one. */
async function readFile(
  uri: string,
  size: number,
  rangeBytes = Infinity,
  format = 'auto',
): Promise<{ chunks: Chunk[]; rejects: Reject[] }> {
  const input: InputSpec = {
    name: uri,
    uri,
    format,
    sensor: '',
    samplingRate: 0,
    unknownFlags: 'drop',
  };
  const chunks: Chunk[] = [];
  const rejects: Reject[] = [];
  const step = Math.min(rangeBytes, Math.max(size, 1));
  for (let start = 0; start === 0 || start < size; start += step) {
    const range = { input, uri, start, end: Math.min(start + step, size) };
    for await (const chunk of readChunks(range, (reject) => rejects.push(reject))) {
      chunks.push(chunk);
    }
  }
  return { chunks, rejects };
}

/** What the chunks hold, each checked to lie where it says it does. */
function contentOf(chunks: readonly Chunk[], whole?: Uint8Array): Buffer {
  for (const { offset, bytes } of chunks) {
    expect(bytes.length).to.be.above(0);
    if (whole === undefined) continue;
    expect(Buffer.compare(bytes, whole.subarray(offset, offset + bytes.length))).to.equal(0);
  }
  return Buffer.concat(chunks.map(({ bytes }) => bytes));
}

/** A zstd frame of raw blocks: what a compressor makes of what it cannot compress. */
function zstdOf(content: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(0xfd2fb528, 0);
  head[4] = 0b10100000;
  head.writeUInt32LE(content.length, 5);
  const parts: Uint8Array[] = [head];
  for (let at = 0; at < content.length; at += 100_000) {
    const block = content.subarray(at, at + 100_000);
    const last = at + block.length === content.length ? 1 : 0;
    const header = Buffer.alloc(3);
    header.writeUIntLE(last | (block.length << 3), 0, 3);
    parts.push(header, block);
  }
  return Buffer.concat(parts);
}

function reasons(rejects: readonly Reject[]): string[] {
  return rejects.map(({ format, reason, offset }) => `${format} ${reason} at ${offset}`);
}

describe('readChunks', () => {
  const files = new TemporaryFiles();

  const byte = fc.integer({ min: 0, max: 255 }).map((value) => (value === 10 ? 11 : value));
  const lines = fc.array(
    fc.array(byte, { maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 12 },
  );

  // Streams come in pieces of 1 MiB: a range may end where a piece does, in the middle of a line.
  const MIB = 1 << 20;
  for (const rangeBytes of [MIB, MIB + 1, 2 * MIB, 2 * MIB - 1, 3 * MIB + 7]) {
    it(`loses no record of a file of many pieces in ranges of ${rangeBytes} bytes`, async () => {
      const numbered = Array.from({ length: 180_000 }, (_unused, i) => LINE.replace('40', `${i}`));
      const whole = Buffer.from(HEADER + numbered.join(''));
      const uri = files.write('many.csv', whole);
      const { chunks, rejects } = await readFile(uri, whole.length, rangeBytes);
      expect(rejects).to.deep.equal([]);
      expect(contentOf(chunks, whole).equals(whole.subarray(HEADER.length))).to.equal(true);
    });
  }

  it('gives every record of a CSV once and whole, whatever the ranges', async () => {
    await fc.assert(
      fc.asyncProperty(
        lines,
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.constantFrom(HEADER, HEADER.replace('\n', '\r\n'), `\ufeff${HEADER}`),
        fc.integer({ min: 1, max: 300 }),
        async (some, end, unfinished, header, rangeBytes) => {
          const body = Buffer.concat(some.map((line) => Buffer.concat([line, Buffer.from(end)])));
          const cut = unfinished && body.length > 0 ? body.subarray(0, body.length - 1) : body;
          const whole = Buffer.concat([Buffer.from(header), cut]);
          const uri = files.write('flows.csv', whole);
          const { chunks, rejects } = await readFile(uri, whole.length, rangeBytes);
          expect(contentOf(chunks, whole).equals(cut)).to.equal(true);
          expect(rejects).to.deep.equal([]);
          const byteBefore = (at: number): number => whole[at - 1];
          for (const { offset, preamble, format, bytes } of chunks) {
            expect(format).to.equal('csv');
            expect(Buffer.from(preamble).toString()).to.equal(header);
            expect(byteBefore(offset)).to.equal(10);
            const after = offset + bytes.length;
            expect(after === whole.length || byteBefore(after) === 10).to.equal(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  for (const start of ['', '\ufeff'] as const) {
    it(`loses no record of lines without header${start === '' ? '' : ' behind a byte order mark'}`, async () => {
      const whole = Buffer.from(start + LINE.repeat(5));
      const uri = files.write('flows.csv', whole);
      for (let rangeBytes = 1; rangeBytes < 60; rangeBytes++) {
        const { chunks, rejects } = await readFile(uri, whole.length, rangeBytes, 'csv');
        expect(contentOf(chunks, whole).toString(), `by ${rangeBytes}`).to.equal(LINE.repeat(5));
        expect(rejects).to.deep.equal([]);
      }
    });
  }

  it('gives the same for plain, gzip and zstd', async () => {
    const whole = Buffer.from(HEADER + LINE.repeat(60_000));
    for (const [name, bytes] of [
      ['a.csv', whole],
      ['a.csv.gz', gzipSync(whole)],
      [
        'two-members',
        Buffer.concat([gzipSync(whole.subarray(0, 999)), gzipSync(whole.subarray(999))]),
      ],
      ['a.csv.zst', zstdOf(whole)],
    ] as const) {
      const { chunks, rejects } = await readFile(files.write(name, bytes), bytes.length);
      expect(contentOf(chunks, whole).equals(whole.subarray(HEADER.length)), name).to.equal(true);
      expect(rejects).to.deep.equal([]);
      expect(chunks.length, name).to.be.above(1);
      for (const { preamble } of chunks) expect(Buffer.from(preamble).toString()).to.equal(HEADER);
    }
  });

  it('cuts a large file into chunks that stay small, with many ranges or one', async () => {
    const whole = Buffer.from(HEADER + LINE.repeat(200_000));
    const uri = files.write('large.csv', whole);
    for (const rangeBytes of [Infinity, 3_000_000, 1_048_576, 999_999]) {
      const { chunks } = await readFile(uri, whole.length, rangeBytes);
      expect(contentOf(chunks, whole).equals(whole.subarray(HEADER.length))).to.equal(true);
      for (const { bytes } of chunks) expect(bytes.length).to.be.below(3 << 20);
    }
  });

  const longLines = [
    ['the longest line', MAX_LINE, []],
    ['a line that is too long by one', MAX_LINE + 1, ['csv record-too-long']],
    ['a line of 20 MiB', 20 << 20, ['csv record-too-long']],
  ] as const;
  for (const [name, length, expected] of longLines) {
    it(`reads on after ${name}, whatever the ranges`, async function () {
      this.timeout(60_000);
      const before = HEADER + LINE.repeat(20_000);
      const long = `${'x'.repeat(length)}\n`;
      const whole = Buffer.from(before + long + LINE.repeat(30_000));
      const uri = files.write('long.csv', whole);
      const kept = LINE.repeat(20_000) + (length > MAX_LINE ? '' : long) + LINE.repeat(30_000);
      for (const rangeBytes of [Infinity, 1_000_000, 3_000_000, 5_000_000, before.length]) {
        const { chunks, rejects } = await readFile(uri, whole.length, rangeBytes);
        expect(contentOf(chunks, whole).equals(Buffer.from(kept)), `by ${rangeBytes}`).to.equal(
          true,
        );
        expect(reasons(rejects)).to.deep.equal(expected.map((one) => `${one} at ${before.length}`));
        for (const { sample } of rejects) expect(sample).to.equal('x'.repeat(200));
      }
    });
  }

  it('refuses a last line that is too long and has no end', async () => {
    const whole = Buffer.from(HEADER + LINE + 'x'.repeat(3 << 20));
    const uri = files.write('long.csv', whole);
    for (const rangeBytes of [Infinity, 1_000_000]) {
      const { chunks, rejects } = await readFile(uri, whole.length, rangeBytes);
      expect(contentOf(chunks).toString()).to.equal(LINE);
      expect(reasons(rejects)).to.deep.equal([
        `csv record-too-long at ${HEADER.length + LINE.length}`,
      ]);
    }
  });

  it('reads on after too long a line of a log that cannot be split', async () => {
    const header = '#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\tproto\n';
    const line = '1.0\t192.0.2.1\t203.0.113.1\ttcp\n';
    const whole = Buffer.from(header + line + 'x'.repeat(20 << 20) + '\n' + line);
    const uri = files.write('conn.log.gz', gzipSync(whole));
    const { chunks, rejects } = await readFile(uri, whole.length, Infinity, 'zeek');
    expect(contentOf(chunks).toString()).to.equal(line + line);
    expect(reasons(rejects)).to.deep.equal([
      `zeek record-too-long at ${header.length + line.length}`,
    ]);
  });

  it('gives what is whole of a gzip that was cut off, and says so', async () => {
    const random = Array.from({ length: 3000 }, (_unused, i) =>
      LINE.replace('50000', String((i * 7919) % 65_536)),
    );
    for (const count of [30, 3000]) {
      const whole = Buffer.from(HEADER + random.slice(0, count).join(''));
      const zipped = gzipSync(whole);
      for (const part of [0.3, 0.6, 0.99]) {
        const cut = zipped.subarray(0, Math.floor(zipped.length * part));
        const uri = files.write('cut.csv.gz', cut);
        const { chunks, rejects } = await readFile(uri, cut.length, Infinity, 'csv');
        expect(rejects.map(({ reason }) => reason)).to.deep.equal(['file-truncated']);
        const content = contentOf(chunks, whole);
        if (content.length > 0) expect(content.at(-1)).to.equal(10);
        if (part === 0.99) expect(content.length).to.be.above(whole.length / 2);
        expect(rejects[0].offset).to.equal(
          chunks.length === 0 ? rejects[0].offset : HEADER.length + content.length,
        );
      }
    }
  });

  it('counts one reject for what cannot be read at all', async () => {
    mkdirSync(files.path('folder'));
    const binary = Buffer.from(Array.from({ length: 500 }, (_unused, i) => (i * 89) % 256));
    const cases = [
      ['a missing file', files.path('none.csv'), ['unknown file-not-found at 0']],
      ['a folder', files.path('folder'), ['unknown file-is-a-folder at 0']],
      ['an empty file', files.write('empty.csv', ''), []],
      ['an empty file that was compressed', files.write('empty.gz', gzipSync('')), []],
      ['binary garbage', files.write('noise', binary), ['unknown file-of-unknown-format at 0']],
      [
        'compressed garbage',
        files.write('noise.gz', gzipSync(binary)),
        ['unknown file-of-unknown-format at 0'],
      ],
      ['gzip that is damaged', files.write('bad.gz', damaged()), ['unknown file-damaged at 0']],
      [
        'xz',
        files.write('a.xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1])),
        ['unknown file-unsupported at 0'],
      ],
    ] as const;
    for (const [name, uri, expected] of cases) {
      const { chunks, rejects } = await readFile(uri, 100);
      expect(chunks, name).to.deep.equal([]);
      expect(reasons(rejects), name).to.deep.equal(expected);
      for (const { sample } of rejects) expect(sample.length, name).to.be.at.most(200);
    }
  });

  it('reads a file of only a header', async () => {
    const { chunks, rejects } = await readFile(files.write('a.csv', HEADER), HEADER.length);
    expect({ chunks, rejects }).to.deep.equal({ chunks: [], rejects: [] });
  });

  it('may be left in the middle', async () => {
    const uri = files.write('large.csv', HEADER + LINE.repeat(200_000));
    const input: InputSpec = {
      name: uri,
      uri,
      format: 'auto',
      sensor: '',
      samplingRate: 0,
      unknownFlags: 'drop',
    };
    const range = { input, uri, start: 0, end: 1e9 };
    for await (const { bytes } of readChunks(range, () => expect.fail())) {
      expect(bytes.length).to.be.above(0);
      break;
    }
  });
});

function damaged(): Buffer {
  const bytes = gzipSync('x'.repeat(1000));
  bytes.fill(0xff, 10, 20);
  return bytes;
}
