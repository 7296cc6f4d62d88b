import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from '../../pipeline/finding.js';
import type { FindingSink, Taken } from './finding-sink.js';
import { PubsubTopicSink } from './pubsub-topic.js';
import { StandardOutputSink } from './standard-output.js';
import { WindowFilesSink } from './window-files.js';
import { WriteError } from './write-error.js';

/** Where findings go. Plain JSON. */
export type SinkSpec =
  /** Files by finding window below an output directory. */
  | { readonly kind: 'files'; readonly directory: string }
  | { readonly kind: 'stdout' }
  /** `projects/P/topics/T`. */
  | { readonly kind: 'pubsub'; readonly topic: string };

export interface SinkEvents {
  /** A sink took revisions that it did not have. */
  readonly onTaken?: (taken: readonly Taken[], sink: SinkSpec) => void;
  /** What was found wrong with what a sink wrote before, and done about it. */
  readonly onMessage?: (message: string) => void;
  /** A sink cannot take anything, and is tried again; undefined: it took it. Without it a failure is thrown. */
  readonly onProblem?: (problem: WriteError | undefined) => void;
}

/** After a failure. */
const RETRY_MS = 2000;

const opened = new Map<string, Promise<FindingSink>>();
let events: SinkEvents = {};

/** Has what happens to sinks told. For the process, as its sinks are. */
export function watchSinks(watcher: SinkEvents): void {
  events = watcher;
}

/** Puts revisions into a sink, opened once a process; returns those that it took. */
export async function putFindings(
  spec: SinkSpec,
  findings: readonly Finding[],
): Promise<readonly Taken[]> {
  const taken = await untilWritten(async () => (await openedSink(spec)).put(findings));
  if (taken.length > 0) events.onTaken?.(taken, spec);
  return taken;
}

/**
 * Does `write`, and where it fails with a WriteError does it again until it succeeds, having that
 * told; without anybody to tell it throws. Whoever feeds it waits: nothing that was taken in is lost.
 */
export async function untilWritten<T>(write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const result = await write();
      events.onProblem?.(undefined);
      return result;
    } catch (error) {
      if (!(error instanceof WriteError) || events.onProblem === undefined) throw error;
      events.onProblem(error);
      await sleep(RETRY_MS);
    }
  }
}

function openedSink(spec: SinkSpec): Promise<FindingSink> {
  const key = JSON.stringify(spec);
  const known = opened.get(key);
  if (known !== undefined) return known;
  const sink = openSink(spec);
  opened.set(key, sink);
  sink.catch(() => opened.delete(key));
  return sink;
}

/** Closes all sinks; the next put opens its own again. */
export async function closeSinks(): Promise<void> {
  const all = [...opened.values()];
  opened.clear();
  for (const sink of all) await (await sink).close();
}

async function openSink(spec: SinkSpec): Promise<FindingSink> {
  switch (spec.kind) {
    case 'files': {
      const onMessage = (message: string): void => events.onMessage?.(message);
      return WindowFilesSink.open(spec.directory, { onMessage });
    }
    case 'stdout':
      // Another process of the same job may have told what this one withdraws.
      return new StandardOutputSink({ resumed: true });
    case 'pubsub':
      return new PubsubTopicSink(spec.topic);
  }
}
