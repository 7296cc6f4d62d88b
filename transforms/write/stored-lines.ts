import type { FileHandle } from 'node:fs/promises';

/** A finding is about 2 kB; a line beyond this is none of ours. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** One line of a file, empty ones included. */
export interface StoredLine {
  /** From 1. */
  readonly number: number;
  /** Where it begins, and where the next one does. */
  readonly start: number;
  readonly end: number;
  /** Without the line feed; undefined where it is longer than the limit. */
  readonly bytes: Buffer | undefined;
  /** Whether it ends with a line feed; only of the last it may not. */
  readonly ended: boolean;
}

/** The lines of a file. Holds one line and one chunk; of a line longer than `maxBytes` nothing is kept. */
export async function* storedLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<StoredLine> {
  let number = 1;
  let start = 0;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (part: Buffer): void => {
    length += part.length;
    if (length > maxBytes) parts = [];
    else parts.push(part);
  };
  const line = (ended: boolean): StoredLine => ({
    number,
    start,
    end: start + length + Number(ended),
    bytes: length > maxBytes ? undefined : Buffer.concat(parts),
    ended,
  });
  for await (const chunk of chunks) {
    let from = 0;
    for (let feed = chunk.indexOf(10); feed >= 0; feed = chunk.indexOf(10, from)) {
      take(chunk.subarray(from, feed));
      yield line(true);
      number++;
      start += length + 1;
      parts = [];
      length = 0;
      from = feed + 1;
    }
    if (from < chunk.length) take(chunk.subarray(from));
  }
  if (length > 0) yield line(false);
}

/** What `recoverLines` found. */
export interface Recovered {
  /** Bytes of the file now; it ends with a line feed or is empty. */
  readonly length: number;
  /** Bytes that were cut off its end. */
  readonly torn: number;
  /** Lines before the end that are not what was written; they stay. */
  readonly damaged: number;
  /** Number of the first of them; 0 = none. */
  readonly firstDamaged: number;
}

/**
 * Reads a file of JSON lines that is appended to, and cuts off what a crash left at its end: a line
 * without its line feed, or one that is no JSON (blocks reach the disk in any order). `visit` is
 * given the value of each other line and says whether it is one of ours.
 */
export async function recoverLines(
  handle: FileHandle,
  visit: (value: unknown) => boolean,
): Promise<Recovered> {
  let size = 0;
  let damaged = 0;
  let firstDamaged = 0;
  const damage = (number: number): void => {
    damaged++;
    if (firstDamaged === 0) firstDamaged = number;
  };
  let torn: StoredLine | undefined;
  const chunks = handle.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>;
  for await (const line of storedLines(chunks)) {
    size = line.end;
    if (!line.ended) {
      torn ??= line;
      break;
    }
    // Only at the very end it was torn; a line that others follow was damaged later.
    if (torn !== undefined) damage(torn.number);
    torn = undefined;
    if (line.bytes === undefined) damage(line.number);
    else if (line.bytes.length > 0) {
      const parsed = parse(line.bytes);
      if (!parsed.json) torn = line;
      else if (!visit(parsed.value)) damage(line.number);
    }
  }
  const length = torn?.start ?? size;
  if (length < size) await handle.truncate(length);
  return { length, torn: size - length, damaged, firstDamaged };
}

function parse(bytes: Buffer): { readonly json: boolean; readonly value: unknown } {
  try {
    return { json: true, value: JSON.parse(bytes.toString('utf8')) as unknown };
  } catch {
    return { json: false, value: undefined };
  }
}

/** What is to be told of a file that was not as it should be; none where it was. */
export function recoveryMessages(
  path: string,
  { length, torn, damaged, firstDamaged }: Recovered,
): readonly string[] {
  return [
    ...(torn === 0
      ? []
      : [`${path}: its end was torn, ${torn} bytes from byte ${length} on are cut off`]),
    ...(damaged === 0
      ? []
      : [
          `${path}: lines that are damaged and left as they are: ${damaged}, the first is line ${firstDamaged}`,
        ]),
  ];
}

/** Writes all of `bytes` at `position`; a system call may take fewer. */
export async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
