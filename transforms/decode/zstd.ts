import { Decompress } from 'fzstd';

/** RFC 8878 section 3.1.1.2.4. */
const MAX_BLOCK_BYTES = 128 * 1024;
/** What `zstd` itself accepts without `--long=31`. */
export const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
/** RFC 8878 section 3.1.1.1.2 wants every decoder to take it. */
const COMMON_WINDOW_BYTES = 8 * 1024 * 1024;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;

type Expects =
  | 'magic'
  | 'descriptor'
  | 'header'
  | 'skippable-size'
  | 'skip'
  | 'block-header'
  | 'block'
  | 'checksum';

/**
 * Zstandard frames, one block at a time: fzstd expands, this keeps its demands within bounds.
 *
 * fzstd alone allocates whatever window a header names and expands all it is given in one call;
 * here a window above `maxWindow` is refused before it is allocated, and no step gives more than
 * 128 KiB. Frames may follow each other; skippable frames are left out. Content checksums are not
 * verified (fzstd does not). Source: RFC 8878 section 3.1.
 */
export class ZstdDecoder {
  /** Frames begun. */
  frames = 0;
  private expects: Expects = 'magic';
  /** Bytes of the present element that are still to come, and those collected of it. */
  private needs = 4;
  private collected = 0;
  private readonly element = new Uint8Array(18);
  private descriptor = 0;
  private lastBlock = false;
  private frame: Decompress | undefined;
  private output: Uint8Array[] = [];

  private readonly maxWindow: number;

  constructor(maxWindow: number) {
    this.maxWindow = maxWindow;
  }

  /** Whether the input so far ends with a whole frame (or nothing was read yet). */
  get betweenFrames(): boolean {
    return this.expects === 'magic' && this.collected === 0;
  }

  /** Whether a frame has to begin next. */
  get atFrame(): boolean {
    return this.expects === 'magic';
  }

  /** Takes the next bytes; yields what they expand to. Throws RangeError for what is not sound. */
  *push(input: Uint8Array): Generator<Uint8Array, void, undefined> {
    let at = 0;
    while (at < input.length) {
      const piece = input.subarray(at, at + this.needs);
      at += piece.length;
      if (this.expects === 'block' || this.expects === 'skip') {
        this.needs -= piece.length;
        const whole = this.needs === 0;
        if (this.expects === 'block') {
          this.expand(piece, whole && this.frameEnds());
          if (whole) this.endOfBlock();
        } else if (whole) {
          this.expect('magic', 4);
        }
      } else {
        this.element.set(piece, this.collected);
        this.collected += piece.length;
        this.needs -= piece.length;
        if (this.needs === 0) this.endOfElement();
      }
      if (this.output.length > 0) {
        yield* this.output;
        this.output = [];
      }
    }
  }

  private expect(what: Expects, bytes: number): void {
    this.expects = what;
    this.needs = bytes;
    this.collected = 0;
  }

