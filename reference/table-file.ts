/**
 * The file of one compiled table: sections of numbers that are used in place, without parsing.
 *
 * Layout, little-endian: magic `FSREFTB1` (8 bytes), length of the header (u32), zero (u32), header
 * (JSON: kind, meta, sections), padding to 8, then the sections, each padded to 8.
 */
import { createHash } from 'node:crypto';

const MAGIC = Buffer.from('FSREFTB1', 'latin1');
const ALIGN = 8;

const ARRAYS = {
  f64: Float64Array,
  u32: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
} as const;

export type SectionType = keyof typeof ARRAYS;
export type SectionArray = Float64Array | Uint32Array | Uint16Array | Uint8Array;
export type Sections = Readonly<Record<string, SectionArray>>;

interface SectionHeader {
  readonly name: string;
  readonly type: SectionType;
  /** From the end of the header. */
  readonly offset: number;
  /** Elements. */
  readonly length: number;
}

interface Header {
  readonly kind: string;
  readonly meta: unknown;
  readonly sections: readonly SectionHeader[];
}

/** A snapshot's file that is not what its manifest or its own header says. */
export class CorruptTableError extends Error {
  constructor(file: string, problem: string) {
    super(`reference table ${file}: ${problem}`);
    this.name = 'CorruptTableError';
  }
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGN) * ALIGN;
}

function typeOf(array: SectionArray): SectionType {
  if (array instanceof Float64Array) return 'f64';
  if (array instanceof Uint32Array) return 'u32';
  return array instanceof Uint16Array ? 'u16' : 'u8';
}

/** Bytes of a table's file as a list of pieces to write one after the other. Same input, same bytes. */
export function encodeTable(kind: string, meta: unknown, sections: Sections): Uint8Array[] {
  const headers: SectionHeader[] = [];
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const [name, array] of Object.entries(sections)) {
    headers.push({ name, type: typeOf(array), offset, length: array.length });
    pieces.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    const padding = aligned(array.byteLength) - array.byteLength;
    if (padding > 0) pieces.push(new Uint8Array(padding));
    offset += array.byteLength + padding;
  }
  const header = Buffer.from(JSON.stringify({ kind, meta, sections: headers } satisfies Header));
  const start = Buffer.alloc(aligned(MAGIC.length + 8 + header.length));
  MAGIC.copy(start);
  start.writeUInt32LE(header.length, MAGIC.length);
  header.copy(start, MAGIC.length + 8);
  return [start, ...pieces];
}

/** Size and sha256 (hex) of a file's pieces. */
export function measurePieces(pieces: readonly Uint8Array[]): { bytes: number; sha256: string } {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const piece of pieces) {
    hash.update(piece);
    bytes += piece.byteLength;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** One opened table file; sections are views of its bytes. */
export class TableFile {
  readonly name: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #sections = new Map<string, SectionHeader>();

  /**
   * `bytes` must be aligned to 8 in its ArrayBuffer.
   * Throws CorruptTableError where header, lengths or kind do not fit.
   */
  constructor(name: string, kind: string, bytes: Uint8Array) {
    this.name = name;
    this.#bytes = bytes;
    if (bytes.length < 16 || MAGIC.compare(bytes, 0, MAGIC.length) !== 0) {
      throw new CorruptTableError(name, 'does not begin with FSREFTB1');
    }
    const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
    if (16 + headerLength > bytes.length) {
      throw new CorruptTableError(
        name,
        `header of ${headerLength} bytes exceeds the file of ${bytes.length}`,
      );
    }
    const header = this.#parseHeader(Buffer.from(bytes.subarray(16, 16 + headerLength)).toString());
    if (header.kind !== kind) {
      throw new CorruptTableError(name, `holds a table of "${header.kind}", expected "${kind}"`);
    }
    this.meta = header.meta as Readonly<Record<string, unknown>>;
    this.#start = aligned(16 + headerLength);
    for (const section of header.sections) this.#addSection(section);
  }

  #parseHeader(text: string): Header {
    let header: Partial<Header> | null;
    try {
      header = JSON.parse(text) as Partial<Header> | null;
    } catch (cause) {
      throw new CorruptTableError(this.name, `header is no JSON: ${(cause as Error).message}`);
    }
    if (
      typeof header?.kind !== 'string' ||
      typeof header.meta !== 'object' ||
      header.meta === null ||
      !Array.isArray(header.sections)
    ) {
      throw new CorruptTableError(this.name, 'header lacks kind, meta or sections');
    }
    return header as Header;
  }

  #addSection(section: SectionHeader): void {
    const { name, type, offset, length } = section;
    const known = Object.hasOwn(ARRAYS, type);
    const bytes = known ? length * ARRAYS[type].BYTES_PER_ELEMENT : NaN;
    if (
      !known ||
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(length) ||
      offset < 0 ||
      length < 0 ||
      offset % ALIGN !== 0 ||
      this.#start + offset + bytes > this.#bytes.length
    ) {
      throw new CorruptTableError(
        this.name,
        `section "${name}" (${type}, ${length} at ${offset}) exceeds the file of ${this.#bytes.length}`,
      );
    }
    this.#sections.set(name, section);
  }

  has(name: string): boolean {
    return this.#sections.has(name);
  }

  #section(name: string, type: SectionType): SectionHeader {
    const section = this.#sections.get(name);
    if (section?.type !== type) {
      throw new CorruptTableError(this.name, `has no section "${name}" of ${type}`);
    }
    return section;
  }

  u8(name: string): Uint8Array {
    const { offset, length } = this.#section(name, 'u8');
    return new Uint8Array(this.#bytes.buffer, this.#at(offset), length);
  }

  u32(name: string): Uint32Array {
    const { offset, length } = this.#section(name, 'u32');
    return new Uint32Array(this.#bytes.buffer, this.#at(offset), length);
  }

  f64(name: string): Float64Array {
    const { offset, length } = this.#section(name, 'f64');
    return new Float64Array(this.#bytes.buffer, this.#at(offset), length);
  }

  #at(offset: number): number {
    return this.#bytes.byteOffset + this.#start + offset;
  }

  /** Throws unless `condition`; for what only the table itself can know of its sections. */
  check(condition: boolean, problem: string): void {
    if (!condition) throw new CorruptTableError(this.name, problem);
  }

  /** Throws unless each value is below `limit`. */
  checkBelow(name: string, values: Uint32Array | Uint8Array, limit: number): void {
    for (const value of values) {
      if (value >= limit) {
        throw new CorruptTableError(
          this.name,
          `section "${name}" holds ${value}, limit is ${limit}`,
        );
      }
    }
  }

  /** A list of texts in `meta`. */
  texts(name: string): readonly string[] {
    const list = this.meta[name];
    if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
      throw new CorruptTableError(this.name, `meta "${name}" is no list of texts`);
    }
    return list;
  }

  /** A number in `meta`. */
  number(name: string): number {
    const value = this.meta[name];
    if (typeof value !== 'number') {
      throw new CorruptTableError(this.name, `meta "${name}" is no number`);
    }
    return value;
  }
}
