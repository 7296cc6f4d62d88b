/** A record, a chunk or a file that could not be used. A value like any other: never an exception, never silence. */
export interface Reject {
  /** Format id, or `unknown` where none was recognised. */
  readonly format: string;
  /** Kebab-case code, counted: `bad-address`, `truncated`, ... */
  readonly reason: string;
  /** URI as given or expanded. */
  readonly file: string;
  /** Byte offset of the record in the decompressed file. */
  readonly offset: number;
  /** At most 200 bytes from there; bytes that are not UTF-8 are shown as U+FFFD. */
  readonly sample: string;
}

const SAMPLE_BYTES = 200;

/** The sample of a reject: at most 200 bytes of `bytes` from `start` to `end`, as text. */
export function sampleOf(bytes: Uint8Array, start: number, end: number): string {
  const cut = bytes.subarray(start, Math.min(end, start + SAMPLE_BYTES));
  return Buffer.from(cut.buffer, cut.byteOffset, cut.byteLength).toString('utf8');
}
