/** The two kinds of file that a history has, and how each is told from a damaged one. */
import { createHash } from 'node:crypto';
import { DIGEST_BYTES } from './day-file.js';

/** Node reads no file of 2 GiB at once. */
export const MOST_BYTES = 2 ** 31 - 1;

export interface FileKind {
  /** The day and this is the file's name. */
  readonly suffix: string;
  readonly contentType: string;
  /** Bytes at the end that are enough for `digestOf` of a sound file; null = all. */
  readonly tailBytes: number | null;
  /** What a FileRef names it by, from its last `tailBytes` bytes: hexadecimal. */
  digestOf(tail: Uint8Array): string;
  /** The same from the whole file; undefined where its content does not match. */
  check(bytes: Uint8Array): string | undefined;
}

/** Ends with the digest of all before it. */
export const DAY_FILE: FileKind = {
  suffix: '.day',
  contentType: 'application/octet-stream',
  tailBytes: DIGEST_BYTES,
  digestOf: lastBytes,
  check(bytes) {
    const digest = lastBytes(bytes);
    return sha256(bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES))) === digest
      ? digest
      : undefined;
  },
};

export const CANDIDATES_FILE: FileKind = {
  suffix: '.candidates.json',
  contentType: 'application/json',
  tailBytes: null,
  digestOf: sha256,
  check: sha256,
};

function lastBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(Math.max(0, bytes.length - DIGEST_BYTES))).toString('hex');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
