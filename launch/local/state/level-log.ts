import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { decodeMeta, META_BYTES, META_KEY } from './checked-entry.js';
import { maskedCrc32c } from './crc32c.js';

/*
 * LevelDB's write-ahead log (its doc/log_format.md): blocks of 32 kB with fragments of records, each
 * record a write batch: u64 sequence, u32 operations, then the operations.
 */
const BLOCK_BYTES = 32_768;
/** Masked CRC-32C over type and data, u16 bytes of data, u8 type. */
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const BATCH_HEADER_BYTES = 12;
const PUT = 1;

/** How every batch goes on after its header: a put of the record of the last commit. */
const META_OPERATION = Buffer.from([PUT, META_KEY.length, ...META_KEY, META_BYTES]);
const META_AT = BATCH_HEADER_BYTES + META_OPERATION.length;

/**
 * Cuts the logs in the LevelDB directory `level`, which must be closed, before the first batch of a
 * commit after `commits`. A batch whose sync failed may stand in the log all the same and would come
 * back when LevelDB opens it, although its commit was refused. Returns whether there was one.
 */
export async function cutLogAfter(level: string, commits: number): Promise<boolean> {
  let cut = false;
  for (const name of await readdir(level)) {
    if (!name.endsWith('.log')) continue;
    const file = await open(join(level, name), 'r+');
    try {
      const offset = firstBatchAfter(await file.readFile(), commits);
      if (offset === undefined) continue;
      await file.truncate(offset);
      await file.sync();
      cut = true;
    } finally {
      await file.close();
    }
  }
  return cut;
}

/** Where in the log that batch begins. */
function firstBatchAfter(log: Buffer, commits: number): number | undefined {
  let at = 0;
  /** The record under way: where it begins, and its first bytes. */
  let begin = 0;
  let head: Buffer = Buffer.alloc(0);
  while (at + HEADER_BYTES <= log.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const bytes = log.readUInt16LE(at + 4);
    const type = log[at + 6];
    const end = at + HEADER_BYTES + bytes;
    const whole = HEADER_BYTES + bytes <= left && end <= log.length;
    if (!whole || log.readUInt32LE(at) !== maskedCrc32c(log, at + 6, end)) {
      // As LevelDB does: what is left of the block cannot be trusted.
      at += left;
      continue;
    }
    const fragment = log.subarray(at + HEADER_BYTES, end);
    if (type === FULL || type === FIRST) {
      begin = at;
      head = fragment;
    } else if (head.length < META_AT + META_BYTES) {
      head = Buffer.concat([head, fragment]);
    }
    const number = commitOfBatch(head);
    if (number !== undefined && number > commits) return begin;
    at = end;
  }
  return undefined;
}

function commitOfBatch(batch: Buffer): number | undefined {
  if (!batch.subarray(BATCH_HEADER_BYTES, META_AT).equals(META_OPERATION)) return undefined;
  return decodeMeta(batch.subarray(META_AT, META_AT + META_BYTES))?.commits;
}
