/** From here on one call copies faster than a loop. */
const LONG_COPY = 48;

/**
 * Expands an LZ4 block (no frame) into `out`; returns the length written.
 *
 * Every read and write is checked: throws RangeError where `input` ends early, refers back before
 * the start, or needs more room than `out` has.
 * Source: LZ4 block format description 1.6.
 */
export function expandLz4Block(input: Uint8Array, out: Uint8Array): number {
  const inputEnd = input.length;
  const room = out.length;
  let at = 0;
  let o = 0;
  while (at < inputEnd) {
    const token = input[at++];

    let literals = token >>> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (at >= inputEnd) throw new RangeError('lz4: input ends in a length');
        more = input[at++];
        literals += more;
      } while (more === 255);
    }
    if (literals > inputEnd - at) {
      throw new RangeError(`lz4: ${literals} literals, ${inputEnd - at} bytes left`);
    }
    if (literals > room - o) throw new RangeError(`lz4: more than ${room} bytes of output`);
    if (literals >= LONG_COPY) {
      out.set(input.subarray(at, at + literals), o);
      at += literals;
      o += literals;
    } else {
      for (const end = at + literals; at < end;) out[o++] = input[at++];
    }
    // The last sequence has literals only.
    if (at === inputEnd) return o;

    if (inputEnd - at < 2) throw new RangeError('lz4: input ends in an offset');
    const distance = input[at] | (input[at + 1] << 8);
    at += 2;
    if (distance === 0 || distance > o) {
      throw new RangeError(`lz4: distance ${distance} at output position ${o}`);
    }
    let length = token & 15;
    if (length === 15) {
      let more: number;
      do {
        if (at >= inputEnd) throw new RangeError('lz4: input ends in a length');
        more = input[at++];
        length += more;
      } while (more === 255);
    }
    length += 4;
    if (length > room - o) throw new RangeError(`lz4: more than ${room} bytes of output`);
    // Byte by byte, as the match may overlap what it writes.
    for (let from = o - distance, end = o + length; o < end;) out[o++] = out[from++];
  }
  throw new RangeError('lz4: no last sequence');
}
