import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { PCollection } from 'apache-beam';
import { conversationBatchCoder, jsonCoder, keyedCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { foldPerKey, registerFold } from '../../beam/fold-per-key.js';
import { afterDelay, atEndOfWindow, repeatedly } from '../../beam/triggers.js';
import { windowInto } from '../../beam/windows.js';
import { StreamingRunner } from '../../launch/local/streaming/streaming-runner.js';
import type { ConversationBatch } from '../../pipeline/conversation-batch.js';
import { archive } from '../../transforms/archive.js';
import {
  archivedDays,
  archivedFiles,
  readArchived,
} from '../../transforms/archive/archive-listing.js';
import { ArchiveWriter } from '../../transforms/archive/archive-writer.js';
import {
  DamagedFileError,
  packBatch,
  unpackBatch,
} from '../../transforms/archive/archived-file.js';
import { Retention } from '../../transforms/archive/retention.js';
import { TestStream } from '../beam/test-stream.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { MemoryStore } from '../local/streaming/memory-store.js';
import { conversationBatches, withCustomerNames } from '../pipeline/random-batches.js';
import { ArchivedNetwork, batchOf, textOf } from './archived-network.js';

const T0 = Date.UTC(2026, 0, 1);
const MINUTES = 60_000;
const HOUR = 60 * MINUTES;

async function allFiles(
  directory: string,
): Promise<readonly { day: string; file: string; windowStartMs: number }[]> {
  const days = await archivedDays(directory);
  return (await Promise.all(days.map((day) => archivedFiles(directory, day)))).flat();
}

async function write(directory: string, batches: readonly ConversationBatch[]): Promise<void> {
  const writer = new ArchiveWriter(directory);
  for (const batch of batches) expect(await writer.add(batch)).to.equal(true);
  await writer.finish();
}

/** What reading a file fails with. */
async function damageOf(bytes: Uint8Array): Promise<string> {
  try {
    await unpackBatch(Buffer.from(bytes));
    return 'sound';
  } catch (error) {
    if (error instanceof DamagedFileError) return error.damage;
    throw error;
  }
}

describe('a file of the archive', () => {
  const files = new TemporaryFiles();

  it('gives back the batch that it was made from', async () => {
    await fc.assert(
      fc.asyncProperty(conversationBatches, async (batch) => {
        const bytes = await packBatch(batch);
        expect(withCustomerNames(await unpackBatch(Buffer.from(bytes)))).to.deep.equal(
          withCustomerNames(batch),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('is known to be damaged, whichever bit is turned and wherever it is cut', async () => {
    const bytes = await packBatch(batchOf(T0));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const turned = Uint8Array.from(bytes);
      turned[bit >> 3] ^= 1 << (bit & 7);
      expect(await damageOf(turned), `bit ${bit}`).to.be.oneOf(['layout', 'checksum']);
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(await damageOf(bytes.subarray(0, length)), `${length} bytes`).to.be.oneOf([
        'layout',
        'checksum',
      ]);
    }
    expect(await damageOf(Buffer.concat([bytes, Buffer.alloc(1)]))).to.equal('checksum');
  });

  it('is never mistaken for another: a name that lies is damage', async () => {
    const directory = files.path('a');
    await write(directory, [batchOf(T0), batchOf(T0 + 5 * MINUTES)]);
    const [first, second] = await allFiles(directory);
    renameSync(join(directory, second.day, second.file), join(directory, first.day, first.file));
    const error = await readArchived(directory, first).then(
      () => undefined,
      (reason: unknown) => reason as DamagedFileError,
    );
    expect(error?.damage).to.equal('misnamed');
    expect(await readArchived(directory, second)).to.equal(undefined);
  });
});

describe('an archive', () => {
  const files = new TemporaryFiles();

  it('has one file a batch; the same batch once more replaces it', async () => {
    const directory = files.path('a');
    const batches = [batchOf(T0), batchOf(T0, { part: 1 }), batchOf(T0, { shard: 7 })];
    await write(directory, batches);
    const once = await allFiles(directory);
    expect(once.length).to.equal(3);
    await write(directory, [...batches, batchOf(T0, { rows: 9 })]);
    expect(await allFiles(directory)).to.deep.equal(once);
    const sizes = await Promise.all(
      once.map(async (name) => (await readArchived(directory, name))?.rows),
    );
    expect(sizes).to.deep.equal([9, 3, 3]);
    expect(readdirSync(join(directory, '2026-01-01')).length).to.equal(3);
  });

  it('takes names that are not its own for none', async () => {
    const directory = files.path('a');
    await write(directory, [batchOf(T0)]);
    mkdirSync(join(directory, 'lost+found'));
    for (const name of [
      'hunted',
      '2026-01-01/README',
      '2026-01-01/1-2-3.conversations',
      `2026-01-01/${T0}-0-4-0.conversations.bak`,
      // A window of another day.
      `2026-01-01/${T0 + 30 * HOUR}-0-4-0.conversations`,
      '2026-01-01/99999999999999999999-0-4-0.conversations',
      '2026-01-01/999999999999999-0-4-0.conversations',
    ]) {
      writeFileSync(join(directory, name), 'x');
    }
    writeFileSync(join(directory, '2026-01-02'), 'no folder');
    expect((await allFiles(directory)).length).to.equal(1);
    expect(await archivedDays(files.path('none'))).to.deep.equal([]);
  });

  it('does not keep a window without a day, and fails for none', async () => {
    const writer = new ArchiveWriter(files.path('a'));
    expect(await writer.add(batchOf(8e15))).to.equal(false);
    expect(await writer.add(batchOf(-300_000))).to.equal(false);
    await writer.finish();
    expect(existsSync(files.path('a'))).to.equal(false);
  });

  it('loses windows older than the look-back, by event time, and what crashes left of them', async () => {
    const directory = files.path('a');
    const windows = Array.from({ length: 30 }, (_, hour) => batchOf(T0 + hour * HOUR));
    await write(directory, windows);
    writeFileSync(join(directory, '2026-01-01', `${T0}-3-4-0.conversations.part`), 'torn');
    const retention = new Retention(directory);
    expect(await retention.prune(T0 + 29 * HOUR, 24 * HOUR)).to.equal(6);
    const left = await allFiles(directory);
    expect(left[0].windowStartMs).to.equal(T0 + 5 * HOUR);
    expect(left.length).to.equal(25);
    // Nothing is newer, so nothing is older.
    expect(await retention.prune(T0 + 3 * HOUR, 24 * HOUR)).to.equal(0);
    expect(await retention.prune(-Infinity, 24 * HOUR)).to.equal(0);
    expect(await retention.prune(T0 + 49 * HOUR, 24 * HOUR)).to.equal(20);
    expect(await archivedDays(directory)).to.deep.equal(['2026-01-02']);
  });

  it('is pruned a part at a time, and files that are not its own stay', async () => {
    const directory = files.path('a');
    const old = Array.from({ length: 600 }, (_, shard) => batchOf(T0, { shard, rows: 1 }));
    await write(directory, [...old, batchOf(T0 + 48 * HOUR)]);
    writeFileSync(join(directory, '2026-01-01', 'README'), 'mine');
    const retention = new Retention(directory);
    const removed: number[] = [];
    for (let call = 0; call < 4; call++) {
      removed.push(await retention.prune(T0 + 48 * HOUR, 24 * HOUR));
    }
    expect(removed).to.deep.equal([512, 88, 0, 0]);
    expect((await allFiles(directory)).length).to.equal(1);
    expect(readdirSync(join(directory, '2026-01-01'))).to.deep.equal(['README']);
  });
});

registerFn<null, unknown>('test/archive-key', (_params, context) => ({
  process(value): void {
    context.emit('out', { key: 'k', value });
  },
}));

registerFold<null, unknown>('test/archive-batches', (_params, _key, window) => {
  let rows = 0;
  return {
    add(): void {
      rows++;
    },
    finish(context): void {
      context.emit('out', batchOf(window?.startMs ?? 0, { rows }));
    },
  };
});

registerFn<null, ConversationBatch>('test/archive-passed', () => ({
  process({ rows }, { pane }): void {
    passed.push(`${rows} ${pane.timing}`);
  },
}));

const passed: string[] = [];

describe('archive, the step', () => {
  const files = new TemporaryFiles();

  it('keeps what panes on time bring, and lets all of them pass', async () => {
    passed.length = 0;
    const stream = new TestStream<unknown>(jsonCoder)
      .elements(['a', 1000])
      .time(5000)
      .elements(['b', 2000])
      .watermark(300_000)
      .elements(['c', 3000])
      .time(5000)
      .elements(['d', 301_000])
      .end();
    const spec = { directory: files.path('a'), lookbackMs: HOUR };
    const runner = new StreamingRunner({
      store: new MemoryStore(),
      watermark: { disorderMs: 0, idleMs: 60_000 },
    });
    await runner.run((root) => {
      const { out: keyed } = applyFn(stream.apply(root), {
        name: 'key',
        fn: 'test/archive-key',
        params: null,
        outputs: { out: keyedCoder(jsonCoder) },
      });
      const firing = {
        trigger: atEndOfWindow(repeatedly(afterDelay(5000)), repeatedly(afterDelay(5000))),
        allowedLatenessMs: 60_000,
        accumulating: true,
        closing: 'always',
      } as const;
      const { out } = foldPerKey(
        windowInto(keyed as never, 'windows', 300_000, firing),
        'fold',
        { fold: 'test/archive-batches', params: null },
        { out: conversationBatchCoder },
      );
      const left = windowInto(out as PCollection<ConversationBatch>, 'leave', null);
      applyFn(archive(left, spec), {
        name: 'passed',
        fn: 'test/archive-passed',
        params: null,
        outputs: { nothing: jsonCoder },
      });
    });
    expect(passed.slice(0, 3)).to.deep.equal(['1 EARLY', '2 ON_TIME', '3 LATE']);
    const found = await allFiles(spec.directory);
    expect(found.map(({ file }) => file)).to.deep.equal([
      '0-0-4-0.conversations',
      '300000-0-4-0.conversations',
    ]);
    expect((await readArchived(spec.directory, found[0]))?.rows).to.equal(2);
  });
});

describe('the archive of a run', function () {
  this.timeout(120_000);
  const network = new ArchivedNetwork();

  it('has the conversations as dedupe gave them, though they are joined after it', async () => {
    network.generate();
    const reference = await network.compile();
    const { raw, counters } = await network.archiveFlows(reference);
    const found = await allFiles(network.archive);
    expect(found.length).to.equal(raw.size);
    expect(found.length).to.be.above(100);
    for (const name of found) {
      const batch = await readArchived(network.archive, name);
      if (batch === undefined) throw new Error(name.file);
      expect(textOf(batch), name.file).to.equal(
        raw.get(`${batch.origin.key}/${batch.origin.part}`),
      );
    }
    expect(counters['archived/conversations']).to.equal(counters['joined']);
    expect(counters['joined']).to.be.above(1000);

    const contents = found.map(({ day, file }) => readFileSync(join(network.archive, day, file)));
    await network.archiveFlows(reference);
    const again = await allFiles(network.archive);
    expect(again).to.deep.equal(found);
    expect(
      again.every(({ day, file }, i) =>
        contents[i].equals(readFileSync(join(network.archive, day, file))),
      ),
    ).to.equal(true);
  });
});
