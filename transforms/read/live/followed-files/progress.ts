import { NO_FINGERPRINT, type Fingerprint } from './fingerprint.js';

/** How far a file is read: what its checkpoint holds. */
export interface Progress {
  /** Its name when it was last read. */
  readonly path: string;
  /** Where the next record begins, in the decompressed file. */
  readonly offset: number;
  /** Whether `offset` lies within a line that is too long, and its rest is to be skipped. */
  readonly midLine: boolean;
  /** Format id; '' = not recognised yet. A growing file keeps the one it has. */
  readonly format: string;
  readonly fingerprint: Fingerprint;
  /** What the file was when all of it was read: then it need not be opened again. '' = never. */
  readonly readWhole: string;
  /** It was told that the file is of no known format; it is told once. */
  readonly refused: boolean;
}

/** Nothing is read yet. */
export function unread(path: string): Progress {
  return {
    path,
    offset: 0,
    midLine: false,
    format: '',
    fingerprint: NO_FINGERPRINT,
    readWhole: '',
    refused: false,
  };
}

export function encodeProgress(progress: Progress): string {
  return JSON.stringify(progress);
}

/** What `encodeProgress` wrote; undefined for anything else: then the file is read again. */
export function decodeProgress(text: string): Progress | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isProgress(value) ? value : undefined;
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== 'object' || value === null) return false;
  const { path, offset, midLine, format, fingerprint, readWhole, refused } = value as Record<
    string,
    unknown
  >;
  if (typeof fingerprint !== 'object' || fingerprint === null) return false;
  const { length, hash } = fingerprint as Record<string, unknown>;
  return (
    typeof path === 'string' &&
    Number.isSafeInteger(offset) &&
    Number(offset) >= 0 &&
    typeof midLine === 'boolean' &&
    typeof format === 'string' &&
    Number.isSafeInteger(length) &&
    Number(length) >= 0 &&
    typeof hash === 'string' &&
    typeof readWhole === 'string' &&
    typeof refused === 'boolean'
  );
}
