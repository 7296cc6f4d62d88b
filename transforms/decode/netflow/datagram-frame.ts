/**
 * Datagrams one after the other in a chunk: length of the datagram (u16), when it arrived (u48, ms
 * since 1970 UTC), the datagram; big-endian. The arrival is the only time that sFlow has.
 */
export const FRAME_HEADER = 8;

/** Writes the frame of `datagram` at `at`; returns its end. Throws a RangeError where it does not fit. */
export function writeDatagram(
  into: Uint8Array,
  at: number,
  datagram: Uint8Array,
  arrivedMs: number,
): number {
  const { length } = datagram;
  if (length > 0xffff) throw new RangeError(`datagram of ${length} bytes exceeds 65535`);
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  view.setUint16(at, length);
  view.setUint16(at + 2, Math.floor(arrivedMs / 0x1_0000_0000));
  view.setUint32(at + 4, arrivedMs % 0x1_0000_0000);
  into.set(datagram, at + FRAME_HEADER);
  return at + FRAME_HEADER + length;
}

/** The frames of `datagrams`, which all arrived at `arrivedMs`. */
export function frameDatagrams(datagrams: readonly Uint8Array[], arrivedMs: number): Uint8Array {
  const length = datagrams.reduce((sum, datagram) => sum + FRAME_HEADER + datagram.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const datagram of datagrams) at = writeDatagram(bytes, at, datagram, arrivedMs);
  return bytes;
}

/** Where the frame that begins at `at` ends; beyond `view` if that is cut, or its header is. */
export function frameEnd(view: DataView, at: number): number {
  const left = view.byteLength - at;
  return at + FRAME_HEADER + (left < FRAME_HEADER ? 0 : view.getUint16(at));
}

/** When the datagram framed at `at` arrived, ms since 1970 UTC. */
export function frameArrivedMs(view: DataView, at: number): number {
  return view.getUint16(at + 2) * 0x1_0000_0000 + view.getUint32(at + 4);
}
