import { readFrame, writeFrame } from './frame.js';

/** A span of event time, ms since 1970 UTC; the end excluded. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * What a job that judges only a part of the time takes of a file. Several jobs may read one file;
 * each of its records counts in the one that owns its event time.
 */
export interface TimeSlice {
  /** Records with these event times are taken. */
  readonly own: Span;
  /**
   * Of one of the jobs that read the file: it tells what of the file cannot be read, and counts the
   * records within `asked` that no job takes because none that owns their time reads the file, which
   * are those outside `reached`. null = another job does.
   */
  readonly tells: { readonly asked: Span; readonly reached: Span } | null;
}

/** What is known of an input before any of its records is read. */
export interface InputSpec {
  /** The input as the user wrote it, for messages. */
  readonly name: string;
  /** File, folder, glob or URI. */
  readonly uri: string;
  /** Format id, or `auto`. */
  readonly format: string;
  /** Exporter name where the records have none; '' = not configured. */
  readonly sensor: string;
  /** 1 in N where the records have none; 0 = not configured. */
  readonly samplingRate: number;
  /** Whether TCP records without flags or other evidence count as connections. */
  readonly unknownFlags: 'keep' | 'drop';
  /** None = records of all times are taken. */
  readonly slice?: TimeSlice;
}

/** Whether this job is the one that tells what of an input cannot be read. */
export function tellsOf({ slice }: InputSpec): boolean {
  return slice?.tells !== null;
}

/** Whole records of one input, which can be decoded without the rest of it. */
export interface Chunk {
  readonly input: InputSpec;
  /** The file the bytes come from. */
  readonly uri: string;
  /** Format id; never `auto`. */
  readonly format: string;
  /** Where `bytes` begins in the decompressed file. */
  readonly offset: number;
  /** Leading bytes of the file that every chunk needs (a header line). */
  readonly preamble: Uint8Array;
  readonly bytes: Uint8Array;
  /** When it came in, ms since 1970 UTC, where it came live: a record may not be much later. */
  readonly arrivedMs?: number;
}

const KIND = 'CHNK';

/** The chunk as bytes; `decodeChunk` gives it back. */
export function encodeChunk(chunk: Chunk): Uint8Array {
  const { input, uri, format, offset, preamble, bytes, arrivedMs } = chunk;
  const body = new Uint8Array(preamble.length + bytes.length);
  body.set(preamble);
  body.set(bytes, preamble.length);
  const header = { input, uri, format, offset, preamble: preamble.length, arrivedMs };
  return writeFrame({ kind: KIND, version: 1, header, body });
}

/** Reads what `encodeChunk` wrote. Throws a RangeError that says what is wrong with other bytes. */
export function decodeChunk(encoded: Uint8Array): Chunk {
  const { header, body } = readFrame(encoded, KIND, 1);
  const { input, uri, format, offset, preamble, arrivedMs } = header;
  if (typeof preamble !== 'number' || !(preamble >= 0 && preamble <= body.length)) {
    throw new RangeError(`chunk of ${body.length} bytes has a preamble of ${String(preamble)}`);
  }
  if (!Number.isInteger(preamble))
    throw new RangeError(`chunk has a preamble of ${preamble} bytes`);
  if (typeof uri !== 'string' || typeof format !== 'string' || typeof offset !== 'number') {
    throw new RangeError('chunk lacks uri, format or offset');
  }
  if (!isInputSpec(input)) throw new RangeError('chunk lacks its input');
  if (arrivedMs !== undefined && typeof arrivedMs !== 'number') {
    throw new RangeError('chunk has no time of arrival');
  }
  return {
    input,
    uri,
    format,
    offset,
    preamble: body.subarray(0, preamble),
    bytes: body.subarray(preamble),
    ...(arrivedMs === undefined ? {} : { arrivedMs }),
  };
}

function isInputSpec(value: unknown): value is InputSpec {
  if (typeof value !== 'object' || value === null) return false;
  const { name, uri, format, sensor, samplingRate, unknownFlags } = value as Record<
    string,
    unknown
  >;
  return (
    typeof name === 'string' &&
    typeof uri === 'string' &&
    typeof format === 'string' &&
    typeof sensor === 'string' &&
    typeof samplingRate === 'number' &&
    (unknownFlags === 'keep' || unknownFlags === 'drop')
  );
}
