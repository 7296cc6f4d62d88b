import { createHash } from 'node:crypto';
import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { afterDelay, repeatedly } from '../beam/triggers.js';
import { windowInto } from '../beam/windows.js';
import type { PCollection } from 'apache-beam';
import type { Finding } from '../pipeline/finding.js';
import type { Reject } from '../pipeline/reject.js';
import { textHash } from '../pipeline/text-hash.js';
import { writeLines } from './write/ordered-lines.js';

interface ObjectsParams {
  /** A directory that all workers share, or `gs://bucket/prefix`. */
  readonly directory: string;
  readonly content: 'findings' | 'rejects' | 'notices';
}

/** From the first value of a file to the file. */
const DELAY_MS = 60_000;

/** Files that are written side by side. */
const SHARDS = 4;

/** Rejects of one format and reason that a bundle tells of; all are counted. */
const TOLD_REJECTS = 100;

registerFn<ObjectsParams, unknown>('flowsieve/key-for-objects', ({ content }, context) => {
  const told = new Map<string, number>();
  return {
    process(value): void {
      if (content === 'rejects') {
        const { format, reason } = value as Reject;
        const kind = `${format}/${reason}`;
        const count = told.get(kind) ?? 0;
        if (count >= TOLD_REJECTS) return;
        told.set(kind, count + 1);
      }
      // Findings lie by day, so that a reader need not list months.
      const day = content === 'findings' ? `${(value as Finding).windowStart.slice(0, 10)}/` : '';
      const text = content === 'findings' ? (value as Finding).id : JSON.stringify(value);
      const key = `${day}${Math.floor(textHash(text) * SHARDS)}`;
      context.emit('out', { key, value });
    },
  };
});

registerFold<ObjectsParams, unknown>('flowsieve/write-object', ({ directory, content }, key) => {
  const lines = new Set<string>();
  return {
    add(value): void {
      lines.add(JSON.stringify(value));
    },
    async finish(context): Promise<void> {
      const sorted = [...lines].sort();
      if (sorted.length === 0) return;
      const text = `${sorted.join('\n')}\n`;
      // Named by what it holds: a bundle that is done twice writes the same object twice. A window
      // and a pane would be no name, because a pane may be told again with more in it.
      const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
      const folder = key.includes('/') ? `${key.slice(0, key.indexOf('/'))}/` : '';
      const path = `${directory.replace(/\/$/, '')}/${content}/${folder}${digest}.ndjson`;
      await writeLines(path, sorted);
      context.count(`written/${content}`, sorted.length);
      await context.send('written', { path, lines: sorted.length });
    },
  };
});

/**
 * Values of a job without an end -> files of JSON lines, each some minute's worth, below
 * `directory/content/`; findings by the day of their window. A reader keeps, by a finding's id, the
 * highest revision of all files.
 */
export function writeObjects(values: PCollection<unknown>, params: ObjectsParams): void {
  const { content } = params;
  const { out: keyed } = applyFn(values, {
    name: `spread ${content} over files`,
    fn: 'flowsieve/key-for-objects',
    params,
    outputs: { out: keyedCoder(jsonCoder) },
  });
  const timed = windowInto(
    keyed as PCollection<{ key: string; value: unknown }>,
    `time ${content}`,
    null,
    {
      trigger: repeatedly(afterDelay(DELAY_MS)),
      allowedLatenessMs: 0,
      accumulating: false,
      closing: 'if-nonempty',
    },
  );
  foldPerKey(
    timed,
    `write files of ${content}`,
    { fold: 'flowsieve/write-object', params },
    { written: jsonCoder },
  );
}
