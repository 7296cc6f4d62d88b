import type { Chunk, InputSpec } from '../../pipeline/chunk.js';
import { sampleOf, type Reject } from '../../pipeline/reject.js';
import { cutChunks, type ByteSource } from './chunks.js';
import { decodePubsubMessage, type PubsubMessage } from './pubsub-message.js';

/** The service takes messages of 10 MB; a compressed one that gives more than this is an attack. */
const MOST_EXPANDED_BYTES = 64 << 20;

/**
 * Chunks of a serialised Pub/Sub message, as of a file with the same content: compressed or not,
 * which its first bytes say (an attribute might lie), in the format of the input or the one that is
 * recognised, with header lines of its own; the last line may lack its line feed. Their uri is the
 * input's with the message's id: `pubsub://projects/P/subscriptions/S#ID`.
 *
 * None, and no reject, where the message has no records. A message that expands to more than 64 MiB
 * is a reject `message-too-large` after the records before that.
 */
export async function* messageChunks(
  bytes: Uint8Array,
  input: InputSpec,
  arrivedMs: number,
  reject: (reject: Reject) => void,
): AsyncGenerator<Chunk> {
  let message: PubsubMessage;
  try {
    message = decodePubsubMessage(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const sample = sampleOf(bytes, 0, bytes.length);
    reject({ format: 'unknown', reason: 'not-a-message', file: input.uri, offset: 0, sample });
    return;
  }
  yield* payloadChunks(message.data, input, { id: message.messageId, arrivedMs }, reject);
}

/** Which message a payload is of, and when it came in. */
interface MessageOrigin {
  /** Part of the chunks' uri after `#`; '' = none. */
  readonly id: string;
  readonly arrivedMs: number;
}

/** As `messageChunks`, of a message's content. */
export async function* payloadChunks(
  data: Uint8Array,
  input: InputSpec,
  { id, arrivedMs }: MessageOrigin,
  reject: (reject: Reject) => void,
): AsyncGenerator<Chunk> {
  const source: ByteSource = {
    kind: 'message',
    head: (length) => Promise.resolve(data.subarray(0, length)),
    open: (start) => once(data.subarray(start)),
    mostExpandedBytes: MOST_EXPANDED_BYTES,
    arrivedMs,
  };
  const range = {
    input,
    uri: id === '' ? input.uri : `${input.uri}#${id}`,
    start: 0,
    end: data.length,
  };
  yield* cutChunks(range, source, reject);
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream for what reads streams
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
