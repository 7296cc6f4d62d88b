/** One JSON object a line; fields by the configuration's `columns` (`a.b` goes into objects) or their usual names. */
import type { FeedField } from '../spec.js';
import type { FeedReader } from './feed-reader.js';
import { feedEntry } from './feed-reader.js';
import { emitFields, fieldNames } from './fields.js';
import { eachLine } from './lines.js';

export const ndjson: FeedReader = {
  kinds: ['tags', 'countries', 'inventory', 'routed', 'coverage', 'customers'],

  async read(file, { kind, columns }, sink): Promise<void> {
    const entry = feedEntry();
    const names = fieldNames(kind, columns);
    let object: object = {};
    const text = (field: FeedField): string => {
      for (const name of names.get(field) ?? []) {
        const value = valueText(valueAt(object, name));
        if (value !== '') return value;
      }
      return '';
    };
    await eachLine(file.bytes, {
      line(line, bytes, start, end) {
        const source = Buffer.from(bytes.subarray(start, end)).toString('utf8').trim();
        if (source === '') return;
        sink.at(line, bytes, start, end);
        const value = parseObject(source);
        if (value === undefined) {
          sink.reject('bad-json');
          return;
        }
        object = value;
        emitFields(kind, text, entry, sink);
      },
      tooLong(line, bytes, start, end) {
        sink.at(line, bytes, start, end);
        sink.reject('line-too-long');
      },
    });
  },
};

function parseObject(source: string): object | undefined {
  try {
    const value: unknown = JSON.parse(source);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function own(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null && Object.hasOwn(object, name)
    ? (object as Record<string, unknown>)[name]
    : undefined;
}

function valueAt(object: object, name: string): unknown {
  const direct = own(object, name);
  if (direct !== undefined || !name.includes('.')) return direct;
  let value: unknown = object;
  for (const part of name.split('.')) value = own(value, part);
  return value;
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.map(valueText).join(';');
  return '';
}
