import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import {
  decodeConversationBatch,
  encodeConversationBatch,
  type ConversationBatch,
} from '../../pipeline/conversation-batch.js';

/*
 * A file of the archive, little endian:
 *
 *     4  "FSAR"
 *     4  version of this layout
 *     4  METHOD: how the batch is stored
 *     4  bytes of the batch once it is unpacked
 *    32  SHA-256 of these 16 bytes and the batch as stored
 *        the batch as stored
 */
const MAGIC = 'FSAR';
const VERSION = 1;
const METHOD = { stored: 0, deflated: 1 } as const;
const HEAD_BYTES = 16;
const PREFIX_BYTES = HEAD_BYTES + 32;

/** A batch has 10,000 rows of about 100 bytes; what claims more than this is none of ours. */
export const MAX_ARCHIVED_BYTES = 256 << 20;

/** What is wrong with a file of the archive. */
type Damage =
  /** The disk does not give it. */
  | 'unreadable'
  /** No such file is written by this version. */
  | 'layout'
  /** Its bytes are not those that were written. */
  | 'checksum'
  /** It is sound, but is not what its name says. */
  | 'misnamed';

export class DamagedFileError extends Error {
  readonly damage: Damage;

  constructor(damage: Damage, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DamagedFileError';
    this.damage = damage;
  }
}

const deflated = promisify(deflate);
const inflated = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate);

/**
 * A batch as the bytes of a file. Fast compression: conversations not yet joined have columns of
 * zeros, and are a quarter of their size. The batch is read before this first waits.
 */
export async function packBatch(batch: ConversationBatch): Promise<Uint8Array> {
  const raw = encodeConversationBatch(batch);
  const packed = await deflated(raw, { level: 1 });
  const smaller = packed.length < raw.length;
  const body = smaller ? packed : raw;
  const bytes = Buffer.alloc(PREFIX_BYTES + body.length);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(VERSION, 4);
  bytes.writeUInt32LE(smaller ? METHOD.deflated : METHOD.stored, 8);
  bytes.writeUInt32LE(raw.length, 12);
  bytes.set(body, PREFIX_BYTES);
  checksum(bytes).copy(bytes, HEAD_BYTES);
  return bytes;
}

/** Gives back what `packBatch` took. Throws a DamagedFileError, whatever the bytes are. */
export async function unpackBatch(bytes: Buffer): Promise<ConversationBatch> {
  if (bytes.length < PREFIX_BYTES) {
    throw new DamagedFileError('layout', `${bytes.length} bytes, the least is ${PREFIX_BYTES}`);
  }
  const magic = bytes.toString('latin1', 0, 4);
  const version = bytes.readUInt32LE(4);
  if (magic !== MAGIC || version !== VERSION) {
    throw new DamagedFileError('layout', `begins with ${JSON.stringify(magic)} ${version}`);
  }
  if (!checksum(bytes).equals(bytes.subarray(HEAD_BYTES, PREFIX_BYTES))) {
    throw new DamagedFileError('checksum', 'its bytes are not those that were written');
  }
  const method = bytes.readUInt32LE(8);
  const rawBytes = bytes.readUInt32LE(12);
  if ((method !== METHOD.stored && method !== METHOD.deflated) || rawBytes > MAX_ARCHIVED_BYTES) {
    throw new DamagedFileError('layout', `method ${method}, ${rawBytes} bytes`);
  }
  const body = bytes.subarray(PREFIX_BYTES);
  try {
    const raw =
      method === METHOD.stored ? body : await inflated(body, { maxOutputLength: rawBytes });
    if (raw.length !== rawBytes) throw new RangeError(`${raw.length} bytes, not ${rawBytes}`);
    return decodeConversationBatch(raw);
  } catch (cause) {
    throw new DamagedFileError('layout', (cause as Error).message, { cause });
  }
}

function checksum(bytes: Buffer): Buffer {
  return createHash('sha256')
    .update(bytes.subarray(0, HEAD_BYTES))
    .update(bytes.subarray(PREFIX_BYTES))
    .digest();
}
