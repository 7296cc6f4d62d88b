/** What is done of a backfill: a record for each partition and pass, written when it is whole. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../history/atomic-file.js';
import type { Partition } from './partitions.js';
import type { Pass } from './task.js';

/** What a result depends on, by what people call it. Equal bases give equal results. */
export type Basis = Readonly<Record<string, string>>;

const common = {
  format: z.literal(1),
  partition: z.string().regex(/^[0-9TZ-]{10,24}$/),
  /** Ms since 1970 UTC. */
  startMs: z.int(),
  endMs: z.int(),
  basis: z.record(z.string(), z.string()),
};

const historyRecord = z.strictObject({
  ...common,
  /** Files of the history that lie there now, because of this partition. */
  days: z.array(z.strictObject({ day: z.string(), kept: z.boolean(), sha256: z.string() })),
  notices: z.array(
    z.strictObject({
      kind: z.string(),
      day: z.string(),
      subject: z.string(),
      message: z.string(),
    }),
  ),
});

const findingsRecord = z.strictObject({
  ...common,
  files: z.int(),
  /** sha256 by name, of what lies beside the record. */
  outputs: z.record(z.string(), z.string()),
  counters: z.record(z.string(), z.number()),
  referenceVersion: z.string(),
  /** What suppressions expired against. */
  nowMs: z.number(),
});

export type HistoryRecord = z.infer<typeof historyRecord>;
export type FindingsRecord = z.infer<typeof findingsRecord>;

interface Records {
  readonly history: HistoryRecord;
  readonly findings: FindingsRecord;
}

const SCHEMAS = { history: historyRecord, findings: findingsRecord };

/**
 * The part of an output directory that a backfill keeps for itself:
 *
 *     OUTPUT/backfill/partitions/2026-01-31/history.json    the record of the first pass
 *                                          /findings.json   of the second
 *                                          /findings.ndjson ...
 *     OUTPUT/backfill/attempts/                             what is not done; removed at each start
 *     OUTPUT/backfill/lock/
 */
export class BackfillDirectory {
  readonly path: string;

  constructor(output: string) {
    this.path = join(output, 'backfill');
  }

  get attempts(): string {
    return join(this.path, 'attempts');
  }

  partition(name: string): string {
    return join(this.path, 'partitions', name);
  }

  /** Names of partitions with a folder, sorted. */
  async partitions(): Promise<readonly string[]> {
    try {
      return (await readdir(join(this.path, 'partitions'))).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** The record; undefined where there is none, or one that cannot be read: what it tells of is done again. */
  async read<P extends Pass>(name: string, pass: P): Promise<Records[P] | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.partition(name), `${pass}.json`), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const parsed = SCHEMAS[pass].safeParse(JSON.parse(text));
      if (parsed.success && parsed.data.partition === name) return parsed.data as Records[P];
    } catch {
      // No JSON.
    }
    return undefined;
  }

  /** It is on disk, whole, when this resolves. */
  async write<P extends Pass>(pass: P, record: Records[P]): Promise<void> {
    const folder = this.partition(record.partition);
    await mkdir(folder, { recursive: true });
    const text = `${JSON.stringify(record, null, 1)}\n`;
    await replaceFile(join(folder, `${pass}.json`), [Buffer.from(text)]);
  }
}

/** The fields that every record of a partition has. */
export function recordOf(
  { name, startMs, endMs }: Partition,
  basis: Basis,
): Pick<HistoryRecord, 'format' | 'partition' | 'startMs' | 'endMs' | 'basis'> {
  return { format: 1, partition: name, startMs, endMs, basis };
}

/** What differs between two bases, as one says it; '' = nothing. */
export function changesBetween(before: Basis, now: Basis): string {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return names
    .filter((name) => before[name] !== now[name])
    .map((name) => `${name} (${before[name] ?? 'none'} -> ${now[name] ?? 'none'})`)
    .join(', ');
}
