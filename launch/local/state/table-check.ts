import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { maskedCrc32c } from './crc32c.js';

/*
 * LevelDB can check the checksums of its tables, but classic-level does not let it: one flipped bit in
 * an index makes it ask for an exabyte, one in a key makes a compaction fail an assertion, and the
 * process is gone. So all of them are checked before LevelDB sees a table.
 * Format: LevelDB's doc/table_format.md.
 */
const TABLE = /^\d+\.(?:ldb|sst)$/;
const FOOTER_BYTES = 48;
/** Little-endian halves of 0xdb4775248b80fb57. */
const MAGIC_LOW = 0x8b80fb57;
const MAGIC_HIGH = 0xdb477524;
/** Behind a block: type of compression, and masked CRC-32C of block and type. */
const BLOCK_TRAILER_BYTES = 5;
/** Of no compression that LevelDB knows: it says that it cannot read the block and goes on. */
const NO_TYPE = 0xff;
const UNCOMPRESSED = 0;
const SNAPPY = 1;

/**
 * Makes the tables in the LevelDB directory `level`, which must be closed, harmless: marks the blocks
 * whose checksum is wrong as unreadable, and removes tables that cannot be read at all. If such a table
 * counts, LevelDB then says that it is missing. Files are replaced, never changed: others may have
 * links to them. Returns how many tables were replaced or removed.
 */
export async function defuseTables(level: string): Promise<number> {
  let defused = 0;
  for (const name of await readdir(level)) {
    if (!TABLE.test(name)) continue;
    const path = join(level, name);
    const table = await readFile(path);
    const broken = brokenBlocks(table);
    if (broken?.length === 0) continue;
    defused += 1;
    if (broken === undefined) {
      await rm(path);
      continue;
    }
    for (const { offset, bytes } of broken) table[offset + bytes] = NO_TYPE;
    await writeFile(`${path}.next`, table);
    await rename(`${path}.next`, path);
  }
  return defused;
}

/** Where a block lies in its file; `bytes` without its trailer. */
interface BlockHandle {
  readonly offset: number;
  readonly bytes: number;
}

/** Blocks of entries that are not as written; undefined if the table cannot be opened. */
function brokenBlocks(table: Buffer): BlockHandle[] | undefined {
  const footer = table.length - FOOTER_BYTES;
  if (footer < 0) return undefined;
  if (table.readUInt32LE(footer + 40) !== MAGIC_LOW) return undefined;
  if (table.readUInt32LE(footer + 44) !== MAGIC_HIGH) return undefined;
  const cursor = { bytes: table, at: footer };
  const metaindex = readHandle(cursor);
  const index = readHandle(cursor);
  if (!isSound(table, metaindex) || !isSound(table, index)) return undefined;
  const filters = handlesIn(table, metaindex);
  const blocks = handlesIn(table, index);
  if (filters === undefined || blocks === undefined) return undefined;
  if (!filters.every((filter) => isSound(table, filter))) return undefined;
  const broken = blocks.filter((block) => !isSound(table, block));
  // A handle is as written, so a block outside the file means that the file is not.
  return broken.every((block) => isInside(table, block)) ? broken : undefined;
}

function isInside(table: Buffer, { offset, bytes }: BlockHandle): boolean {
  return offset + bytes + BLOCK_TRAILER_BYTES <= table.length - FOOTER_BYTES;
}

function isSound(table: Buffer, block: BlockHandle): boolean {
  if (!isInside(table, block)) return false;
  const type = block.offset + block.bytes;
  return table.readUInt32LE(type + 1) === maskedCrc32c(table, block.offset, type + 1);
}

/**
 * The values of a metaindex or index, which must be sound. Entries: varints of shared, own and value
 * bytes, own key, value; behind them u32 restarts and their number.
 */
function handlesIn(table: Buffer, { offset, bytes }: BlockHandle): BlockHandle[] | undefined {
  const type = table[offset + bytes];
  let block = table.subarray(offset, offset + bytes);
  if (type === SNAPPY) block = unsnap(block);
  else if (type !== UNCOMPRESSED) return undefined;
  if (block.length < 4) return undefined;
  const end = block.length - 4 - 4 * block.readUInt32LE(block.length - 4);
  const handles: BlockHandle[] = [];
  const cursor = { bytes: block, at: 0 };
  while (cursor.at < end) {
    readVarint(cursor);
    const keyBytes = readVarint(cursor);
    const valueBytes = readVarint(cursor);
    cursor.at += keyBytes;
    const next = cursor.at + valueBytes;
    handles.push(readHandle(cursor));
    cursor.at = next;
  }
  return handles;
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function readHandle(cursor: Cursor): BlockHandle {
  return { offset: readVarint(cursor), bytes: readVarint(cursor) };
}

/** Unsigned LEB128; beyond the buffer it reads zeros. */
function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 64; shift += 7) {
    const byte = cursor.at < cursor.bytes.length ? cursor.bytes[cursor.at] : 0;
    cursor.at += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  return value;
}

/** Snappy's raw format, of a block whose checksum is right. */
function unsnap(packed: Buffer): Buffer {
  const cursor = { bytes: packed, at: 0 };
  const plain = Buffer.alloc(readVarint(cursor));
  let to = 0;
  while (cursor.at < packed.length) {
    const tag = packed[cursor.at++];
    if ((tag & 3) === 0) {
      let bytes = tag >> 2;
      if (bytes >= 60) {
        const width = bytes - 59;
        bytes = packed.readUIntLE(cursor.at, width);
        cursor.at += width;
      }
      to += packed.copy(plain, to, cursor.at, cursor.at + bytes + 1);
      cursor.at += bytes + 1;
      continue;
    }
    let bytes = (tag >> 2) + 1;
    let back = 0;
    if ((tag & 3) === 1) {
      bytes = ((tag >> 2) & 7) + 4;
      back = ((tag >> 5) << 8) | packed[cursor.at++];
    } else {
      const width = (tag & 3) === 2 ? 2 : 4;
      back = packed.readUIntLE(cursor.at, width);
      cursor.at += width;
    }
    // Byte by byte: what is copied may reach into what is being written.
    for (; bytes > 0; bytes--, to++) plain[to] = plain[to - back];
  }
  return plain;
}
