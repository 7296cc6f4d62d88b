import { FIELD, fieldOf, FIELDS } from './field.js';

/** NetFlow v9 (RFC 3954) or IPFIX (RFC 7011, version 10). */
export type TemplateVersion = 9 | 10;

/** Length of a field that says its length in each record (RFC 7011 section 7); H3C has them in NetFlow v9 too. */
export const VARIABLE_LENGTH = 0xffff;

/** A hostile template has thousands; the longest real ones about a hundred. */
const MAX_FIELDS = 1024;

const ENTERPRISE_BIT = 0x8000;
/** RFC 3954 section 6.1: scopes are numbered apart from fields. */
const LAST_SCOPE = 5;

/** How the records of a set are laid out. */
export interface Template {
  readonly id: number;
  /** Whether its records tell of the exporter and not of flows. */
  readonly options: boolean;
  /** The template record as it came, which is what is compared and kept. */
  readonly record: Uint8Array;
  /** FIELD and length of each; neighbours that are ignored are one. */
  readonly fields: Uint8Array;
  readonly lengths: Uint16Array;
  /** By FIELD: 1 where a record has it. */
  readonly has: Uint8Array;
  /** No record is shorter; at least 1. */
  readonly leastLength: number;
  /** Whether records may be longer than that. */
  readonly variable: boolean;
}

/** A template, or why there is none, and where the next template record begins. */
interface ParsedTemplate {
  /** Undefined for a withdrawal, which UDP does not have (RFC 7011 section 8.4), and a bad one. */
  readonly template: Template | undefined;
  readonly bad: boolean;
  /** -1 where that cannot be told. */
  readonly end: number;
}

/** Reads the template record at `at` of a set that ends at `end` (RFC 3954 sections 5.2 and 6.1, RFC 7011 section 3.4). */
export function parseTemplate(
  bytes: Uint8Array,
  at: number,
  end: number,
  version: TemplateVersion,
  options: boolean,
): ParsedTemplate {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = at;
  const head = options ? 6 : 4;
  if (end - at < 4) return { template: undefined, bad: true, end: -1 };
  const id = view.getUint16(at);
  let count = view.getUint16(at + 2);
  if (version === 10 && count === 0) return { template: undefined, bad: false, end: at + 4 };
  if (end - at < head) return { template: undefined, bad: true, end: -1 };
  let scopes = 0;
  if (options) {
    if (version === 9) {
      // Both are lengths in bytes here.
      scopes = count >>> 2;
      count = scopes + (view.getUint16(at + 4) >>> 2);
    } else {
      scopes = view.getUint16(at + 4);
    }
  }
  at += head;

  const fields: number[] = [];
  const lengths: number[] = [];
  const has = new Uint8Array(FIELDS);
  let leastLength = 0;
  for (let i = 0; i < count; i++) {
    if (end - at < 4) return { template: undefined, bad: true, end: -1 };
    let element = view.getUint16(at);
    const length = view.getUint16(at + 2);
    at += 4;
    let enterprise = 0;
    if (version === 10 && (element & ENTERPRISE_BIT) !== 0) {
      if (end - at < 4) return { template: undefined, bad: true, end: -1 };
      element &= ~ENTERPRISE_BIT;
      enterprise = view.getUint32(at);
      at += 4;
    }
    const variable = length === VARIABLE_LENGTH;
    leastLength += variable ? 1 : length;
    let field = variable ? FIELD.ignored : fieldOf(enterprise, element, length);
    if (version === 9 && i < scopes && element <= LAST_SCOPE) field = FIELD.ignored;
    // Of a field that comes twice the first is the outermost.
    if (has[field] === 1) field = FIELD.ignored;
    if (field !== FIELD.ignored) has[field] = 1;
    const last = fields.length - 1;
    const joins =
      field === FIELD.ignored &&
      last >= 0 &&
      fields[last] === FIELD.ignored &&
      !variable &&
      lengths[last] !== VARIABLE_LENGTH &&
      lengths[last] + length < VARIABLE_LENGTH;
    if (joins) lengths[last] += length;
    else {
      fields.push(field);
      lengths.push(length);
    }
  }
  // No datagram holds a record that long.
  const impossible = leastLength === 0 || leastLength >= VARIABLE_LENGTH;
  if (impossible || id < 256 || count > MAX_FIELDS || scopes > count) {
    return { template: undefined, bad: true, end: at };
  }
  const template: Template = {
    id,
    options,
    record: bytes.slice(start, at),
    fields: Uint8Array.from(fields),
    lengths: Uint16Array.from(lengths),
    has,
    leastLength,
    variable: lengths.includes(VARIABLE_LENGTH),
  };
  return { template, bad: false, end: at };
}

/** Whether two templates say the same. */
export function sameTemplate(a: Template, b: Template): boolean {
  if (a.options !== b.options || a.record.length !== b.record.length) return false;
  for (let i = 0; i < a.record.length; i++) if (a.record[i] !== b.record[i]) return false;
  return true;
}
