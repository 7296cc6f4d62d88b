/** From here on one call copies faster than a loop. */
const LONG_COPY = 48;

/**
 * Expands an LZO1X stream (what `lzo1x_1_compress` writes) into `out`; returns the length written.
 *
 * Every read and write is checked: throws RangeError where `input` ends early or goes on after its
 * end marker, refers back before the start, or needs more room than `out` has.
 * Source: "LZO stream format as understood by Linux' LZO decompressor", kernel documentation.
 */
export function expandLzo1x(input: Uint8Array, out: Uint8Array): number {
  const inputEnd = input.length;
  const room = out.length;
  let at = 0;
  let o = 0;
  // Literals that the last instruction carried: 0 to 3, or 4 after a run of literals. It decides
  // what an instruction below 16 means.
  let state = 0;
  // Literals to copy before the next instruction.
  let literals = 0;

  if (inputEnd === 0) throw new RangeError('lzo: no input');
  if (input[0] > 17) {
    at = 1;
    literals = input[0] - 17;
    state = Math.min(literals, 4);
  }

  for (;;) {
    if (literals > inputEnd - at) {
      throw new RangeError(`lzo: ${literals} literals, ${inputEnd - at} bytes left`);
    }
    if (literals > room - o) throw new RangeError(`lzo: more than ${room} bytes of output`);
    if (literals >= LONG_COPY) {
      out.set(input.subarray(at, at + literals), o);
      at += literals;
      o += literals;
    } else {
      for (const end = at + literals; at < end;) out[o++] = input[at++];
    }

    if (at >= inputEnd) throw new RangeError('lzo: input ends early');
    const code = input[at++];
    let length: number;
    let distance: number;
    if (code >= 64) {
      if (at >= inputEnd) throw new RangeError('lzo: input ends early');
      length = (code >>> 5) + 1;
      distance = (input[at++] << 3) + ((code >>> 2) & 7) + 1;
      state = code & 3;
    } else if (code >= 16) {
      const mask = code >= 32 ? 31 : 7;
      length = code & mask;
      if (length === 0) {
        const zeros = zerosFrom(input, at);
        at += zeros + 1;
        length = mask + 255 * zeros + input[at - 1];
      }
      length += 2;
      if (inputEnd - at < 2) throw new RangeError('lzo: input ends early');
      const word = input[at] | (input[at + 1] << 8);
      at += 2;
      distance = word >>> 2;
      state = word & 3;
      if (code >= 32) {
        distance += 1;
      } else {
        distance += 16384 + ((code & 8) << 11);
        if (distance === 16384) {
          if (at !== inputEnd) throw new RangeError(`lzo: ${inputEnd - at} bytes after the end`);
          return o;
        }
      }
    } else if (state === 0) {
      literals = code;
      if (literals === 0) {
        const zeros = zerosFrom(input, at);
        at += zeros + 1;
        literals = 15 + 255 * zeros + input[at - 1];
      }
      literals += 3;
      state = 4;
      continue;
    } else {
      if (at >= inputEnd) throw new RangeError('lzo: input ends early');
      length = state === 4 ? 3 : 2;
      distance = (input[at++] << 2) + (code >>> 2) + (state === 4 ? 2049 : 1);
      state = code & 3;
    }

    if (distance > o) throw new RangeError(`lzo: distance ${distance} at output position ${o}`);
    if (length > room - o) throw new RangeError(`lzo: more than ${room} bytes of output`);
    if (length >= LONG_COPY && distance >= length) {
      out.copyWithin(o, o - distance, o - distance + length);
      o += length;
    } else {
      // Byte by byte, as the match may overlap what it writes.
      for (let from = o - distance, end = o + length; o < end;) out[o++] = out[from++];
    }
    literals = state;
  }
}

/** Zero bytes from `at`: each stands for 255 of a length, which the byte after them ends. */
function zerosFrom(input: Uint8Array, at: number): number {
  let end = at;
  while (input[end] === 0) end++;
  if (end >= input.length) throw new RangeError('lzo: input ends in a length');
  return end - at;
}