  private endOfElement(): void {
    const { element } = this;
    switch (this.expects) {
      case 'magic': {
        const magic = littleEndian(element, 0, 4);
        if (magic === FRAME_MAGIC) {
          this.frames++;
          // The header's bytes stay together: they are judged, then handed on.
          this.expects = 'descriptor';
          this.needs = 1;
        } else if (magic - (magic % 16) === SKIPPABLE_MAGIC) {
          this.expect('skippable-size', 4);
        } else {
          throw new RangeError('zstd: neither a frame nor the end');
        }
        break;
      }
      case 'descriptor': {
        this.descriptor = element[4];
        const rest = headerLength(this.descriptor) - 5;
        if ((this.descriptor & 8) !== 0) throw new RangeError('zstd: reserved bit is set');
        this.expects = 'header';
        this.needs = rest;
        break;
      }
      case 'header': {
        const window = windowBytes(element);
        if (window > this.maxWindow) {
          throw new RangeError(`zstd: window of ${window} bytes, at most ${this.maxWindow}`);
        }
        if ((this.descriptor & 3) !== 0)
          throw new RangeError('zstd: dictionaries are not supported');
        this.frame = new Decompress((data) => {
          if (data.length > 0) this.output.push(data);
        });
        this.expand(element.slice(0, this.collected), false);
        this.expect('block-header', 3);
        break;
      }
      case 'block-header': {
        const header = littleEndian(element, 0, 3);
        const type = (header >>> 1) & 3;
        const size = header >>> 3;
        if (type === 3) throw new RangeError('zstd: reserved block type');
        if (size > MAX_BLOCK_BYTES) throw new RangeError(`zstd: block of ${size} bytes`);
        this.lastBlock = (header & 1) === 1;
        this.expect('block', type === 1 ? 1 : size);
        this.expand(element.slice(0, 3), this.needs === 0 && this.frameEnds());
        if (this.needs === 0) this.endOfBlock();
        break;
      }
      case 'skippable-size': {
        const size = littleEndian(element, 0, 4);
        if (size === 0) this.expect('magic', 4);
        else this.expect('skip', size);
        break;
      }
      case 'checksum':
        this.expand(element.slice(0, 4), true);
        this.expect('magic', 4);
        break;
      case 'block':
      case 'skip':
        break;
    }
  }

  private endOfBlock(): void {
    if (!this.lastBlock) this.expect('block-header', 3);
    else if (hasChecksum(this.descriptor)) this.expect('checksum', 4);
    else this.expect('magic', 4);
  }

  /** Whether nothing of the frame follows the present block. */
  private frameEnds(): boolean {
    return this.lastBlock && !hasChecksum(this.descriptor);
  }

  private expand(piece: Uint8Array, final: boolean): void {
    try {
      this.frame?.push(piece, final);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new RangeError(`zstd: ${why}`, { cause: error });
    }
  }
}

/** Expands zstd frames in memory into `out`; returns the length written. Throws RangeError as above, and where `out` is too small. */
export function expandZstd(input: Uint8Array, out: Uint8Array): number {
  const decoder = new ZstdDecoder(Math.max(out.length, COMMON_WINDOW_BYTES));
  let o = 0;
  for (const data of decoder.push(input)) {
    if (data.length > out.length - o) {
      throw new RangeError(`zstd: more than ${out.length} bytes of output`);
    }
    out.set(data, o);
    o += data.length;
  }
  if (!decoder.betweenFrames) throw new RangeError('zstd: input ends early');
  return o;
}

function hasChecksum(descriptor: number): boolean {
  return (descriptor & 4) !== 0;
}

/** Whether the frame is one segment: then its content is its window. */
function singleSegment(descriptor: number): boolean {
  return (descriptor & 32) !== 0;
}

function contentSizeLength(descriptor: number): number {
  const code = descriptor >>> 6;
  if (code === 0) return singleSegment(descriptor) ? 1 : 0;
  return 1 << code;
}

function dictionaryIdLength(descriptor: number): number {
  const code = descriptor & 3;
  return code === 3 ? 4 : code;
}

/** From the magic number to the first block. */
function headerLength(descriptor: number): number {
  const window = singleSegment(descriptor) ? 0 : 1;
  return 5 + window + dictionaryIdLength(descriptor) + contentSizeLength(descriptor);
}

function windowBytes(header: Uint8Array): number {
  const descriptor = header[4];
  if (!singleSegment(descriptor)) {
    const base = 2 ** (10 + (header[5] >>> 3));
    return base + (base / 8) * (header[5] & 7);
  }
  const length = contentSizeLength(descriptor);
  const size = littleEndian(header, 5 + dictionaryIdLength(descriptor), length);
  return length === 2 ? size + 256 : size;
}

/** Unsigned; above 2^53 only about right, which is enough for a limit. */
function littleEndian(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}
