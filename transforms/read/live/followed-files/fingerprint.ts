import { createHash } from 'node:crypto';

/**
 * What tells a file from another one that has its inode now: a hash of its first bytes. As long as
 * Filebeat's default; a shorter file has a shorter one, which grows with it.
 */
export interface Fingerprint {
  /** Bytes that are hashed. */
  readonly length: number;
  readonly hash: string;
}

const FINGERPRINT_BYTES = 1024;

export const NO_FINGERPRINT: Fingerprint = { length: 0, hash: '' };

/** Of the file that begins with `head`. */
export function fingerprintOf(head: Uint8Array): Fingerprint {
  const length = Math.min(head.length, FINGERPRINT_BYTES);
  return { length, hash: hashOf(head.subarray(0, length)) };
}

/** Whether the file that begins with `head` may be the one of the fingerprint, perhaps grown. */
export function matches(head: Uint8Array, { length, hash }: Fingerprint): boolean {
  if (length === 0) return true;
  return head.length >= length && hashOf(head.subarray(0, length)) === hash;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
