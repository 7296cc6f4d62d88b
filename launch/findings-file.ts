import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CONFIDENCES, SEVERITIES, type Finding } from '../pipeline/finding.js';

/** One line of a file; `text` is undefined where the line is longer than the limit. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string | undefined;
}

/** A finding is about 2 kB; a line beyond this is none. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

/**
 * The lines of a file, without their line feeds, and without the empty ones. Holds one line and one
 * chunk in memory; of a line longer than `maxBytes` nothing is kept.
 */
export async function* readLines(path: string, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Line> {
  let number = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (part: Buffer): void => {
    length += part.length;
    if (length > maxBytes) parts = [];
    else parts.push(part);
  };
  const line = (): Line => ({
    number,
    text: length > maxBytes ? undefined : Buffer.concat(parts).toString('utf8').replace(/\r$/, ''),
  });
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, end));
      if (length > 0) yield line();
      number++;
      parts = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) take(chunk.subarray(start));
  }
  if (length > 0) yield line();
}

/** The file of findings at `path`, which is that file or the output directory of a run. */
export async function findingsPath(path: string): Promise<string> {
  return (await stat(path)).isDirectory() ? join(path, 'findings.ndjson') : path;
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

/** What became of looking for a finding. */
export type Search =
  | { readonly found: 'one'; readonly finding: Finding; readonly malformed: Malformed }
  | { readonly found: 'none'; readonly findings: number; readonly malformed: Malformed }
  | { readonly found: 'several'; readonly ids: readonly string[]; readonly malformed: Malformed };

/** Lines that are no findings. */
export interface Malformed {
  readonly lines: number;
  /** Number of the first of them; 0 = none. */
  readonly first: number;
}

/** Fewest digits of an id's beginning: 16 M findings share one on average. */
export const MIN_ID_DIGITS = 6;

/** Distinct ids that are kept where a beginning is not unique. */
const MAX_CANDIDATES = 5;

/**
 * Looks for the finding whose id is `id` or, if only one does, begins with it. Dashes and case do
 * not matter. Of several revisions the highest counts.
 */
export async function findFinding(path: string, id: string): Promise<Search> {
  const wanted = idDigits(id);
  const candidates = new Map<string, Finding>();
  let exact: Finding | undefined;
  let findings = 0;
  let lines = 0;
  let first = 0;
  for await (const { number, text } of readLines(path)) {
    const record = text === undefined ? undefined : parseRecord(text);
    // Only what may be it is checked whole: that takes longer than all the rest.
    const digits = record === undefined ? '' : idDigits(record.id);
    const finding = digits.startsWith(wanted) ? checkedFinding(record) : undefined;
    if (record === undefined || (finding === undefined && digits.startsWith(wanted))) {
      lines++;
      if (first === 0) first = number;
      continue;
    }
    findings++;
    if (finding === undefined) continue;
    if (digits === wanted) {
      exact = newer(exact, finding);
    } else if (candidates.has(finding.id) || candidates.size <= MAX_CANDIDATES) {
      candidates.set(finding.id, newer(candidates.get(finding.id), finding));
    }
  }
  const malformed = { lines, first };
  const [only] = candidates.values();
  if (exact !== undefined) return { found: 'one', finding: exact, malformed };
  if (candidates.size === 1) return { found: 'one', finding: only, malformed };
  if (candidates.size === 0) return { found: 'none', findings, malformed };
  return { found: 'several', ids: [...candidates.keys()].sort(), malformed };
}

/** Hexadecimal digits of an id, lower case. */
export function idDigits(id: string): string {
  return id.toLowerCase().replaceAll('-', '');
}

function newer(known: Finding | undefined, finding: Finding): Finding {
  return known === undefined || finding.revision >= known.revision ? finding : known;
}

function parseRecord(text: string): { readonly id: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined;
  return typeof value.id === 'string' ? (value as { readonly id: string }) : undefined;
}

function checkedFinding(record: unknown): Finding | undefined {
  const parsed = findingSchema.safeParse(record);
  // Evidence stays loose: explain says what it knows of each type and prints the rest as it is.
  return parsed.success ? (parsed.data as unknown as Finding) : undefined;
}
