import { parseExporterState, type ExporterState } from './exporter-state.js';

/*
 * What every chunk of an exporter needs: a signature, the length of the text (u32, big-endian), and
 * the exporter's state as text.
 */
const SIGNATURE = 'FSNFLOW1';
const HEADER = SIGNATURE.length + 4;

/** The preamble of chunks whose first datagram is decoded with `state`. */
export function encodePreamble(state: ExporterState): Uint8Array {
  const text = Buffer.from(state.toText());
  const preamble = Buffer.alloc(HEADER + text.length);
  preamble.write(SIGNATURE, 'latin1');
  preamble.writeUInt32BE(text.length, SIGNATURE.length);
  preamble.set(text, HEADER);
  return preamble;
}

/** Length of the preamble that begins `head`; 0 if there is none, or no whole one. */
export function preambleLength(head: Uint8Array): number {
  if (!hasSignature(head)) return 0;
  const length = HEADER + new DataView(head.buffer, head.byteOffset).getUint32(SIGNATURE.length);
  return length <= head.length ? length : 0;
}

export function hasSignature(head: Uint8Array): boolean {
  if (head.length < HEADER) return false;
  for (let i = 0; i < SIGNATURE.length; i++) if (head[i] !== SIGNATURE.charCodeAt(i)) return false;
  return true;
}

/** A worker sees the chunks of all exporters in turn, and those of one mostly with the same preamble. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;
const kept = new Map<string, ExporterState>();
let keptBytes = 0;

/**
 * Reads what `encodePreamble` wrote. The state is shared with others: copy it before changing it.
 * Throws a RangeError that says what is wrong with other bytes.
 */
export function decodePreamble(preamble: Uint8Array): ExporterState {
  if (preamble.length === 0 || preambleLength(preamble) !== preamble.length) {
    throw new RangeError(`preamble of ${preamble.length} bytes is not of datagrams`);
  }
  const { buffer, byteOffset, length } = preamble;
  const text = Buffer.from(buffer, byteOffset, length).toString('utf8', HEADER);
  const known = kept.get(text);
  if (known !== undefined) return known;
  const state = parseExporterState(text);
  if (keptBytes + length > MAX_KEPT_BYTES) {
    kept.clear();
    keptBytes = 0;
  }
  kept.set(text, state);
  keptBytes += length;
  return state;
}
