/** Which files a partition reads, and what it takes of each. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { InputSpec, Span } from '../../pipeline/chunk.js';
import type { Config, InputConfig } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { inputFiles, parseInputUri } from '../config/input-uri.js';
import { quoted } from '../terminal-text.js';
import { namesWithin, parseDatedUri, spanOfFile, type NamedSpan } from './dated-uri.js';
import type { BackfillSpan, Partition } from './partitions.js';

/** A file of an input. */
export interface SourceFile {
  readonly input: InputConfig;
  readonly path: string;
  readonly size: number;
  /** When its content last changed, ms since 1970 UTC. */
  readonly mtimeMs: number;
  /** The time that its name tells. */
  readonly named: Span;
}

/** A file as one partition reads it. */
export interface PartitionFile extends SourceFile {
  /** Whether its named time begins in the partition, which then tells what cannot be read of it. */
  readonly own: boolean;
  readonly spec: InputSpec;
}

/**
 * The files that a backfill reads, those of the margin before and after included, in a fixed order.
 * Throws a ConfigurationError where a name is that of a folder.
 */
export async function listSourceFiles(
  config: Pick<Config, 'file' | 'inputs'>,
  { span, marginMs }: Pick<BackfillSpan, 'span' | 'marginMs'>,
): Promise<readonly SourceFile[]> {
  const wanted = { startMs: span.startMs - marginMs, endMs: span.endMs + marginMs };
  const files: SourceFile[] = [];
  for (const [at, input] of config.inputs.entries()) {
    const parsed = parseDatedUri(input.uri);
    if (!parsed.ok) throw new Error(parsed.message);
    // A file that several days' names match is read once.
    const known = new Map<string, SourceFile>();
    for (const name of namesWithin(parsed.dated, wanted)) {
      for (const path of await filesNamed(name, config.file, `inputs[${at}].uri`)) {
        const named = united(known.get(path)?.named, spanOfFile(parsed.dated, name, path));
        if (!meets(named, wanted)) continue;
        const info = await stat(path).catch(() => undefined);
        if (info === undefined) continue;
        known.set(path, { input, path, size: info.size, mtimeMs: info.mtimeMs, named });
      }
    }
    files.push(...[...known.values()].sort((a, b) => (a.path < b.path ? -1 : 1)));
  }
  return files;
}

async function filesNamed(
  { uri }: NamedSpan,
  configFile: string,
  setting: string,
): Promise<readonly string[]> {
  const parsed = parseInputUri(uri, dirname(configFile));
  if (!parsed.ok) throw new Error(parsed.message);
  const { location } = parsed;
  switch (location.kind) {
    case 'file':
    case 'glob':
      return await inputFiles(location);
    case 'directory': {
      const message = `expected names of files, got the folder ${quoted(location.path)}; for all in it add /*`;
      throw new ConfigurationError([{ place: configFile, path: setting, message }]);
    }
    case 'object':
    case 'pubsub':
    case 'kafka':
    case 'netflow':
    case 'stdin':
      throw new Error(`${uri} has no files`);
  }
}

/** The files that a partition reads. `files` are those of the whole backfill. */
export function filesOf(
  partition: Partition,
  files: readonly SourceFile[],
  backfill: BackfillSpan,
): readonly PartitionFile[] {
  const { span, marginMs } = backfill;
  return files
    .filter(({ named }) => meets(named, widened(partition, marginMs)))
    .map((file) => {
      // What lies across the beginning is told by the first partition.
      const beginsMs = Math.max(file.named.startMs, span.startMs);
      const own =
        beginsMs >= partition.startMs &&
        beginsMs < partition.endMs &&
        file.named.endMs > span.startMs;
      return { ...file, own, spec: specOf(file, partition, own, backfill) };
    });
}

function specOf(
  { input, path, named }: SourceFile,
  { startMs, endMs }: Partition,
  own: boolean,
  { span, partitions, marginMs }: BackfillSpan,
): InputSpec {
  const { uri, format, sensor, samplingRate, unknownFlags } = input;
  const readers = own
    ? partitions.filter((partition) => meets(named, widened(partition, marginMs)))
    : [];
  const tells = own
    ? {
        asked: span,
        reached: {
          startMs: Math.min(...readers.map((reader) => reader.startMs)),
          endMs: Math.max(...readers.map((reader) => reader.endMs)),
        },
      }
    : null;
  const slice = { own: { startMs, endMs }, tells };
  return { name: uri, uri: path, format, sensor, samplingRate, unknownFlags, slice };
}

/** Files as a sentence's part and as what tells whether they are the same: names, sizes and times. */
export function fingerprintOf(files: readonly PartitionFile[]): string {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const { input, path, size, mtimeMs, own } of files) {
    hash.update(`${JSON.stringify([input.uri, path, size, mtimeMs, own])}\n`);
    bytes += size;
  }
  const digest = hash.digest('hex').slice(0, 16);
  return `${files.length} of ${bytes} bytes, ${digest}`;
}

/** Throws an Error where a file is no longer as it was listed. */
export async function checkUnchanged(files: readonly PartitionFile[]): Promise<void> {
  for (const { path, size, mtimeMs } of files) {
    const info = await stat(path).catch(() => undefined);
    if (info?.size !== size || info.mtimeMs !== mtimeMs) {
      const how = info === undefined ? 'was removed' : 'changed';
      throw new Error(`${path} ${how} while it was read; start again when it is complete`);
    }
  }
}

function meets(a: Span, b: Span): boolean {
  return a.startMs < b.endMs && a.endMs > b.startMs;
}

function widened({ startMs, endMs }: Span, marginMs: number): Span {
  return { startMs: startMs - marginMs, endMs: endMs + marginMs };
}

function united(a: Span | undefined, b: Span): Span {
  if (a === undefined) return b;
  return { startMs: Math.min(a.startMs, b.startMs), endMs: Math.max(a.endMs, b.endMs) };
}
