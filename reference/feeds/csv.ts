/**
 * CSV with a header (RFC 4180 quoting; comma, semicolon or tab by the header; lines that begin with
 * `#` are comments). Fields by the configuration's `columns` or their usual names.
 */
import type { FeedField } from '../spec.js';
import type { FeedReader } from './feed-reader.js';
import { feedEntry, FeedError } from './feed-reader.js';
import { bindFields, emitFields } from './fields.js';
import { eachLine, MAX_LINE_BYTES } from './lines.js';

const QUOTE = 34;
const HASH = 35;

export const csv: FeedReader = {
  kinds: ['tags', 'countries', 'inventory', 'routed', 'coverage', 'customers'],

  async read(file, { kind, columns }, sink): Promise<void> {
    const entry = feedEntry();
    let delimiter = ',';
    let places: ReadonlyMap<FeedField, number> | undefined;
    let fields: readonly string[] = [];
    const text = (field: FeedField): string => {
      const place = places?.get(field);
      return place === undefined ? '' : (fields[place] ?? '').trim();
    };

    const record = (line: number, bytes: Uint8Array, start: number, end: number): void => {
      const source = Buffer.from(bytes.subarray(start, end)).toString('utf8');
      if (places === undefined) {
        delimiter = delimiterOf(source);
        places = bindFields(kind, splitRecord(source, delimiter), columns, file.path);
        return;
      }
      sink.at(line, bytes, start, end);
      fields = splitRecord(source, delimiter);
      emitFields(kind, text, entry, sink);
    };

    // Lines of a record whose quote is still open.
    let held: { line: number; bytes: Uint8Array }[] = [];
    let heldBytes = 0;
    const release = (): void => {
      const [first, ...rest] = held;
      held = [];
      heldBytes = 0;
      sink.at(first.line, first.bytes, 0, first.bytes.length);
      sink.reject('unterminated-quote');
      // None of the rest has an odd number of quotes, or the record would have ended there.
      for (const { line, bytes } of rest) plain(line, bytes, 0, bytes.length);
    };
    const plain = (line: number, bytes: Uint8Array, start: number, end: number): void => {
      if (start === end || bytes[start] === HASH) return;
      record(line, bytes, start, end);
    };

    await eachLine(file.bytes, {
      line(line, bytes, start, end) {
        const odd = quotesAreOdd(bytes, start, end);
        if (held.length === 0) {
          if (!odd || bytes[start] === HASH) {
            plain(line, bytes, start, end);
            return;
          }
        } else if (odd) {
          const parts = [...held.map((part) => part.bytes), bytes.slice(start, end)];
          const whole = Buffer.from(
            parts.map((part) => Buffer.from(part).toString('latin1')).join('\n'),
            'latin1',
          );
          const first = held[0].line;
          held = [];
          heldBytes = 0;
          record(first, whole, 0, whole.length);
          return;
        }
        held.push({ line, bytes: bytes.slice(start, end) });
        heldBytes += end - start + 1;
        if (heldBytes > MAX_LINE_BYTES) release();
      },
      tooLong(line, bytes, start, end) {
        if (held.length > 0) release();
        sink.at(line, bytes, start, end);
        sink.reject('line-too-long');
      },
    });
    if (held.length > 0) release();
    if (places === undefined) throw new FeedError(`${file.path}: no header line`);
  },
};

function quotesAreOdd(bytes: Uint8Array, start: number, end: number): boolean {
  let odd = false;
  for (let i = bytes.indexOf(QUOTE, start); i >= 0 && i < end; i = bytes.indexOf(QUOTE, i + 1)) {
    odd = !odd;
  }
  return odd;
}

function delimiterOf(header: string): string {
  if (header.includes(',')) return ',';
  if (header.includes('\t')) return '\t';
  return header.includes(';') ? ';' : ',';
}

/** Fields of one record; a doubled quote in a quoted field is a quote. */
export function splitRecord(record: string, delimiter: string): readonly string[] {
  if (!record.includes('"')) return record.split(delimiter);
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let blank = at;
    // `"a", "b"` is not RFC 4180 but common.
    while (record[blank] === ' ') blank++;
    if (record[blank] === '"') {
      let value = '';
      let from = blank + 1;
      for (;;) {
        const quote = record.indexOf('"', from);
        if (quote < 0) {
          value += record.slice(from);
          from = record.length;
          break;
        }
        value += record.slice(from, quote);
        from = quote + 1;
        if (record[from] !== '"') break;
        value += '"';
        from++;
      }
      const next = record.indexOf(delimiter, from);
      fields.push(value + record.slice(from, next < 0 ? record.length : next).trimEnd());
      if (next < 0) return fields;
      at = next + 1;
    } else {
      const next = record.indexOf(delimiter, at);
      fields.push(record.slice(at, next < 0 ? record.length : next));
      if (next < 0) return fields;
      at = next + 1;
    }
  }
}
