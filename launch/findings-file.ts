import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { CONFIDENCES, SEVERITIES, type Finding } from '../pipeline/finding.js';
import { describeObject } from '../objects/list-objects.js';
import { isGcs, parseObjectUri } from '../objects/object-uri.js';
import { readObject } from '../objects/read-object.js';
import { MAX_LINE_BYTES, storedLines } from '../transforms/write/stored-lines.js';
import { isWindowFileName, WINDOW_FILES_FOLDER } from '../transforms/write/window-files.js';

/** One line of a file; `text` is undefined where the line is longer than the limit. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string | undefined;
  /** Whether it ends with a line feed; only of the last it may not. */
  readonly ended: boolean;
}

/**
 * The lines of a file or of `gs://bucket/name`, without their line feeds, and without the empty ones. Holds one line and one
 * chunk in memory; of a line longer than `maxBytes` nothing is kept.
 */
export async function* readLines(path: string, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Line> {
  const chunks = isGcs(path) ? objectContent(path) : createReadStream(path);
  for await (const { number, bytes, ended } of storedLines(
    chunks as AsyncIterable<Buffer>,
    maxBytes,
  )) {
    if (bytes?.length === 0) continue;
    yield { number, text: bytes?.toString('utf8').replace(/\r$/, ''), ended };
  }
}

/** The bytes of an object as it is now. Throws an Error where there is none. */
async function* objectContent(uri: string): AsyncGenerator<Uint8Array> {
  const place = parseObjectUri(uri);
  const object = place === undefined ? undefined : await describeObject(place);
  if (object === undefined) throw new Error(`there is no object ${uri}`);
  yield* readObject(object, 0);
}

/** Name of the file of findings in the output directory of a run in batch. */
const BATCH_FILE = 'findings.ndjson';

/**
 * The files of findings at `path`: a file, or the output directory of a run in batch
 * (`findings.ndjson`) or in streaming (`findings/*.ndjson`, by window). Throws where a directory has
 * both: they are of different runs.
 */
export async function findingsFiles(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const batch = join(path, BATCH_FILE);
  const folder = join(path, WINDOW_FILES_FOLDER);
  const names = await namesIn(folder);
  if (names === undefined) {
    const own = (await namesIn(path)) ?? [];
    // The folder itself.
    const windows = own.filter(isWindowFileName).sort();
    return windows.length > 0 ? windows.map((name) => join(path, name)) : [batch];
  }
  const windows = names.filter(isWindowFileName).sort();
  const both = (await stat(batch).catch(() => undefined)) !== undefined;
  if (both && windows.length > 0) {
    throw new Error(
      `${path} has findings of a run in batch (${BATCH_FILE}) and of one in streaming (${WINDOW_FILES_FOLDER}/): name one of the two`,
    );
  }
  return both ? [batch] : windows.map((name) => join(folder, name));
}

async function namesIn(directory: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** What a line of a file of findings holds. */
export interface RevisionLine {
  readonly file: string;
  /** Number of the line, from 1. */
  readonly number: number;
  /** undefined where the line is no JSON, or too long. */
  readonly value: unknown;
}

/**
 * The lines of the files of findings at `path`, of all revisions. The unended last line of a window
 * file is left out: a job is writing it, or was stopped while it did and writes it again.
 */
export async function* revisionLines(path: string): AsyncGenerator<RevisionLine> {
  for (const file of await findingsFiles(path)) {
    const grows = isWindowFileName(basename(file));
    for await (const { number, text, ended } of readLines(file)) {
      if (ended || !grows) yield { file, number, value: parseJson(text) };
    }
  }
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** What decides over revisions, and the order of findings. */
const REVISION = z.object({
  id: z.string(),
  revision: z.number(),
  status: z.string(),
  customer: z.string(),
  firstSeen: z.string(),
});

/**
 * The final set at `path` by id, in the order of a file of a run in batch: of each finding the
 * highest revision, and none that was withdrawn. `parse` says what is kept of a finding, undefined
 * where it is none. Throws where a line is none: a measure of a part of them would be wrong.
 */
export async function readFinalSet<T>(
  path: string,
  parse: (value: unknown) => T | undefined,
): Promise<ReadonlyMap<string, T>> {
  const highest = new Map<string, { revision: number; order: string; kept: T | undefined }>();
  for await (const { file, number, value } of revisionLines(path)) {
    const parsed = parse(value);
    const { data } = REVISION.safeParse(value);
    if (parsed === undefined || data === undefined) {
      throw new Error(`${file}:${number}: expected a finding`);
    }
    const { id, revision, status, customer, firstSeen } = data;
    if (revision < (highest.get(id)?.revision ?? -Infinity)) continue;
    const kept = status === 'withdrawn' ? undefined : parsed;
    // As transforms/write.ts orders them.
    highest.set(id, { revision, order: [customer, firstSeen, id].join('\0'), kept });
  }
  const final = new Map<string, T>();
  const sorted = [...highest].sort(([, a], [, b]) => (a.order < b.order ? -1 : 1));
  for (const [id, { kept }] of sorted) if (kept !== undefined) final.set(id, kept);
  return final;
}

/** The final set at `path` by id, in the order of a file of a run in batch; see `readFinalSet`. */
export function readFindings(path: string): Promise<ReadonlyMap<string, Finding>> {
  return readFinalSet(path, checkedFinding);
}

const side = z.number().nullable();

/** What is needed to explain a finding; more is kept, so that a later version's file can be read. */
const findingSchema = z.looseObject({
  series: z.string(),
  id: z.string(),
  revision: z.number(),
  status: z.string(),
  filter: z.string(),
  severity: z.enum(SEVERITIES),
  confidence: z.enum(CONFIDENCES),
  summary: z.string(),
  customer: z.string(),
  subject: z.string(),
  customerAddress: z.string().nullable(),
  customerPort: side,
  customerRole: z.enum(['client', 'server', 'unknown']),
  remoteAddress: z.string().nullable(),
  remotePort: side,
  remoteCountry: z.string().nullable(),
  protocol: z.string(),
  service: z.string(),
  indicator: z.string(),
  firstSeen: z.string(),
  lastSeen: z.string(),
  windowStart: z.string(),
  conversations: z.number(),
  conversationsEstimated: z.boolean(),
  bytesOut: z.number(),
  bytesIn: z.number(),
  packetsOut: z.number(),
  packetsIn: z.number(),
  samplingRate: z.number().nullable(),
  sensors: z.array(z.string()),
  orientation: z.looseObject({ reason: z.string(), confidence: z.enum(CONFIDENCES) }),
  evidence: z.array(z.looseObject({ type: z.string() })),
  referenceVersion: z.string(),
});

/** A line's value as a finding; undefined where it is none. */
export function checkedFinding(value: unknown): Finding | undefined {
  const parsed = findingSchema.safeParse(value);
  // Evidence stays loose: explain says what it knows of each type and prints the rest as it is.
  return parsed.success ? (parsed.data as unknown as Finding) : undefined;
}
