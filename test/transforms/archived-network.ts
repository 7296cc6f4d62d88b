import { readFileSync, writeFileSync } from 'node:fs';
import '../../beam/operators.js';
import { impulse } from 'apache-beam/transforms/internal';
import { withName } from 'apache-beam/transforms/transform';
import type { PCollection } from 'apache-beam';
import { constant } from '../../beam/constant.js';
import { jsonCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { loadConfig, type Config } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import { LocalRunner } from '../../launch/local/local-runner.js';
import {
  allocateConversations,
  encodeConversationBatch,
  type ConversationBatch,
} from '../../pipeline/conversation-batch.js';
import { compileSnapshot } from '../../reference/compile.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import { archive, type ArchiveSpec } from '../../transforms/archive.js';
import { decode } from '../../transforms/decode.js';
import { dedupe } from '../../transforms/dedupe.js';
import { dropShared } from '../../transforms/drop-shared.js';
import { established } from '../../transforms/established.js';
import { joinCustomers } from '../../transforms/join-customers.js';
import { joinReference } from '../../transforms/join-reference.js';
import { orient } from '../../transforms/orient.js';
import { read } from '../../transforms/read.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

/** Batches as `dedupe` gave them, by origin key and part, as base64. */
let raw = new Map<string, string>();

registerFn<null, ConversationBatch>('test/raw-batches', () => ({
  process(batch): void {
    raw.set(`${batch.origin.key}/${batch.origin.part}`, textOf(batch));
  },
}));

registerFn<null, ConversationBatch>('test/joined-batches', (_params, context) => ({
  process(batch): void {
    context.count('joined', batch.referenceVersion === '' ? 0 : batch.rows);
  },
}));

export function textOf(batch: ConversationBatch): string {
  return Buffer.from(encodeConversationBatch(batch)).toString('base64');
}

/** A generated network with its configuration, in a directory of its own for each test. */
export class ArchivedNetwork {
  readonly files = new TemporaryFiles();

  get archive(): string {
    return this.files.path('state/archive');
  }

  generate(): void {
    writeNetwork(this.files.directory, generateNetwork({ seed: 7, flows: 12_000, hours: 2 }));
  }

  async config(): Promise<Config> {
    const loaded = await loadConfig(this.files.path('flowsieve.yaml'));
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return {
      ...loaded.config,
      streaming: { ...loaded.config.streaming, state: this.files.path('state') },
    };
  }

  /** Compiles the feeds as they are. */
  async compile(): Promise<ManifestRef> {
    const { spec, snapshot } = (await this.config()).reference;
    const { version } = await compileSnapshot(spec, snapshot);
    return { version, directory: snapshot };
  }

  /**
   * Takes every second entry out of lists, and compiles what is left; `restore` puts them back.
   */
  async compileThinned(
    names: readonly string[] = ['c2.txt', 'malware.txt', 'tor.txt'],
  ): Promise<{ reference: ManifestRef; restore: () => Promise<ManifestRef> }> {
    const before = names.map(
      (name) => [name, readFileSync(this.files.path(name), 'utf8')] as const,
    );
    for (const [name, text] of before) {
      const lines = text.split('\n');
      const kept = lines.filter((line, i) => line.startsWith('#') || line === '' || i % 2 === 0);
      writeFileSync(this.files.path(name), kept.join('\n'));
    }
    const reference = await this.compile();
    return {
      reference,
      restore: () => {
        for (const [name, text] of before) writeFileSync(this.files.path(name), text);
        return this.compile();
      },
    };
  }

  /** Runs the steps from read to joinReference over the flows, archiving. */
  async archiveFlows(
    reference: ManifestRef,
    spec: ArchiveSpec = { directory: this.archive, lookbackMs: 86_400_000 },
  ): Promise<{ raw: ReadonlyMap<string, string>; counters: Record<string, number> }> {
    raw = new Map();
    const { inputs, windowMs, shards } = await this.config();
    const specs = inputs.flatMap(({ files, uri, ...rest }) =>
      files.map((file) => ({ ...rest, name: uri, uri: file })),
    );
    const result = await new LocalRunner().run((root) => {
      const start = root.apply(
        withName('start', impulse() as never),
      ) as unknown as PCollection<Uint8Array>;
      const side = constant(start, 'reference', reference);
      const { flows } = decode(read(start, { inputs: specs, rangeBytes: 64 << 20 }).chunks);
      const customers = dropShared(joinCustomers(established(orient(flows)), side), side);
      const deduplicated = dedupe(customers, { windowMs, shards, attempts: true }, null);
      applyFn(deduplicated, {
        name: 'raw',
        fn: 'test/raw-batches',
        params: null,
        outputs: { nothing: jsonCoder },
      });
      const joined = joinReference(archive(deduplicated, spec), side);
      applyFn(joined, {
        name: 'joined',
        fn: 'test/joined-batches',
        params: null,
        outputs: { nothing: jsonCoder },
      });
    });
    return { raw, counters: await result.counters() };
  }
}

/** A batch of one window with plausible columns. */
export function batchOf(
  windowStartMs: number,
  {
    shard = 0,
    part = 0,
    rows = 3,
    revision = rows,
  }: Partial<Record<'shard' | 'part' | 'rows' | 'revision', number>> = {},
): ConversationBatch {
  const { columns, counters } = allocateConversations(4, rows, rows);
  for (let row = 0; row < rows; row++) {
    columns.windowStartMs[row] = windowStartMs;
    columns.windowEndMs[row] = windowStartMs + 300_000;
    columns.remoteAddr[row] = 0xcb007100 + row;
    columns.counterStart[row] = row;
    columns.records[row] = 1;
  }
  return {
    origin: { key: `${windowStartMs}/${shard}/4`, revision, part },
    family: 4,
    rows,
    counterRows: rows,
    sensors: ['s'],
    customers: ['acme'],
    referenceVersion: '',
    columns,
    counters,
  };
}
