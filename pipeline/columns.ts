/**
 * Columns over one ArrayBuffer: what a batch of rows is made of, in memory and on the wire.
 *
 * A layout names columns with their element type and width (elements a row). Columns are laid out
 * widest type first, each padded to 8 bytes, so every typed array is aligned wherever the buffer is.
 */

const ARRAYS = {
  f64: Float64Array,
  u32: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
} as const;

export type ColumnType = keyof typeof ARRAYS;

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Elements a row; an IPv6 address is four 32-bit words. */
  readonly width: number;
  /** Greatest value a column of codes may hold; anything above is refused when decoding. */
  readonly max?: number;
}

/** Bytes of one column of `rows` rows, padded to 8. */
function columnBytes(column: Column, rows: number): number {
  return Math.ceil((ARRAYS[column.type].BYTES_PER_ELEMENT * column.width * rows) / 8) * 8;
}

/** Bytes that all columns of `rows` rows take. */
export function layoutBytes(columns: readonly Column[], rows: number): number {
  let total = 0;
  for (const column of columns) total += columnBytes(column, rows);
  return total;
}

/** Views of all columns over `buffer` from `offset` (a multiple of 8), by name. */
export function layoutViews(
  columns: readonly Column[],
  rows: number,
  buffer: ArrayBuffer,
  offset = 0,
): Record<string, Float64Array | Uint32Array | Uint16Array | Uint8Array> {
  const views: Record<string, Float64Array | Uint32Array | Uint16Array | Uint8Array> = {};
  let at = offset;
  for (const column of columns) {
    views[column.name] = new ARRAYS[column.type](buffer, at, column.width * rows);
    at += columnBytes(column, rows);
  }
  // Spread, because keyed stores have made a dictionary of it: reads of columns were 12 times slower.
  return { ...views };
}

/** Throws a RangeError naming the first column that holds a code above its `max` or a number that no count or time can be. */
export function checkColumns(
  columns: readonly Column[],
  views: Readonly<Record<string, ArrayLike<number>>>,
): void {
  for (const { name, type, max } of columns) {
    if (max === undefined && type !== 'f64') continue;
    const values = views[name];
    const limit = max ?? Number.MAX_VALUE;
    for (let i = 0; i < values.length; i++) {
      // Written so that NaN fails too.
      if (!(values[i] >= 0 && values[i] <= limit)) {
        throw new RangeError(`column ${name}: value ${values[i]} is outside 0..${limit}`);
      }
    }
  }
}
