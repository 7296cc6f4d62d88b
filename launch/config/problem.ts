import { z } from 'zod';
import { printable, quoted } from '../terminal-text.js';
import type { YamlFile } from './yaml-file.js';

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** File as the user named it, with `:line` where the setting has one; or `--now`. */
  readonly place: string;
  /** Setting, as `inputs[0].format`; '' for the file as a whole. */
  readonly path: string;
  /** What was expected, and what was found instead. */
  readonly message: string;
}

export type Path = readonly PropertyKey[];

/** `flowsieve.yaml:4: inputs[0].format: expected one of auto, csv, got "pcap"` */
export function formatProblem({ place, path, message }: Problem): string {
  return path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`;
}

/** `inputs[0].format`. */
function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? printable(String(key)) : `.${printable(String(key))}`;
  }
  return text;
}

/** A problem of the setting at `path` of `file`. */
export function problemAt(file: YamlFile, path: Path, message: string): Problem {
  const line = file.lineOf(path);
  const place = line === undefined ? file.name : `${file.name}:${line}`;
  return { place, path: formatPath(path), message };
}

/** A problem of the setting that `text` names, as `filters.policy-violation.banned[2]`. */
export function problemAtText(file: YamlFile, text: string, message: string): Problem {
  return { ...problemAt(file, pathIn(file.value, text), message), path: printable(text) };
}

/** The path that `text` names in `value`, as far as there is one; keys may have dots in them. */
function pathIn(value: unknown, text: string): Path {
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value).map(([key, inner]: [string, unknown]) => {
    const step = Array.isArray(value) ? Number(key) : key;
    return { step, inner, written: Array.isArray(value) ? `[${key}]` : key };
  });
  const rest = text.startsWith('.') ? text.slice(1) : text;
  const next = entries
    .filter(
      ({ written }) => rest.startsWith(written) && /^($|\.|\[)/.test(rest.slice(written.length)),
    )
    .sort((a, b) => b.written.length - a.written.length)
    .at(0);
  if (next === undefined) return [];
  return [next.step, ...pathIn(next.inner, rest.slice(next.written.length))];
}

/**
 * The problems that a failed check of `file` shows. `at` is the path of
 * the setting that `schema` checked; issues are relative to it.
 */
export function problemsOf(
  file: YamlFile,
  schema: z.ZodType,
  error: z.ZodError,
  at: Path = [],
): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = [...at, ...issue.path];
    if (issue.code !== 'unrecognized_keys') {
      const expected = expectation(issue);
      const told = expected.includes(', got ');
      const message = told ? expected : `${expected}, ${found(valueAt(file.value, path))}`;
      return [problemAt(file, path, message)];
    }
    const known = knownKeys(schema, issue.path);
    const instead = known.length === 0 ? '' : `, expected one of ${known.join(', ')}`;
    return issue.keys.map((key) => problemAt(file, [...path, key], `unknown setting${instead}`));
  });
}

function found(value: unknown): string {
  return value === undefined ? 'got nothing' : `got ${quoted(value)}`;
}

/** Messages that zod makes where a schema brings none of its own. */
const ZODS_OWN = /^(Invalid|Too small|Too big|Unrecognized)/;

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.message !== '' && !ZODS_OWN.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPE_NAMES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `expected ${amount(issue.origin, issue.inclusive === false ? '>' : '>=', issue.minimum)}`;
    case 'too_big':
      return `expected ${amount(issue.origin, issue.inclusive === false ? '<' : '<=', issue.maximum)}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return `expected text that is a valid ${issue.format}`;
    case 'invalid_union':
      return `expected ${unionExpectation(issue.errors)}`;
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.map(expectation).join(' and ');
    case 'unrecognized_keys':
    case 'custom':
      return 'expected something else';
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

function amount(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'string') return `text of ${relation} ${limit} characters`;
  if (origin === 'array') return `a list of ${relation} ${limit} entries`;
  return `a number ${relation} ${limit}`;
}

function unionExpectation(errors: readonly (readonly z.core.$ZodIssue[])[]): string {
  const options = errors.flatMap((issues) => issues.slice(0, 1).map(expectation));
  return [...new Set(options)].map((text) => text.replace(/^expected /, '')).join(' or ');
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** The settings that an object schema inside `schema` knows; none where it is not a plain object. */
function knownKeys(schema: z.ZodType, path: Path): readonly string[] {
  let at: unknown = schema;
  for (const key of path) {
    const inner = unwrapped(at);
    if (inner instanceof z.ZodObject) at = (inner.shape as Record<PropertyKey, unknown>)[key];
    else if (inner instanceof z.ZodArray) at = inner.element;
    else if (inner instanceof z.ZodRecord) at = inner.valueType;
    else return [];
  }
  const inner = unwrapped(at);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  let at = schema;
  for (;;) {
    if (at instanceof z.ZodOptional || at instanceof z.ZodNullable) at = at.unwrap();
    else if (at instanceof z.ZodDefault || at instanceof z.ZodPrefault) at = at.unwrap();
    else if (at instanceof z.ZodPipe) at = at.in;
    else return at;
  }
}
