import { expect } from 'chai';
import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Context } from 'mocha';

import {
  CompressedInputError,
  decompress,
  decompressor,
  TruncatedError,
  type Compression,
} from '../../transforms/read/decompress.js';

/** Lines of flows: compressible, not periodic, about 0.6 MB. */
const TEXT = Buffer.from(
  Array.from({ length: 10_000 }, (_, i) => {
    const word = createHash('sha256').update(String(i)).digest();
    return `192.0.2.${word[0]},198.51.100.${word[1]},${word.readUInt16LE(2)},443,6,${word.readUInt32LE(4)}`;
  }).join('\n'),
);

const COMMANDS = {
  zstd: ['zstd', '-q', '-c'],
  bzip2: ['bzip2', '-c'],
  xz: ['xz', '-c'],
} as const;

/** Compressed by the tool of that name; skips the test, saying so, where there is none. */
function compress(
  test: Context,
  kind: Compression,
  data: Uint8Array,
  options: readonly string[] = [],
): Buffer {
  if (kind === 'gzip') return gzipSync(data);
  const [command, ...args] = COMMANDS[kind];
  const made = spawnSync(command, [...args, ...options], { input: data, maxBuffer: 1 << 28 });
  if (made.error !== undefined) {
    if (process.env['CI'] === 'true') throw new Error(`${command} is not installed`);
    process.stdout.write(`      skipped: ${command} is not installed\n`);
    test.skip();
  }
  return made.stdout;
}

async function* pieces(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) {
    await Promise.resolve();
    yield data.subarray(at, at + size);
  }
}

interface Expanded {
  readonly data: Buffer;
  readonly fault: string | undefined;
}

async function expand(data: Uint8Array, kind: Compression, size = 65_536): Promise<Expanded> {
  const out: Uint8Array[] = [];
  let fault: string | undefined;
  try {
    for await (const chunk of decompress(pieces(data, size), kind)) out.push(chunk);
  } catch (error) {
    if (!(error instanceof CompressedInputError)) throw error;
    expect(error instanceof TruncatedError).to.equal(error.fault === 'truncated');
    ({ fault } = error);
  }
  return { data: Buffer.concat(out), fault };
}

const KINDS = ['gzip', 'zstd', 'bzip2'] as const;

describe('decompressor', () => {
  it('recognises by the first bytes', function () {
    for (const kind of [...KINDS, 'xz'] as const) {
      expect(decompressor(compress(this, kind, TEXT).subarray(0, 6)), kind).to.equal(kind);
    }
    for (const head of ['', 'ts,te,td', 'BZhello', '\x1f\x8b', '{"a":1}']) {
      expect(decompressor(Buffer.from(head, 'latin1')), head).to.equal(undefined);
    }
  });
});

