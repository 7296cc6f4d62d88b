/** Inputs whose names say when their flows are from: `flows/%Y/%m/%d/nfcapd.%Y%m%d%H%M`. */
import type { Span } from '../../pipeline/chunk.js';
import { quoted } from '../terminal-text.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What a name tells of a file: the span that begins then and lasts one of these. */
type Unit = 'year' | 'month' | 'day' | 'hour' | 'minute';

/** Placeholders, as strftime(3) has them. Times are UTC. */
const FIELDS = ['Y', 'm', 'd', 'j', 'F', 'H', 'M'] as const;
type Field = (typeof FIELDS)[number];

/** A path or glob with placeholders. */
export interface DatedUri {
  /** Text, and fields between. */
  readonly parts: readonly (string | { readonly field: Field })[];
  /** Span of a file. */
  readonly unit: Unit;
}

export type DatedUriResult =
  | { readonly ok: true; readonly dated: DatedUri }
  | { readonly ok: false; readonly message: string };

const EXPECTED = 'expected a path or glob with the date of its flows, such as flows/%Y/%m/%d/*.csv';

/** Reads a URI with placeholders: %Y %m %d %j %F %H %M, and %% for a percent sign. */
export function parseDatedUri(uri: string): DatedUriResult {
  const wrong = (message: string): DatedUriResult => ({
    ok: false,
    message: `${message}, got ${quoted(uri)}`,
  });
  if (uri === '-' || /^[a-z][a-z0-9+.-]+:\/\//i.test(uri)) return wrong(EXPECTED);
  const parts: (string | { field: Field })[] = [];
  let text = '';
  for (let at = 0; at < uri.length; at++) {
    if (uri[at] !== '%') {
      text += uri[at];
      continue;
    }
    const letter = uri.charAt(++at);
    if (letter === '%') {
      text += '%';
    } else if (isField(letter)) {
      if (text !== '') parts.push(text);
      text = '';
      parts.push({ field: letter });
    } else {
      const known = FIELDS.map((field) => `%${field}`).join(' ');
      return wrong(`expected of placeholders only ${known} and %% (and no %${letter})`);
    }
  }
  if (text !== '') parts.push(text);
  const fields = new Set(parts.flatMap((part) => (typeof part === 'string' ? [] : [part.field])));
  if (fields.size === 0) return wrong(EXPECTED);
  const unit = unitOf(fields);
  return typeof unit === 'string' ? { ok: true, dated: { parts, unit } } : wrong(unit.missing);
}

function isField(letter: string): letter is Field {
  return (FIELDS as readonly string[]).includes(letter);
}

/** The smallest unit that the fields tell; each needs those above it. */
function unitOf(fields: ReadonlySet<Field>): Unit | { readonly missing: string } {
  const year = fields.has('Y') || fields.has('F');
  const month = fields.has('m') || fields.has('F');
  const day = fields.has('F') || fields.has('j') || (fields.has('d') && month);
  if (!year) return { missing: 'expected %Y (or %F) beside the other placeholders' };
  if (fields.has('d') && !month) return { missing: 'expected %m beside %d' };
  if (fields.has('H') && !day)
    return { missing: 'expected the day (%m and %d, %j or %F) beside %H' };
  if (fields.has('M') && !fields.has('H')) return { missing: 'expected %H beside %M' };
  if (fields.has('M')) return 'minute';
  if (fields.has('H')) return 'hour';
  if (day) return 'day';
  return month ? 'month' : 'year';
}

/** Names of the files of one day (or month, or year, where names say no more). */
export interface NamedSpan {
  /** Without placeholders: a path or glob. */
  readonly uri: string;
  readonly span: Span;
}

/** All names of files whose flows are from within `span`: one a day, or a longer unit. */
export function namesWithin(dated: DatedUri, span: Span): readonly NamedSpan[] {
  const names: NamedSpan[] = [];
  for (
    let at = spanAround(dated.unit, span.startMs);
    at.startMs < span.endMs;
    at = spanAround(dated.unit, at.endMs)
  ) {
    names.push({ uri: rendered(dated, at.startMs), span: at });
  }
  return names;
}

/** The day, month or year of a time: hours and minutes of a day are asked for together. */
function spanAround(unit: Unit, ms: number): Span {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth();
  switch (unit) {
    case 'year':
      return { startMs: Date.UTC(year, 0), endMs: Date.UTC(year + 1, 0) };
    case 'month':
      return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
    case 'day':
    case 'hour':
    case 'minute': {
      const startMs = Math.floor(ms / DAY) * DAY;
      return { startMs, endMs: startMs + DAY };
    }
  }
}

function rendered({ parts }: DatedUri, dayMs: number): string {
  return parts
    .map((part) => (typeof part === 'string' ? part : digits(part.field, dayMs)))
    .join('');
}

function digits(field: Field, ms: number): string {
  const iso = new Date(ms).toISOString();
  switch (field) {
    case 'Y':
      return iso.slice(0, 4);
    case 'm':
      return iso.slice(5, 7);
    case 'd':
      return iso.slice(8, 10);
    case 'F':
      return iso.slice(0, 10);
    case 'j': {
      const yearMs = Date.UTC(new Date(ms).getUTCFullYear(), 0);
      return String(Math.floor((ms - yearMs) / DAY) + 1).padStart(3, '0');
    }
    case 'H':
    case 'M':
      return '[0-9][0-9]';
  }
}

/**
 * The span that the name of a file tells, `named` being the names that it is among. Where the
 * wildcards leave open which digits are the hour, it is the whole day: a file that is read once too
 * often costs time, one that is not read costs findings.
 */
export function spanOfFile(dated: DatedUri, named: NamedSpan, path: string): Span {
  if (dated.unit !== 'hour' && dated.unit !== 'minute') return named.span;
  const { startMs: dayMs } = named.span;
  const [lazy, greedy] = [timeIn(dated, dayMs, path, '?'), timeIn(dated, dayMs, path, '')];
  if (lazy === undefined || lazy !== greedy) return named.span;
  const startMs = dayMs + lazy;
  return { startMs, endMs: startMs + (dated.unit === 'hour' ? HOUR : MINUTE) };
}

/** Time of the day that a path tells, if its wildcards take as few (`?`) or as many characters as they can. */
function timeIn(
  { parts }: DatedUri,
  dayMs: number,
  path: string,
  lazy: '?' | '',
): number | undefined {
  const pattern = parts.map((part, at) => {
    // What goes before may be another way to the same directory.
    if (typeof part === 'string') return textPattern(at === 0 ? withoutDots(part) : part, lazy);
    const { field } = part;
    if (field === 'H') return '([01][0-9]|2[0-3])';
    if (field === 'M') return '([0-5][0-9])';
    return digits(field, dayMs);
  });
  const found = new RegExp(`(?:^|/)${pattern.join('')}$`).exec(path);
  if (found === null) return undefined;
  const fields = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.field]));
  const times = fields.filter((field) => field === 'H' || field === 'M');
  // A field that is there twice must say the same twice.
  const valueOf = (wanted: Field): number | undefined => {
    const values = new Set(times.flatMap((field, i) => (field === wanted ? [found[i + 1]] : [])));
    const [value] = values;
    return values.size === 1 ? Number(value) : undefined;
  };
  const hour = valueOf('H');
  const minute = fields.includes('M') ? valueOf('M') : 0;
  return hour === undefined || minute === undefined ? undefined : hour * HOUR + minute * MINUTE;
}

function withoutDots(text: string): string {
  return text.replace(/^(?:\.{0,2}\/)+/, '');
}

/** What the text of a glob matches, or more: the file was found by the glob itself. */
function textPattern(text: string, lazy: '?' | ''): string {
  return text
    .split(/(\*+|\?|\[[^\]]*\]|\{[^}]*\}|[!@+?*]?\([^)]*\))/)
    .map((piece, at) => {
      if (at % 2 === 0) return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      if (piece === '?' || piece.startsWith('[')) return '[^/]';
      return `.*${lazy}`;
    })
    .join('');
}
