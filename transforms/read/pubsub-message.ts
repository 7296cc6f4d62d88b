/**
 * The wire form of google.pubsub.v1.PubsubMessage: what `beam:transform:pubsub_read:v1` with
 * attributes gives, whoever runs it.
 */
import protobuf from 'protobufjs';

export interface PubsubMessage {
  readonly data: Uint8Array;
  readonly attributes: ReadonlyMap<string, string>;
  /** Given by the service, unique in its topic; '' before. */
  readonly messageId: string;
  /** When the service took it in; `seconds` since 1970 UTC, 0 <= `nanos` < 1e9. */
  readonly publishTime: { readonly seconds: number; readonly nanos: number };
  readonly orderingKey: string;
}

const DATA = 1;
const ATTRIBUTES = 2;
const MESSAGE_ID = 3;
const PUBLISH_TIME = 4;
const ORDERING_KEY = 5;
const KEY = 1;
const VALUE = 2;
const SECONDS = 1;
const NANOS = 2;
/** Wire types of protobuf (encoding, "message structure"). */
const VARINT = 0;
const LENGTH = 2;

/** The message as protobuf, fields in the order of their numbers; defaults are left out (proto3). */
export function encodePubsubMessage(message: PubsubMessage): Uint8Array {
  const { data, attributes, messageId, publishTime, orderingKey } = message;
  const writer = protobuf.Writer.create();
  if (data.length > 0) writer.uint32(tag(DATA, LENGTH)).bytes(data);
  for (const [key, value] of attributes) {
    // An entry of a map always has both its fields.
    writer.uint32(tag(ATTRIBUTES, LENGTH)).fork();
    writer.uint32(tag(KEY, LENGTH)).string(key);
    writer.uint32(tag(VALUE, LENGTH)).string(value).ldelim();
  }
  if (messageId !== '') writer.uint32(tag(MESSAGE_ID, LENGTH)).string(messageId);
  const { seconds, nanos } = publishTime;
  writer.uint32(tag(PUBLISH_TIME, LENGTH)).fork();
  if (seconds !== 0) writer.uint32(tag(SECONDS, VARINT)).int64(seconds);
  if (nanos !== 0) writer.uint32(tag(NANOS, VARINT)).int32(nanos);
  writer.ldelim();
  if (orderingKey !== '') writer.uint32(tag(ORDERING_KEY, LENGTH)).string(orderingKey);
  return writer.finish();
}

/**
 * Reads a message; `data` is a view of `bytes`, fields that are not known are skipped.
 * Throws a RangeError where `bytes` is not a message.
 */
export function decodePubsubMessage(bytes: Uint8Array): PubsubMessage {
  const reader = protobuf.Reader.create(bytes);
  const attributes = new Map<string, string>();
  let data: Uint8Array = new Uint8Array(0);
  let messageId = '';
  let publishTime = { seconds: 0, nanos: 0 };
  let orderingKey = '';
  try {
    while (reader.pos < reader.len) {
      const found = reader.uint32();
      switch (found) {
        case tag(DATA, LENGTH):
          data = view(reader);
          break;
        case tag(ATTRIBUTES, LENGTH): {
          const { key, value } = readEntry(view(reader));
          attributes.set(key, value);
          break;
        }
        case tag(MESSAGE_ID, LENGTH):
          messageId = reader.string();
          break;
        case tag(PUBLISH_TIME, LENGTH):
          publishTime = readTimestamp(view(reader));
          break;
        case tag(ORDERING_KEY, LENGTH):
          orderingKey = reader.string();
          break;
        default:
          skip(reader, found);
      }
    }
  } catch (error) {
    throw new RangeError(`not a Pub/Sub message: ${(error as Error).message}`, { cause: error });
  }
  return { data, attributes, messageId, publishTime, orderingKey };
}

/** When the message was published, ms since 1970 UTC. */
export function publishTimeMs({ publishTime }: PubsubMessage): number {
  return publishTime.seconds * 1000 + Math.floor(publishTime.nanos / 1e6);
}

function readEntry(bytes: Uint8Array): { key: string; value: string } {
  const reader = protobuf.Reader.create(bytes);
  let key = '';
  let value = '';
  while (reader.pos < reader.len) {
    const found = reader.uint32();
    if (found === tag(KEY, LENGTH)) key = reader.string();
    else if (found === tag(VALUE, LENGTH)) value = reader.string();
    else skip(reader, found);
  }
  return { key, value };
}

function readTimestamp(bytes: Uint8Array): { seconds: number; nanos: number } {
  const reader = protobuf.Reader.create(bytes);
  let seconds = 0;
  let nanos = 0;
  while (reader.pos < reader.len) {
    const found = reader.uint32();
    if (found === tag(SECONDS, VARINT)) seconds = toNumber(reader.int64());
    else if (found === tag(NANOS, VARINT)) nanos = reader.int32();
    else skip(reader, found);
  }
  return { seconds, nanos };
}

/** The library's int64 where a package for it is installed: its halves, `low` as int32. */
function toNumber(value: number | { readonly low: number; readonly high: number }): number {
  return typeof value === 'number' ? value : value.high * 2 ** 32 + (value.low >>> 0);
}

/** The next length-delimited field without a copy: messages are up to 10 MB. */
function view(reader: protobuf.Reader): Uint8Array {
  const length = reader.uint32();
  const start = reader.pos;
  reader.skip(length);
  return reader.buf.subarray(start, start + length);
}

function skip(reader: protobuf.Reader, found: number): void {
  const wireType = found & 7;
  // Groups are no part of proto3, and the library reads nested ones by recursion.
  if (wireType === 3 || wireType === 4) throw new RangeError(`wire type ${wireType}`);
  reader.skipType(wireType);
}

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}
