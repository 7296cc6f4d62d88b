/** A compressed input gives more than it may. What came before that was yielded. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** `pieces` up to `most` bytes; throws a TooLargeError at the piece that goes beyond. */
export async function* atMost(
  pieces: AsyncIterable<Uint8Array>,
  most: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    if (total > most) throw new TooLargeError(`${total} bytes or more, the most is ${most}`);
    yield piece;
  }
}
