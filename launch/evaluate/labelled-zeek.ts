import { closeSync, openSync, writeSync } from 'node:fs';
import { addressOf, formatAddress4, formatAddress6 } from '../../pipeline/address.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { readLines } from '../findings-file.js';
import { quoted } from '../terminal-text.js';

/** Two ends of connections that a label calls malicious. */
export interface MaliciousPair {
  /** Text of both addresses in order; who began is not kept. */
  readonly ends: readonly [string, string];
  /** What the labels call it (`C&C-Torii`), and the finding windows in which they do. */
  readonly details: ReadonlyMap<string, ReadonlySet<number>>;
}

/** What the labels of a Zeek log say. Windows are numbers of finding windows since 1970 UTC. */
export interface LabelledLog {
  /** Connections. */
  readonly records: number;
  readonly malicious: number;
  /** Neither called malicious nor benign. */
  readonly unlabelled: number;
  /** Lines that are no labelled connection. */
  readonly unreadable: number;
  readonly pairs: ReadonlyMap<string, MaliciousPair>;
  /** Windows in which an address was part of something malicious. */
  readonly addresses: ReadonlyMap<string, ReadonlySet<number>>;
  /** Times were relative, and `RELATIVE_ORIGIN_MS` was added: so says the copy at `shiftedPath`. */
  readonly shifted: boolean;
}

export interface LabelledZeekOptions {
  /** Of a finding window. */
  readonly windowMs: number;
  /** Where a log of relative times is written with dates; not written for others. */
  readonly shiftedPath: string;
}

/** What relative times are taken to begin at: a Wednesday. */
export const RELATIVE_ORIGIN_MS = Date.UTC(2020, 0, 1);

/** Times before are no dates but seconds since a capture began; the job rejects them. */
const EARLIEST_MS = Date.UTC(1990, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);

/** Distinct malicious pairs that are held, some 500 bytes each; more are an error and not left out in silence. */
const MAX_PAIRS = 2_000_000;

/** A connection is malicious in each window that it touches, but for one that claims to last for years. */
const MAX_WINDOWS = 400;

/** The key of a pair, whichever end is named first. */
export function pairKey(a: string, b: string): string {
  return JSON.stringify(a < b ? [a, b] : [b, a]);
}

/**
 * Reads the labels of a Zeek conn log: tab-separated with `#fields`, IoT-23's tables with `|`, or
 * JSON lines. The columns are `label` and `detailed-label` (or `detailedlabel`); IoT-23 writes both,
 * with three spaces between, into one column. Throws a ConfigurationError where there
 * is no such column or no record.
 *
 * Source: S. Garcia, A. Parmisano, M. Erquiaga, "IoT-23", 2020; Zeek's documentation of conn.log.
 */
export async function readLabelledZeek(
  path: string,
  { windowMs, shiftedPath }: LabelledZeekOptions,
): Promise<LabelledLog> {
  const labels = new Labels(windowMs);
  const layout = new Layout(path);
  let records = 0;
  let unlabelled = 0;
  let unreadable = 0;
  let malicious = 0;
  let copy: ShiftedCopy | undefined;
  try {
    for await (const { text } of readLines(path)) {
      const line = text ?? '';
      if (layout.readHeader(line)) {
        layout.headers.push(line);
        copy?.write(line);
        continue;
      }
      const record = layout.record(line);
      const seconds = Number(record?.ts ?? NaN);
      if (records === 0 && seconds * 1000 < EARLIEST_MS) {
        copy = new ShiftedCopy(shiftedPath);
        for (const header of layout.headers) copy.write(header);
      }
      const startMs = seconds * 1000 + (copy === undefined ? 0 : RELATIVE_ORIGIN_MS);
      const ends = record === undefined ? undefined : endsOf(record);
      if (record === undefined || ends === undefined || !isDate(startMs)) {
        unreadable++;
        continue;
      }
      records++;
      copy?.write(layout.withTime(line, record.ts, (startMs / 1000).toFixed(6)));
      const verdict = verdictOf(record.label, record.detail);
      if (verdict === undefined) unlabelled++;
      if (verdict?.malicious !== true) continue;
      malicious++;
      const durationMs = Number(record.duration) * 1000;
      const endMs = startMs + (durationMs > 0 ? durationMs : 0);
      labels.add(ends, verdict.detail, startMs, endMs);
    }
  } finally {
    copy?.close();
  }
  if (records === 0) throw unfit(path, 'expected labelled connections of Zeek, got none');
  const { pairs, addresses } = labels;
  const shifted = copy !== undefined;
  return { records, malicious, unlabelled, unreadable, pairs, addresses, shifted };
}

function unfit(place: string, message: string): ConfigurationError {
  return new ConfigurationError([{ place, path: '', message }]);
}

function isDate(ms: number): boolean {
  return ms >= EARLIEST_MS && ms < LATEST_MS;
}