describe('decompress', () => {
  for (const kind of KINDS) {
    describe(kind, () => {
      it('gives back what was compressed, however the input is cut', async function () {
        const compressed = compress(this, kind, TEXT);
        for (const size of [1009, 65_536, compressed.length]) {
          const { data, fault } = await expand(compressed, kind, size);
          expect(fault).to.equal(undefined);
          expect(data.equals(TEXT), `pieces of ${size}`).to.equal(true);
        }
      });

      it('byte by byte, and data that does not compress, and none', async function () {
        for (const [data, size] of [
          [TEXT.subarray(0, 3000), 1],
          [randomBytes(300_000), 4096],
          [Buffer.alloc(0), 3],
          [Buffer.from('x'), 5],
        ] as const) {
          const expanded = await expand(compress(this, kind, data), kind, size);
          expect(expanded.fault).to.equal(undefined);
          expect(expanded.data.equals(data), `${data.length} bytes`).to.equal(true);
        }
      });

      it('concatenated inputs are one', async function () {
        const parts = [TEXT, Buffer.alloc(0), TEXT.subarray(0, 10), TEXT];
        const compressed = Buffer.concat(parts.map((part) => compress(this, kind, part)));
        for (const size of [777, 1 << 20]) {
          const { data, fault } = await expand(compressed, kind, size);
          expect(fault).to.equal(undefined);
          expect(data.equals(Buffer.concat(parts))).to.equal(true);
        }
      });

      it('cut short: what came before, then `truncated`', async function () {
        const compressed = compress(this, kind, TEXT);
        for (const share of [0.001, 0.3, 0.6, 0.9]) {
          const { data, fault } = await expand(
            compressed.subarray(0, Math.ceil(compressed.length * share)),
            kind,
          );
          expect(fault).to.equal('truncated');
          expect(data.equals(TEXT.subarray(0, data.length))).to.equal(true);
          // A block of bzip2 is all of this text.
          if (share >= 0.3 && kind !== 'bzip2') {
            expect(data.length).to.be.greaterThan(TEXT.length * (share - 0.25));
          }
        }
        for (const cut of [1, 4, 8]) {
          const { fault } = await expand(compressed.subarray(0, -cut), kind);
          expect(fault, `without the last ${cut}`).to.equal('truncated');
        }
      });

      it('garbage after the end: everything, then `trailing-garbage`', async function () {
        const compressed = compress(this, kind, TEXT);
        for (const garbage of ['garbage', 'BZgarbage', '\x1f garbage']) {
          const input = Buffer.concat([compressed, Buffer.from(garbage)]);
          const { data, fault } = await expand(input, kind);
          expect(fault, garbage).to.equal('trailing-garbage');
          expect(data.equals(TEXT)).to.equal(true);
        }
      });

      it('damage is an error and never a hang', async function () {
        this.timeout(120_000);
        const compressed = compress(this, kind, TEXT.subarray(0, 20_000));
        await fc.assert(
          fc.asyncProperty(fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), async (bits) => {
            const input = Buffer.from(compressed);
            for (const bit of bits) input[(bit >>> 3) % input.length] ^= 1 << (bit & 7);
            const { data } = await expand(input, kind, 997);
            expect(data.length).to.be.below(20_000_000);
          }),
          { numRuns: 200 },
        );
      });

      it('a bomb comes out in small pieces, and only as far as it is taken', async function () {
        this.timeout(60_000);
        const zeros = 256 * 1024 * 1024;
        const bomb = compress(this, kind, Buffer.alloc(zeros));
        let length = 0;
        let largest = 0;
        for await (const chunk of decompress(pieces(bomb, 65_536), kind)) {
          length += chunk.length;
          largest = Math.max(largest, chunk.length);
          if (length > zeros / 4) break;
        }
        expect(largest).to.be.at.most(1024 * 1024);
        expect(length).to.be.greaterThan(zeros / 4);
      });

      it('closes its source when nobody reads on, and passes its errors through', async function () {
        const compressed = compress(this, kind, TEXT);
        let closed = false;
        async function* source(fails: boolean): AsyncGenerator<Uint8Array> {
          try {
            yield* pieces(compressed, 1000);
            if (fails) throw new Error('disk is gone');
          } finally {
            closed = true;
          }
        }
        for await (const chunk of decompress(source(false), kind)) if (chunk.length > 0) break;
        expect(closed).to.equal(true);
        let message = '';
        try {
          for await (const chunk of decompress(source(true), kind)) message += String(chunk.length);
        } catch (error) {
          message = String(error);
        }
        expect(message).to.equal('Error: disk is gone');
      });
    });
  }

  it('gzip: zeros after the end are padding, but nothing may follow them', async () => {
    const padded = Buffer.concat([gzipSync(TEXT), Buffer.alloc(10_000)]);
    const { data, fault } = await expand(padded, 'gzip');
    expect([data.equals(TEXT), fault]).to.deep.equal([true, undefined]);
    const hidden = await expand(Buffer.concat([padded, gzipSync(TEXT)]), 'gzip');
    expect(hidden.fault).to.equal('trailing-garbage');
  });

  it('gzip: a name, a comment, an extra field and a header checksum are passed over', async () => {
    const text = TEXT.subarray(0, 5000);
    const plain = gzipSync(text);
    const head = Buffer.concat([
      plain.subarray(0, 3),
      Buffer.from([2 | 4 | 8 | 16]),
      plain.subarray(4, 10),
      Buffer.from([3, 0, 1, 2, 3]),
      Buffer.from('flows.csv\0a comment\0'),
      Buffer.from([9, 9]),
    ]);
    const { data, fault } = await expand(Buffer.concat([head, plain.subarray(10)]), 'gzip', 3);
    expect([data.equals(text), fault]).to.deep.equal([true, undefined]);
  });

  it('gzip: a wrong checksum is damage', async () => {
    const wrong = gzipSync(TEXT);
    wrong[wrong.length - 6] ^= 1;
    expect((await expand(wrong, 'gzip')).fault).to.equal('damaged');
  });

  it('zstd: skippable frames are left out, each level is read', async function () {
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    for (const level of ['-1', '-9', '-19', '--no-check']) {
      const compressed = compress(this, 'zstd', TEXT, [level]);
      const input = Buffer.concat([skippable, compressed, skippable, compressed]);
      expect(decompressor(input)).to.equal('zstd');
      const { data, fault } = await expand(input, 'zstd', 501);
      expect([data.equals(Buffer.concat([TEXT, TEXT])), fault], level).to.deep.equal([
        true,
        undefined,
      ]);
    }
  });

  it('zstd: a window above 128 MiB is refused before it is allocated', async () => {
    const windowLog28 = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0]);
    expect((await expand(windowLog28, 'zstd')).fault).to.equal('damaged');
  });

  it('xz is refused by name', async () => {
    expect((await expand(Buffer.from('\xfd7zXZ\0', 'latin1'), 'xz')).fault).to.equal('unsupported');
  });
});
