import { jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import type { Notice } from '../pipeline/notice.js';
import type { Reject } from '../pipeline/reject.js';
import { FirstRejects, NewNotices } from './write/admission.js';
import { untilWritten } from './write/open-sinks.js';
import { AppendedLines } from './write/appended-lines.js';

interface AppendParams {
  readonly path: string;
  readonly content: 'rejects' | 'notices';
}

/** Values that a bundle holds before it hands them on. */
const HELD_VALUES = 1000;

/** Files that this process appends to, by path. */
const files = new Map<string, Promise<AppendedLines<unknown>>>();

registerFn<AppendParams, unknown>('flowsieve/append', ({ path, content }, context) => {
  let held: unknown[] = [];
  const append = async (): Promise<void> => {
    const values = held;
    held = [];
    if (values.length === 0) return;
    const written = await untilWritten(() => appendLines({ path, content }, values));
    context.count(`written/${content}`, written);
  };
  return {
    async process(value): Promise<void> {
      held.push(value);
      if (held.length >= HELD_VALUES) await append();
    },
    finishBundle: append,
  };
});

/** Appends values to the file of this process; returns how many were worth it. */
export async function appendLines(
  { path, content }: AppendParams,
  values: readonly unknown[],
): Promise<number> {
  let file = files.get(path);
  if (file === undefined) files.set(path, (file = open(path, content)));
  return (await file).append(values);
}

function open(path: string, content: AppendParams['content']): Promise<AppendedLines<unknown>> {
  const admission = content === 'rejects' ? new FirstRejects() : new NewNotices();
  return AppendedLines.open<unknown>(path, { admission: admission });
}

/** Closes the files of this process. */
export async function closeAppended(): Promise<void> {
  const all = [...files.values()];
  files.clear();
  for (const file of all) await (await file).close();
}

/** Rejects or notices -> a file that is appended to; those that say nothing new are left out. */
export function append(
  values: PCollection<Reject> | PCollection<Notice>,
  params: AppendParams,
): void {
  applyFn(values, {
    name: `append ${params.content}`,
    fn: 'flowsieve/append',
    params,
    // A step without outputs is not run by the SDK.
    outputs: { nothing: jsonCoder },
  });
}
