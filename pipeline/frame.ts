/**
 * The envelope of what crosses a Beam boundary as bytes: kind, version, a small JSON header and a
 * body of columns.
 *
 *     offset 0   4 bytes   kind in ASCII
 *            4   u32       version
 *            8   u32       bytes of the JSON header
 *           12   u32       bytes of the body
 *           16   header, padded with zeros to a multiple of 8, then the body
 *
 * Numbers are little-endian, as are the columns: every engine that runs Node does.
 */
export interface Frame {
  readonly kind: string;
  readonly version: number;
  readonly header: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

const PREFIX_BYTES = 16;

/** A frame as bytes. */
export function writeFrame(frame: Frame): Uint8Array {
  const header = Buffer.from(JSON.stringify(frame.header));
  const bodyAt = bodyOffset(header.length);
  const bytes = new Uint8Array(bodyAt + frame.body.length);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(frame.kind, 'latin1'), 0);
  view.setUint32(4, frame.version, true);
  view.setUint32(8, header.length, true);
  view.setUint32(12, frame.body.length, true);
  bytes.set(header, PREFIX_BYTES);
  bytes.set(frame.body, bodyAt);
  return bytes;
}

/**
 * Reads a frame of `kind` and `version`. Its body is a copy that starts an ArrayBuffer of its own,
 * so typed arrays over it are aligned and see nobody else's bytes.
 * Throws a RangeError that says what is wrong.
 */
export function readFrame(bytes: Uint8Array, kind: string, version: number): Frame {
  if (bytes.length < PREFIX_BYTES) {
    throw new RangeError(`${kind} frame of ${bytes.length} bytes is shorter than its prefix`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const foundKind = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  if (foundKind !== kind)
    throw new RangeError(`expected a ${kind} frame, found ${JSON.stringify(foundKind)}`);
  const foundVersion = view.getUint32(4, true);
  if (foundVersion !== version) {
    throw new RangeError(`${kind} frame has version ${foundVersion}, this reads ${version}`);
  }
  const headerLength = view.getUint32(8, true);
  const bodyLength = view.getUint32(12, true);
  const bodyAt = bodyOffset(headerLength);
  if (bodyAt + bodyLength !== bytes.length) {
    throw new RangeError(
      `${kind} frame has ${bytes.length} bytes, its prefix says ${bodyAt + bodyLength}`,
    );
  }
  const text = Buffer.from(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerLength)).toString();
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new RangeError(`${kind} frame has a header that is not JSON`, { cause });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new RangeError(`${kind} frame has a header that is not an object`);
  }
  const body = new Uint8Array(bodyLength);
  body.set(bytes.subarray(bodyAt));
  return { kind, version, header: header as Record<string, unknown>, body };
}

function bodyOffset(headerLength: number): number {
  return Math.ceil((PREFIX_BYTES + headerLength) / 8) * 8;
}
