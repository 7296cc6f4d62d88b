import { open } from 'node:fs/promises';
import { isNode, isPair, isMap, LineCounter, parseDocument, type Document } from 'yaml';
import { printable } from '../terminal-text.js';
import type { Path, Problem } from './problem.js';

/** A parsed YAML file that still knows on which line a setting stands. */
export interface YamlFile {
  /** As the user named it. */
  readonly name: string;
  readonly value: unknown;
  /** Line (from 1) of the setting, or of the nearest setting around it; undefined for the whole. */
  lineOf(path: Path): number | undefined;
}

export type YamlResult =
  | { readonly ok: true; readonly file: YamlFile }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** A thousand customers with policies of their own are some 200 kB. */
const MAX_YAML_BYTES = 4 * 1024 * 1024;

/** An alias that is used more often is an attack (`billion laughs`), not a configuration. */
const MAX_ALIASES = 100;

/** Deeper nesting is none of ours, and would overflow the parser's stack. */
const MAX_DEPTH = 64;

/** Reads and parses a YAML file. What is wrong with it, or with reaching it, is a problem. */
export async function readYamlFile(path: string, name: string): Promise<YamlResult> {
  const read = await readText(path, name);
  return read.ok ? parseYaml(read.text, name) : read;
}

/** Reads a file of UTF-8 text that is at most as large as any of ours. */
export async function readText(
  path: string,
  name: string,
): Promise<
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problems: readonly Problem[] }
> {
  try {
    const bytes = await readAtMost(path, MAX_YAML_BYTES + 1);
    if (bytes.length > MAX_YAML_BYTES) {
      return broken(name, `larger than ${MAX_YAML_BYTES} bytes, the most that is read`);
    }
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    return broken(name, unreadable(error));
  }
}

/** Parses YAML text. */
export function parseYaml(text: string, name: string): YamlResult {
  const depth = bracketDepth(text);
  if (depth > MAX_DEPTH) return broken(name, `nested ${depth} deep, the limit is ${MAX_DEPTH}`);
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0) {
      const problems = faults.slice(0, MAX_FAULTS).map(({ pos, message }) => {
        const { line, col } = lines.linePos(pos[0]);
        return {
          place: `${name}:${line}:${col}`,
          path: '',
          message: `not YAML: ${uncapital(message)}`,
        };
      });
      return { ok: false, problems };
    }
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    const file = { name, value, lineOf: (path: Path) => lineOf(document, lines, path) };
    return { ok: true, file };
  } catch (error) {
    // The parser throws for too many aliases and, though depth is limited, may run out of stack.
    return broken(name, `not YAML: ${uncapital((error as Error).message)}`);
  }
}

const MAX_FAULTS = 10;

function broken(
  place: string,
  message: string,
): { readonly ok: false; readonly problems: readonly Problem[] } {
  return { ok: false, problems: [{ place, path: '', message }] };
}

async function readAtMost(path: string, limit: number): Promise<Buffer> {
  const handle = await open(path);
  try {
    const bytes = Buffer.alloc(limit);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, limit - length);
      length += bytesRead;
      if (bytesRead === 0 || length === limit) return bytes.subarray(0, length);
    }
  } finally {
    await handle.close();
  }
}

/** Why a file cannot be read, in words: `there is no such file`. */
export function unreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it';
  if (code === 'EISDIR') return 'it is a directory, not a file';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text';
  return `cannot be read: ${message}`;
}

/** Deepest nesting of [ and {, or of indentation, counted without understanding quotes: an upper bound. */
function bracketDepth(text: string): number {
  let open = 0;
  let deepest = 0;
  let lineDepth = 0;
  let atStart = true;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10) {
      lineDepth = 0;
      atStart = true;
    } else if (c === 91 || c === 123) {
      deepest = Math.max(deepest, ++open);
      atStart = false;
    } else if (c === 93 || c === 125) {
      open = Math.max(0, open - 1);
      atStart = false;
    } else if (atStart && (c === 45 || c === 63)) {
      // `- - - -` and `? ? ?` open a level each.
      deepest = Math.max(deepest, ++lineDepth);
    } else if (c !== 32 && c !== 9) {
      atStart = false;
    }
  }
  return deepest;
}

/** The parser's messages begin with capitals and span lines; ours do neither. */
function uncapital(message: string): string {
  const line = printable(message.split('\n', 1)[0].replace(/:$/, ''));
  return line.charAt(0).toLowerCase() + line.slice(1);
}

function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const offset = offsetOf(document, path.slice(0, length));
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return undefined;
}

/** Offset of a setting's key, or of a list's entry. */
function offsetOf(document: Document, path: Path): number | undefined {
  const parent: unknown =
    path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path[path.length - 1];
  if (isMap(parent)) {
    const pair = parent.items.find(
      (item) => isPair(item) && isNode(item.key) && String(item.key) === String(last),
    );
    return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
  }
  const node: unknown = document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}
