import { crc32 } from 'node:zlib';

/**
 * How an entry lies in LevelDB, which checks its own checksums only where it happens to look:
 *
 *     'd' key -> value, u32 crc                   the entry
 *     'i' key -> u32 crc, u32 bytes, u32 own crc  what the entry must be
 *     'm'     -> commits, digest, own crc         what all entries together must be
 *
 * The crc is CRC-32 (ISO-HDLC) over key and value. The two copies of it lie in different blocks of a
 * table: if one block is lost, the other still names the keys that it held. Numbers are little-endian.
 */
const ENTRY = 0x64;
const INDEX = 0x69;
/** Sole key of the record of the last commit; the first operation of every batch (see level-log.ts). */
export const META_KEY = Buffer.from('m');

const INDEX_BYTES = 12;
export const META_BYTES = 4 * 8 + 2 * 4;
const TRAILER_BYTES = 4;
/** Not in UTF-8, so above all keys with a prefix. */
const ABOVE = Buffer.from([0xff]);

/** CRC and size of an entry: what the digest and the index know of it. */
export interface EntryMark {
  readonly crc: number;
  /** Bytes of key and value. */
  readonly bytes: number;
}

export function entryKey(key: string): Buffer {
  return withFirst(ENTRY, key);
}

export function indexKey(key: string): Buffer {
  return withFirst(INDEX, key);
}

/** Bounds of the entries, or of their index, whose keys begin with `prefix`. */
export function keyRange(of: 'entry' | 'index', prefix = ''): { gte: Buffer; lt: Buffer } {
  const gte = withFirst(of === 'entry' ? ENTRY : INDEX, prefix);
  return { gte, lt: Buffer.concat([gte, ABOVE]) };
}

/** `key` is as stored, its first byte included. */
export function markOf(key: Uint8Array, value: Uint8Array): EntryMark {
  const name = key.subarray(1);
  // The length tells apart where the key ends and the value begins.
  return {
    crc: crc32(value, crc32(name, name.length)),
    bytes: name.length + value.length,
  };
}

export function encodeEntry(value: Uint8Array, mark: EntryMark): Buffer {
  // Behind the value, so that what is read back begins where its allocation begins: columns in it
  // stay aligned.
  const stored = Buffer.allocUnsafe(value.length + TRAILER_BYTES);
  stored.set(value);
  stored.writeUInt32LE(mark.crc, value.length);
  return stored;
}

/** Value and mark, or undefined if they are not what was written. */
export function decodeEntry(
  key: Uint8Array,
  stored: Buffer,
): { readonly value: Uint8Array; readonly mark: EntryMark } | undefined {
  const end = stored.length - TRAILER_BYTES;
  if (end < 0) return undefined;
  const value = new Uint8Array(stored.buffer, stored.byteOffset, end);
  const mark = markOf(key, value);
  return stored.readUInt32LE(end) === mark.crc ? { value, mark } : undefined;
}

/** `key` is the index key. */
export function encodeIndex(key: Uint8Array, mark: EntryMark): Buffer {
  const stored = Buffer.allocUnsafe(INDEX_BYTES);
  stored.writeUInt32LE(mark.crc, 0);
  stored.writeUInt32LE(mark.bytes, 4);
  stored.writeUInt32LE(crc32(stored.subarray(0, 8), crc32(key)), 8);
  return stored;
}

export function decodeIndex(key: Uint8Array, stored: Buffer): EntryMark | undefined {
  if (stored.length !== INDEX_BYTES) return undefined;
  if (stored.readUInt32LE(8) !== crc32(stored.subarray(0, 8), crc32(key))) return undefined;
  return { crc: stored.readUInt32LE(0), bytes: stored.readUInt32LE(4) };
}

/**
 * Fingerprint of a set of entries that follows each change without reading the others: number, bytes,
 * sum and exclusive or of the entries' CRCs. Two different sets have equal ones only by an accident of
 * about 2^-32; it withstands broken disks, not forgers.
 */
export class Digest {
  entries = 0;
  bytes = 0;
  /** Modulo 2^48: exact in a double. */
  sum = 0;
  xor = 0;

  add(mark: EntryMark): void {
    this.entries += 1;
    this.bytes += mark.bytes;
    this.sum = (this.sum + mark.crc) % SUM_MODULUS;
    this.xor = (this.xor ^ mark.crc) >>> 0;
  }

  remove(mark: EntryMark): void {
    this.entries -= 1;
    this.bytes -= mark.bytes;
    this.sum = (this.sum - mark.crc + SUM_MODULUS) % SUM_MODULUS;
    this.xor = (this.xor ^ mark.crc) >>> 0;
  }

  equals(other: Digest): boolean {
    return (
      this.entries === other.entries &&
      this.bytes === other.bytes &&
      this.sum === other.sum &&
      this.xor === other.xor
    );
  }

  copy(): Digest {
    return Object.assign(new Digest(), this);
  }
}
const SUM_MODULUS = 2 ** 48;

/** The last commit, and what all entries were after it. */
export interface Meta {
  readonly commits: number;
  readonly digest: Digest;
}

export function encodeMeta({ commits, digest }: Meta): Buffer {
  const stored = Buffer.allocUnsafe(META_BYTES);
  stored.writeDoubleLE(commits, 0);
  stored.writeDoubleLE(digest.entries, 8);
  stored.writeDoubleLE(digest.bytes, 16);
  stored.writeDoubleLE(digest.sum, 24);
  stored.writeUInt32LE(digest.xor, 32);
  stored.writeUInt32LE(crc32(stored.subarray(0, META_BYTES - 4)), META_BYTES - 4);
  return stored;
}

export function decodeMeta(stored: Buffer): Meta | undefined {
  if (stored.length !== META_BYTES) return undefined;
  if (stored.readUInt32LE(META_BYTES - 4) !== crc32(stored.subarray(0, META_BYTES - 4))) {
    return undefined;
  }
  const digest = new Digest();
  digest.entries = stored.readDoubleLE(8);
  digest.bytes = stored.readDoubleLE(16);
  digest.sum = stored.readDoubleLE(24);
  digest.xor = stored.readUInt32LE(32);
  return { commits: stored.readDoubleLE(0), digest };
}

function withFirst(first: number, key: string): Buffer {
  const stored = Buffer.allocUnsafe(1 + Buffer.byteLength(key));
  stored[0] = first;
  stored.write(key, 1);
  return stored;
}
