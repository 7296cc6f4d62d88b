import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, parse } from 'node:path';
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
  /** Other processes of the job append too: each has a file of its own, named after it. */
  readonly shared?: boolean;
}

/** Values that a bundle holds before it hands them on. */
const HELD_VALUES = 1000;

/** Files that this process appends to, by path. */
const files = new Map<string, Promise<AppendedLines<unknown>>>();

registerFn<AppendParams, unknown>('flowsieve/append', (params, context) => {
  let held: unknown[] = [];
  const append = async (): Promise<void> => {
    const values = held;
    held = [];
    if (values.length === 0) return;
    const written = await untilWritten(() => appendLines(params, values));
    context.count(`written/${params.content}`, written);
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
  { path: named, content, shared = false }: AppendParams,
  values: readonly unknown[],
): Promise<number> {
  const path = shared ? ownPath(named) : named;
  let file = files.get(path);
  if (file === undefined) files.set(path, (file = open(path, content)));
  return (await file).append(values);
}

/** `rejects.HOST-PID.ndjson` beside `rejects.ndjson`. */
function ownPath(path: string): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${hostname()}-${process.pid}${ext}`);
}

async function open(
  path: string,
  content: AppendParams['content'],
): Promise<AppendedLines<unknown>> {
  await mkdir(dirname(path), { recursive: true });
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
