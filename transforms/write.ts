import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { together } from '../beam/together.js';
import type { PCollection } from 'apache-beam';
import type { Finding } from '../pipeline/finding.js';
import type { Notice } from '../pipeline/notice.js';
import type { Reject } from '../pipeline/reject.js';
import { writeLines } from './write/ordered-lines.js';

/** What a file holds; it decides the order of its lines. */
export type Content = 'findings' | 'rejects' | 'notices';

interface WriteParams {
  readonly path: string;
  readonly content: Content;
}

/** Keys that lines are sorted by, field by field (NUL is below all text); the last makes the order total. */
const ORDER: Readonly<Record<Content, (value: never) => string>> = {
  findings: ({ customer, firstSeen, id }: Finding) => [customer, firstSeen, id].join('\0'),
  rejects: ({ file, offset, format, reason }: Reject) =>
    [file, String(offset).padStart(16, '0'), format, reason].join('\0'),
  notices: ({ day, kind, subject, message }: Notice) => [day, kind, subject, message].join('\0'),
};

/** What the lines of a file are sorted by, code unit by code unit. `value` is a line's. */
export function lineOrder(content: Content, value: unknown): string {
  return ORDER[content](value as never);
}

registerFn<null, unknown>('flowsieve/one-group', (_params, context) => ({
  process(value): void {
    context.emit('out', { key: '', value });
  },
}));

registerFn<null, unknown>('flowsieve/begin-file', (_params, context) => ({
  process(): void {
    // So that a file is written also where there are no lines.
    context.emit('out', null);
  },
}));

registerFold<WriteParams, unknown>('flowsieve/write', ({ path, content }) => {
  const lines: { order: string; line: string }[] = [];
  return {
    add(value): void {
      if (value === null) return;
      lines.push({ order: lineOrder(content, value), line: JSON.stringify(value) });
    },
    async finish(context): Promise<void> {
      lines.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
      // Several findings may give the same notice.
      const written = content === 'notices' ? lines.filter(differs) : lines;
      await writeLines(
        path,
        written.map(({ line }) => line),
      );
      await context.send('written', { path, lines: written.length });
    },
  };
});

function differs(
  { line }: { readonly line: string },
  at: number,
  all: readonly { readonly line: string }[],
): boolean {
  return at === 0 || all[at - 1].line !== line;
}

/**
 * Values -> one file of JSON lines, in a fixed order, so that the same input gives the same bytes
 * however it was cut into bundles. Holds all lines of the file: findings are few.
 */
export function write(
  values: PCollection<unknown>,
  impulse: PCollection<unknown>,
  params: WriteParams,
): void {
  const { content } = params;
  const { out: begin } = applyFn(impulse, {
    name: `begin ${content}`,
    fn: 'flowsieve/begin-file',
    params: null,
    outputs: { out: jsonCoder },
  });
  const all = together<unknown>(`${content} to write`, [values, begin]);
  const { out: keyed } = applyFn(all, {
    name: `gather ${content}`,
    fn: 'flowsieve/one-group',
    params: null,
    outputs: { out: keyedCoder(jsonCoder) },
  });
  foldPerKey(
    keyed,
    `write ${content}`,
    { fold: 'flowsieve/write', params },
    { written: jsonCoder },
  );
}
