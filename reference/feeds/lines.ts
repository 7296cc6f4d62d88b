/** Lines of a byte stream in bounded memory. */

export const MAX_LINE_BYTES = 64 * 1024;

/** Gets each line without its end (LF or CRLF), numbered from 1. `bytes` is valid during the call only. */
export interface LineVisitor {
  line(line: number, bytes: Uint8Array, start: number, end: number): void;
  /** A line above MAX_LINE_BYTES, of which `bytes` has the beginning. */
  tooLong(line: number, bytes: Uint8Array, start: number, end: number): void;
}

/** A byte order mark before the first line is skipped; a NUL or any other byte is the visitor's to judge. */
export async function eachLine(
  chunks: AsyncIterable<Uint8Array>,
  visitor: LineVisitor,
): Promise<void> {
  const held = { bytes: new Uint8Array(MAX_LINE_BYTES), length: 0, overlong: false };
  let number = 1;

  const hold = (chunk: Uint8Array, start: number, end: number): void => {
    const fits = Math.min(end - start, MAX_LINE_BYTES - held.length);
    held.bytes.set(chunk.subarray(start, start + fits), held.length);
    held.length += fits;
    if (fits < end - start) held.overlong = true;
  };
  const emit = (bytes: Uint8Array, start: number, end: number): void => {
    const from = number === 1 && hasMark(bytes, start, end) ? start + 3 : start;
    const to = end > from && bytes[end - 1] === 13 ? end - 1 : end;
    if (held.overlong || end - start > MAX_LINE_BYTES) {
      visitor.tooLong(number, bytes, from, Math.min(to, from + MAX_LINE_BYTES));
    } else {
      visitor.line(number, bytes, from, to);
    }
    number++;
    held.overlong = false;
    held.length = 0;
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(10, start);
      if (end < 0) break;
      if (held.length > 0 || held.overlong) {
        hold(chunk, start, end);
        emit(held.bytes, 0, held.length);
      } else {
        emit(chunk, start, end);
      }
      start = end + 1;
    }
    if (start < chunk.length) hold(chunk, start, chunk.length);
  }
  if (held.length > 0 || held.overlong) emit(held.bytes, 0, held.length);
}

function hasMark(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= 3 &&
    bytes[start] === 0xef &&
    bytes[start + 1] === 0xbb &&
    bytes[start + 2] === 0xbf
  );
}
