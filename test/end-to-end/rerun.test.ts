import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import type { RunOptions } from '../../launch/run-job.js';
import { JobDirectory, type Output } from './job-directory.js';

const BAD_ROWS = 400;
const SPLIT = 5;

/** One zstd frame (RFC 8878) of raw blocks: Node 20 has no compressor. */
function zstdOf(content: Buffer): Buffer {
  const parts: Uint8Array[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58])];
  for (let at = 0; at < content.length || at === 0; at += 128 << 10) {
    const block = content.subarray(at, at + (128 << 10));
    const last = at + block.length >= content.length ? 1 : 0;
    const header = Buffer.alloc(3);
    header.writeUIntLE(last | (block.length << 3), 0, 3);
    parts.push(header, block);
  }
  return Buffer.concat(parts);
}

describe('a rerun', function () {
  this.timeout(300_000);
  const job = new JobDirectory();
  let header: string;
  let rows: readonly string[];

  beforeEach(() => {
    writeNetwork(job.files.directory, generateNetwork({ seed: 7, flows: 12_000, hours: 4 }));
    const folder = job.files.path('flows');
    const lines = readdirSync(folder)
      .sort()
      .flatMap((name) => readFileSync(`${folder}/${name}`, 'utf8').trimEnd().split('\n'));
    header = lines[0];
    const sound = lines.filter((line) => line !== header);
    rows = sound.flatMap((line, i) =>
      i % Math.floor(sound.length / BAD_ROWS) === 0 ? [line, `nonsense ${i}`] : [line],
    );
    job.files.write('one.csv', textOf(rows));
  });

  function textOf(some: readonly string[]): string {
    return `${[header, ...some].join('\n')}\n`;
  }

  async function runOn(uri: string, options: Partial<RunOptions> = {}): Promise<Output> {
    const path = job.files.path('flowsieve.yaml');
    const before = readFileSync(path, 'utf8');
    job.files.write(
      'flowsieve.yaml',
      before.replace(/uri: "[^"]*", format/, `uri: "${uri}", format`),
    );
    return await job.run(options);
  }

  it('writes the same bytes, however the work is cut and whichever runner does it', async () => {
    const first = await runOn('one.csv');
    expect(first.findings.length).to.be.above(20);
    expect(first.rejects.length).to.equal(100);
    expect(first.summary.rejects['csv']['missing-column']).to.be.above(BAD_ROWS);
    const variants: readonly (readonly [string, Partial<RunOptions>])[] = [
      ['again', {}],
      ['ranges of 1 MB', { rangeBytes: 1 << 20 }],
      ['ranges of 40 kB', { rangeBytes: 40_000 }],
      ['bundles of one group', { bundleGroups: 1 }],
      ['bundles of 7 groups, ranges of 99,991 bytes', { bundleGroups: 7, rangeBytes: 99_991 }],
      ['the direct runner', { runner: 'direct' }],
      ['the direct runner on ranges', { runner: 'direct', rangeBytes: 200_000 }],
    ];
    for (const [name, options] of variants) {
      expect((await runOn('one.csv', options)).texts, name).to.deep.equal(first.texts);
    }
  });

  it('finds the same, however the input is packed', async () => {
    const first = await runOn('one.csv');
    const content = Buffer.from(textOf(rows));
    job.files.write('packed/one.csv.gz', gzipSync(content));
    job.files.write(
      'members/one.csv.gz',
      Buffer.concat([gzipSync(content.subarray(0, 99_999)), gzipSync(content.subarray(99_999))]),
    );
    job.files.write('packed-zst/one.csv.zst', zstdOf(content));
    for (let i = 0; i < SPLIT; i++) {
      const part = textOf(rows.filter((_, row) => row % SPLIT === i));
      job.files.write(`split/${i}.csv`, part);
      job.files.write(
        i % 2 === 0 ? `mixed/${i}.gz` : `mixed/${i}`,
        i % 2 === 0 ? gzipSync(part) : part,
      );
    }
    const { records, rejects, conversations, steps } = first.summary;
    for (const uri of ['packed/*', 'members/*', 'packed-zst/*', 'split/*.csv', 'mixed/*']) {
      const { texts, summary } = await runOn(uri);
      expect(texts.findings, uri).to.equal(first.texts.findings);
      expect({ ...summary, skipped: {} }, uri).to.deep.include({
        records,
        rejects,
        conversations,
        steps,
      });
    }
  });
});
