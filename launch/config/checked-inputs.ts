import { stat } from 'node:fs/promises';
import type { z } from 'zod';
import { parseDatedUri } from '../backfill/dated-uri.js';
import { quoted } from '../terminal-text.js';
import type { InputConfig } from './config.js';
import { unusableOn, type Engine } from './engine-places.js';
import {
  inputFiles,
  parseInputUri,
  type InputLocation,
  type LiveLocation,
  type ObjectLocation,
} from './input-uri.js';
import type { inputSchema } from './schema.js';

type InputSettings = z.infer<typeof inputSchema>;

/** What inputs are: files that are there, names with dates in them, or what an engine reads without an end. */
export type InputKind = 'files' | 'dated' | Engine;

/** Tells what is wrong with the setting `key` of an input. */
type Problem = (key: keyof InputSettings, message: string) => void;

/** Collects the inputs of a configuration, and what is wrong with one or with several together. */
export class CheckedInputs {
  readonly #inputs: InputConfig[] = [];
  readonly #kind: InputKind;
  /** By what can be read only once: who reads it. */
  readonly #readers = new Map<string, string>();

  constructor(kind: InputKind) {
    this.#kind = kind;
  }

  get inputs(): readonly InputConfig[] {
    return this.#inputs;
  }

  /** `name` is how messages call it; relative paths start from `directory`. */
  async add(
    input: InputSettings,
    directory: string,
    name: string,
    problem: Problem,
  ): Promise<void> {
    if (this.#kind === 'dated') {
      const dated = parseDatedUri(input.uri);
      if (!dated.ok) {
        problem('uri', dated.message);
        return;
      }
    }
    const parsed = parseInputUri(input.uri, directory);
    if (!parsed.ok) {
      problem('uri', parsed.message);
      return;
    }
    const { location } = parsed;
    const files = await this.#files(input.uri, location, problem);
    this.#once(location, name, problem);
    checkAttributes(input, location, problem);
    checkFormat(input, location, problem);
    const format = location.kind === 'netflow' ? 'netflow' : input.format;
    const listed = location.kind === 'glob' && this.#kind === 'files';
    const pattern = listed ? { pattern: location.pattern } : {};
    this.#inputs.push({
      ...input,
      location,
      sensor: input.sensor ?? '',
      format,
      files,
      ...pattern,
    });
  }

  /** The files that a batch reads; there must be some. */
  async #files(uri: string, location: InputLocation, problem: Problem): Promise<readonly string[]> {
    if (isLive(location)) {
      if (this.#kind === 'files' || this.#kind === 'dated') {
        const message = `expected files, got ${quoted(uri)}, which is read only with --streaming`;
        problem('uri', message);
      } else {
        refused(this.#kind, uri, location.kind, problem);
      }
      return [];
    }
    if (location.kind === 'object') {
      if (this.#kind === 'dated') {
        problem(
          'uri',
          `expected files of this machine, got ${quoted(uri)}: a backfill reads no objects`,
        );
      } else if (this.#kind !== 'files') {
        const message = `expected what can be followed, got ${quoted(uri)}: objects are read only without --streaming`;
        problem('uri', message);
      }
      // Whether there are some is asked once all else is right.
      return this.#kind === 'files' ? [uri] : [];
    }
    if (this.#kind === 'dated') return [];
    if (this.#kind !== 'files') {
      if (refused(this.#kind, uri, 'files', problem)) return [];
      const odd = location.kind === 'file' && (await isPipeOrDevice(location.path));
      if (odd) problem('uri', notAFile(location.path));
      return [];
    }
    const files = location.kind === 'directory' ? [] : await inputFiles(location);
    if (files.length === 0) problem('uri', await missing(location));
    return files;
  }

  /** Two readers of one of these would each have a part. */
  #once(location: InputLocation, name: string, problem: Problem): void {
    const key = onlyOnce(location);
    if (key === undefined) return;
    const reader = this.#readers.get(key);
    if (reader === undefined) this.#readers.set(key, name);
    else problem('uri', `expected ${key} once, got it again after ${reader}`);
  }
}

/** Tells of what the engine cannot read without an end. */
function refused(
  engine: Engine,
  uri: string,
  kind: LiveLocation['kind'] | 'files',
  problem: Problem,
): boolean {
  const why = unusableOn(engine, 'inputs', kind);
  if (why !== undefined) problem('uri', `${why}; got ${quoted(uri)}`);
  return why !== undefined;
}

/** Whether its bytes come only once, and when they like. */
function isLive(location: InputLocation): location is LiveLocation {
  const { kind } = location;
  return kind === 'pubsub' || kind === 'kafka' || kind === 'netflow' || kind === 'stdin';
}

/** What of a live input only one reader can have, in words. */
function onlyOnce(location: InputLocation): string | undefined {
  switch (location.kind) {
    case 'stdin':
      return 'standard input';
    case 'pubsub':
      return `the subscription ${location.subscription}`;
    case 'kafka':
      return `the topic ${location.topic} of ${location.brokers}`;
    case 'netflow':
      return `the UDP port ${location.port} of ${location.host}`;
    case 'file':
    case 'glob':
    case 'directory':
    case 'object':
      return undefined;
  }
}

function checkAttributes(input: InputSettings, location: InputLocation, problem: Problem): void {
  if (location.kind !== 'kafka' && input.kafka !== undefined) {
    problem('kafka', `expected it only with kafka://, got it with ${quoted(input.uri)}`);
  }
  if (location.kind === 'pubsub') return;
  for (const key of ['timestampAttribute', 'idAttribute'] as const) {
    if (input[key] === undefined) continue;
    const message = `expected it only with pubsub://, whose messages have attributes, got it with ${quoted(input.uri)}`;
    problem(key, message);
  }
}

/** Datagrams do not say where they end: they come one by one, or in files that say it. */
function checkFormat(
  { uri, format }: InputSettings,
  location: InputLocation,
  problem: Problem,
): void {
  if (location.kind === 'netflow' && format !== 'auto' && format !== 'netflow') {
    problem('format', `expected netflow (or auto) for ${quoted(uri)}, got ${quoted(format)}`);
  }
  if ((location.kind === 'pubsub' || location.kind === 'kafka') && format === 'netflow') {
    const message = `expected a format of messages, got "netflow", which is one of netflow:// and of files, with ${quoted(uri)}`;
    problem('format', message);
  }
}

/** Why an input has no files. */
async function missing(
  location: Exclude<InputLocation, LiveLocation | ObjectLocation>,
): Promise<string> {
  if (location.kind === 'glob') return `no file matches ${quoted(location.pattern)}`;
  if (location.kind === 'directory') {
    const { path } = location;
    return `expected a file, got the folder ${quoted(path)}; for all in it write a glob such as folder/*`;
  }
  if (await isPipeOrDevice(location.path)) return notAFile(location.path);
  return `there is no file ${quoted(location.path)}`;
}

function notAFile(path: string): string {
  return `expected a file, got the pipe or device ${quoted(path)}`;
}

async function isPipeOrDevice(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}
