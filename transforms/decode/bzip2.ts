/**
 * bzip2, block by block: what is held is one block (3.6 MB at most), whatever it expands to.
 *
 * Throws RangeError for damage; checksums of blocks and streams are verified. The randomised blocks
 * of bzip2 0.9.0 and before (1998) are refused.
 * Source: the format as `bzip2` 1.0.8 reads it (there is no standard).
 */

const BLOCK_MAGIC_HIGH = 0x314159;
const BLOCK_MAGIC_LOW = 0x265359;
const END_MAGIC_HIGH = 0x177245;
const END_MAGIC_LOW = 0x385090;
const GROUP = 50;
const MAX_CODE_LENGTH = 20;
const MAX_SYMBOLS = 258;
const MAX_SELECTORS = 18_002;

/** Bits of input that hold any whole block for sure: 900,000 symbols of at most 20 bits, and tables. */
export const MAX_BLOCK_BYTES = 2_400_000;

const CRC_TABLE = new Int32Array(256);
for (let i = 0; i < 256; i++) {
  let crc = i << 24;
  for (let k = 0; k < 8; k++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  CRC_TABLE[i] = crc;
}

interface CodeTable {
  minLength: number;
  maxLength: number;
  /** By length: the greatest code of that length, and what turns a code into an index of `symbols`. */
  readonly limit: Int32Array;
  readonly base: Int32Array;
  readonly symbols: Uint16Array;
}

export class Bzip2Decoder {
  /** Whether the input so far ends with a whole stream (or nothing was read yet). */
  betweenStreams = true;
  /** Streams begun. */
  streams = 0;

  // Bit reader. `missing` counts the bytes that were read beyond the input, as zeros.
  private input: Uint8Array = new Uint8Array(0);
  private at = 0;
  private held = 0;
  private heldBits = 0;
  private missing = 0;

  private blockSize = 0;
  private streamCrc = 0;
  /** Burrows-Wheeler: the byte in the low 8 bits, the index of the next entry above them. */
  private links = new Int32Array(0);
  private readonly tables: readonly CodeTable[] = Array.from({ length: 6 }, () => ({
    minLength: 0,
    maxLength: 0,
    limit: new Int32Array(MAX_CODE_LENGTH + 2),
    base: new Int32Array(MAX_CODE_LENGTH + 2),
    symbols: new Uint16Array(MAX_SYMBOLS),
  }));
  private readonly selectors = new Uint8Array(MAX_SELECTORS);
  private readonly lengths = new Uint8Array(MAX_SYMBOLS);
  private readonly front = new Uint8Array(256);
  private readonly counts = new Int32Array(257);

  // The block being drained.
  private left = 0;
  private link = 0;
  private previous = -1;
  private run = 0;
  private repeat = 0;
  private crc = 0;
  private wantedCrc = 0;

  /** Whether `drain` has more to give. */
  get pending(): boolean {
    return this.left > 0 || this.repeat > 0;
  }

  /**
   * Reads a stream's header, one block or a stream's end, at bit `from` of `input`. Returns the bit
   * after it, or -1 if `input` ends before; then nothing has changed and the call can be repeated
   * with more. After a block, `drain` until `pending` is false.
   */
  next(input: Uint8Array, from: number): number {
    this.input = input;
    this.at = from >>> 3;
    this.held = 0;
    this.heldBits = 0;
    this.missing = 0;
    this.bits(from & 7);
    try {
      const commit = this.read();
      if (this.missing > 0) return -1;
      commit();
    } catch (error) {
      // What looks like damage may be the zeros read beyond the input.
      if (this.missing > 0) return -1;
      throw error;
    }
    return this.at * 8 - this.heldBits;
  }

  /** Fills `out` from `start` with what the last block holds; returns where it ends. */
  drain(out: Uint8Array, start: number): number {
    const { links } = this;
    const room = out.length;
    let { left, link, previous, run, repeat, crc } = this;
    let o = start;
    while (o < room) {
      if (repeat > 0) {
        repeat--;
      } else {
        if (left === 0) break;
        const entry = links[link];
        link = entry >>> 8;
        const byte = entry & 255;
        left--;
        if (run === 4) {
          run = 0;
          repeat = byte;
          continue;
        }
        if (byte === previous) {
          run++;
        } else {
          run = 1;
          previous = byte;
        }
      }
      out[o++] = previous;
      crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ previous];
    }
    this.left = left;
    this.link = link;
    this.previous = previous;
    this.run = run;
    this.repeat = repeat;
    this.crc = crc;
    if (left === 0 && repeat === 0 && ~crc !== this.wantedCrc) {
      throw new RangeError('bzip2: checksum of a block does not match');
    }
    return o;
  }

  private read(): () => void {
    if (this.betweenStreams) return this.readStreamHeader();
    const high = this.bits(24);
    const low = this.bits(24);
    const crc = (this.bits(16) << 16) | this.bits(16);
    if (high === BLOCK_MAGIC_HIGH && low === BLOCK_MAGIC_LOW) return this.readBlock(crc);
    if (high !== END_MAGIC_HIGH || low !== END_MAGIC_LOW) {
      throw new RangeError('bzip2: neither a block nor the end of the stream');
    }
    if (crc !== this.streamCrc && this.missing === 0) {
      throw new RangeError('bzip2: checksum of the stream does not match');
    }
    this.bits(this.heldBits & 7);
    return () => {
      this.betweenStreams = true;
    };
  }

  private readStreamHeader(): () => void {
    const magic = this.bits(24);
    const level = this.bits(8) - 48;
    if (magic !== 0x425a68 || level < 1 || level > 9)
      throw new RangeError('bzip2: no stream header');
    return () => {
      this.betweenStreams = false;
      this.streams++;
      this.blockSize = level * 100_000;
      this.streamCrc = 0;
      if (this.links.length < this.blockSize) this.links = new Int32Array(this.blockSize);
    };
  }

  private readBlock(crc: number): () => void {
    if (this.bits(1) === 1) throw new RangeError('bzip2: randomised blocks are not supported');
    const origin = this.bits(24);
    const size = this.readSymbols();
    if (origin >= size) throw new RangeError(`bzip2: origin ${origin} in a block of ${size}`);
    return () => {
      this.linkUp(size);
      this.left = size;
      this.link = this.links[origin] >>> 8;
      this.previous = -1;
      this.run = 0;
      this.repeat = 0;
      this.crc = -1;
      this.wantedCrc = crc;
      this.streamCrc = ((this.streamCrc << 1) | (this.streamCrc >>> 31)) ^ crc;
    };
  }

  /** Huffman, run-length and move-to-front decoding of a block into the bytes of `links`; returns their number. */
  private readSymbols(): number {
    const { front, links, counts, selectors } = this;
    const used = this.bits(16);
    let inUse = 0;
    for (let i = 0; i < 16; i++) {
      if (((used >>> (15 - i)) & 1) === 0) continue;
      const row = this.bits(16);
      for (let j = 0; j < 16; j++) if (((row >>> (15 - j)) & 1) === 1) front[inUse++] = i * 16 + j;
    }
    if (inUse === 0) throw new RangeError('bzip2: block without bytes');
    const endOfBlock = inUse + 1;

    const tableCount = this.bits(3);
    const selectorCount = this.bits(15);
    if (tableCount < 2 || tableCount > 6 || selectorCount === 0) {
      throw new RangeError(`bzip2: ${tableCount} tables, ${selectorCount} selectors`);
    }
    const order = [0, 1, 2, 3, 4, 5];
    for (let i = 0; i < selectorCount; i++) {
      let back = 0;
      while (this.bits(1) === 1) {
        if (++back >= tableCount) throw new RangeError('bzip2: bad selector');
      }
      const [table] = order.splice(back, 1);
      order.unshift(table);
      // More than a block can use are allowed, and without effect.
      if (i < MAX_SELECTORS) selectors[i] = table;
    }
    for (let i = 0; i < tableCount; i++) this.readTable(this.tables[i], endOfBlock + 1);

    counts.fill(0);
    let size = 0;
    let runLength = 0;
    let runWeight = 1;
    let group = 0;
    let groupLeft = 0;
    let table = this.tables[0];
    for (;;) {
      if (groupLeft === 0) {
        if (group >= Math.min(selectorCount, MAX_SELECTORS) || this.missing > 0) {
          throw new RangeError('bzip2: block without end');
        }
        table = this.tables[selectors[group++]];
        groupLeft = GROUP;
      }
      groupLeft--;
      const symbol = this.symbol(table);
      if (symbol < 2) {
        runLength += runWeight << symbol;
        runWeight <<= 1;
        if (runLength > this.blockSize) throw new RangeError('bzip2: run longer than a block');
        continue;
      }
      if (runLength > 0) {
        if (runLength > this.blockSize - size) throw new RangeError('bzip2: block too long');
        links.fill(front[0], size, size + runLength);
        counts[front[0] + 1] += runLength;
        size += runLength;
        runLength = 0;
        runWeight = 1;
      }
      if (symbol === endOfBlock) break;
      if (size >= this.blockSize) throw new RangeError('bzip2: block too long');
      const byte = front[symbol - 1];
      front.copyWithin(1, 0, symbol - 1);
      front[0] = byte;
      counts[byte + 1]++;
      links[size++] = byte;
    }
    return size;
  }

  private readTable(table: CodeTable, symbols: number): void {
    const { lengths } = this;
    let length = this.bits(5);
    let minLength = MAX_CODE_LENGTH;
    let maxLength = 1;
    for (let i = 0; i < symbols; i++) {
      for (;;) {
        if (length < 1 || length > MAX_CODE_LENGTH) {
          throw new RangeError(`bzip2: code length ${length}`);
        }
        if (this.bits(1) === 0) break;
        length += this.bits(1) === 0 ? 1 : -1;
      }
      lengths[i] = length;
      minLength = Math.min(minLength, length);
      maxLength = Math.max(maxLength, length);
    }
    const { limit, base } = table;
    table.minLength = minLength;
    table.maxLength = maxLength;
    let code = 0;
    let index = 0;
    for (let l = minLength; l <= maxLength; l++) {
      const first = index;
      for (let i = 0; i < symbols; i++) if (lengths[i] === l) table.symbols[index++] = i;
      base[l] = first - code;
      code += index - first;
      limit[l] = code - 1;
      code <<= 1;
    }
    // Codes beyond what the lengths can hold would make indices beyond the symbols.
    if (code > 2 << maxLength) throw new RangeError('bzip2: too many codes');
  }

  private symbol(table: CodeTable): number {
    const { limit, base, maxLength } = table;
    let length = table.minLength;
    let code = this.bits(length);
    while (code > limit[length]) {
      if (++length > maxLength) throw new RangeError('bzip2: unknown code');
      code = (code << 1) | this.bits(1);
    }
    return table.symbols[base[length] + code];
  }

  /** Adds the links of the inverse Burrows-Wheeler transform to the bytes of the block. */
  private linkUp(size: number): void {
    const { links, counts } = this;
    for (let i = 0; i < 256; i++) counts[i + 1] += counts[i];
    for (let i = 0; i < size; i++) {
      const byte = links[i] & 255;
      links[counts[byte]++] |= i << 8;
    }
  }

  private bits(count: number): number {
    while (this.heldBits < count) {
      let byte = 0;
      if (this.at < this.input.length) byte = this.input[this.at];
      else this.missing++;
      this.at++;
      this.held = (this.held << 8) | byte;
      this.heldBits += 8;
    }
    this.heldBits -= count;
    return (this.held >>> this.heldBits) & ((1 << count) - 1);
  }
}

/** Expands a whole bzip2 file in memory into `out`; returns the length written. Throws RangeError as above, and where `out` is too small. */
export function expandBzip2(input: Uint8Array, out: Uint8Array): number {
  const decoder = new Bzip2Decoder();
  let bit = 0;
  let o = 0;
  while (bit < input.length * 8) {
    bit = decoder.next(input, bit);
    if (bit < 0) throw new RangeError('bzip2: input ends early');
    if (decoder.pending) o = decoder.drain(out, o);
    if (decoder.pending) throw new RangeError(`bzip2: more than ${out.length} bytes of output`);
  }
  if (!decoder.betweenStreams) throw new RangeError('bzip2: input ends early');
  return o;
}