/** Collects what is malicious. */
class Labels {
  readonly pairs = new Map<
    string,
    { readonly ends: readonly [string, string]; readonly details: Map<string, Set<number>> }
  >();
  readonly addresses = new Map<string, Set<number>>();
  readonly #windowMs: number;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(ends: readonly [string, string], detail: string, startMs: number, endMs: number): void {
    const key = pairKey(...ends);
    let pair = this.pairs.get(key);
    if (pair === undefined) {
      if (this.pairs.size === MAX_PAIRS) {
        throw new RangeError(`the labels call more than ${MAX_PAIRS} pairs of addresses malicious`);
      }
      const [a, b] = ends;
      pair = { ends: a < b ? [a, b] : [b, a], details: new Map() };
      this.pairs.set(key, pair);
    }
    const first = Math.floor(startMs / this.#windowMs);
    const last = Math.min(Math.floor(endMs / this.#windowMs), first + MAX_WINDOWS);
    for (let window = first; window <= last; window++) {
      put(pair.details, detail, window);
      for (const address of ends) put(this.addresses, address, window);
    }
  }
}

function put(sets: Map<string, Set<number>>, key: string, value: number): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

/** The fields of one connection, as text. */
interface LogRecord {
  readonly ts: string;
  readonly origin: string;
  readonly responder: string;
  readonly duration: string;
  readonly label: string;
  readonly detail: string;
}

/** Names of columns, JSON fields too. */
const NAMES = {
  ts: ['ts'],
  origin: ['id.orig_h'],
  responder: ['id.resp_h'],
  duration: ['duration'],
  label: ['label'],
  detail: ['detailed-label', 'detailedlabel', 'detailed_label'],
} as const satisfies Record<keyof LogRecord, readonly string[]>;

/** Where the columns of a log are. */
class Layout {
  readonly headers: string[] = [];
  readonly #path: string;
  #separator: RegExp | undefined;
  #columns: ReadonlyMap<string, number> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  /** Whether the line is a header; it is read then. */
  readHeader(line: string): boolean {
    const pipes = line.startsWith('ts|uid|id.orig_h|');
    if (!pipes && !/^\s*#/.test(line)) return false;
    const fields = /^\s*#fields\t(.*)$/.exec(line)?.[1];
    if (!pipes && fields === undefined) return true;
    const named = fields ?? line;
    // IoT-23 puts the last three columns into one field: `tunnel_parents   label   detailed-label`.
    this.#separator = pipes ? /\|/ : named.includes('   ') ? /\t| {3}/ : /\t/;
    const names = named.split(this.#separator).map((name) => name.trim().toLowerCase());
    this.#columns = new Map(names.map((name, column) => [name, column]));
    if (NAMES.label.some((name) => this.#columns.has(name))) return true;
    throw unfit(this.#path, `expected a column label, got ${quoted(names.join())}`);
  }

  /** The fields of a line; undefined where it is no record. */
  record(line: string): LogRecord | undefined {
    if (line.startsWith('{')) return recordOfJson(line);
    if (this.#separator === undefined) return undefined;
    const values = line.replace(/\r$/, '').split(this.#separator);
    const value = (names: readonly string[]): string => {
      const column = names.map((name) => this.#columns.get(name)).find((at) => at !== undefined);
      return (column === undefined ? undefined : values[column])?.trim() ?? '';
    };
    const { label } = NAMES;
    // A line that ends early has lost its label, not none.
    return value(label) === '' ? undefined : recordBy(value);
  }

  /** The line of a record with another time. */
  withTime(line: string, before: string, after: string): string {
    if (!line.startsWith('{')) {
      const column = this.#columns.get('ts') ?? 0;
      const separator = line.includes('\t') ? '\t' : '|';
      const values = line.split(separator);
      values[column] = after;
      return values.join(separator);
    }
    return line.replace(`"ts":${before}`, `"ts":${after}`);
  }
}

function recordBy(value: (names: readonly string[]) => string): LogRecord {
  return {
    ts: value(NAMES.ts),
    origin: value(NAMES.origin),
    responder: value(NAMES.responder),
    duration: value(NAMES.duration),
    label: value(NAMES.label),
    detail: value(NAMES.detail),
  };
}

function recordOfJson(line: string): LogRecord | undefined {
  let fields: ReadonlyMap<string, unknown>;
  try {
    fields = new Map(Object.entries(JSON.parse(line) as Record<string, unknown>));
  } catch {
    return undefined;
  }
  return recordBy((names) => {
    const value = names.map((name) => fields.get(name)).find((found) => found !== undefined);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  });
}

function endsOf({ origin, responder }: LogRecord): readonly [string, string] | undefined {
  const a = normalised(origin);
  const b = normalised(responder);
  return a === undefined || b === undefined ? undefined : [a, b];
}

/** An address as findings write it. */
function normalised(text: string): string | undefined {
  const address = addressOf(text);
  if (address === undefined) return undefined;
  const { family, words } = address;
  if (family === 4) return formatAddress4(words[0]);
  return formatAddress6(words[0], words[1], words[2], words[3]);
}

interface Verdict {
  readonly malicious: boolean;
  readonly detail: string;
}

/** `Malicious   C&C` and `Torii` are `C&C-Torii`; a label without detail is `Malicious`. */
function verdictOf(label: string, detail: string): Verdict | undefined {
  if (/^benign/i.test(label)) return { malicious: false, detail: '' };
  if (!/^malicious/i.test(label)) return undefined;
  const parts = [label.slice('malicious'.length), detail]
    .map((part) => part.trim())
    .filter((part) => !['', '-', '(empty)'].includes(part));
  return { malicious: true, detail: parts.length === 0 ? 'Malicious' : parts.join('-') };
}

/** A log of relative times, written again with dates. */
class ShiftedCopy {
  readonly #file: number;
  #text = '';

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  write(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length >= 1 << 20) this.#flush();
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      closeSync(this.#file);
    }
  }

  #flush(): void {
    writeSync(this.#file, this.#text);
    this.#text = '';
  }
}
