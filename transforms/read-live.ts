import { chunkCoder, jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn, type FnContext } from '../beam/fn.js';
import { applySource, unbounded } from '../beam/source.js';
import { together } from '../beam/together.js';
import type { PCollection, Root } from 'apache-beam';
import { BytesCoder } from 'apache-beam/coders/required_coders';
import { PubSubReadPayload } from 'apache-beam/proto/beam_runner_api';
import type { Chunk, InputSpec } from '../pipeline/chunk.js';
import type { LiveInput } from '../pipeline/live-input.js';
import type { Reject } from '../pipeline/reject.js';
import { FOLLOW_SOURCE } from './read/live/followed-files.js';
import { NETFLOW_SOURCE } from './read/live/netflow-source.js';
import { STANDARD_INPUT_SOURCE } from './read/live/standard-input.js';
import { messageChunks, payloadChunks } from './read/message-chunks.js';
import { readKafka, type KafkaMessage } from './kafka.js';

const PUBSUB_READ = 'beam:transform:pubsub_read:v1';

registerFn<InputSpec, Uint8Array>('flowsieve/unpack-messages', (input, context) => ({
  process: (message) =>
    unpack(context, (reject) => messageChunks(message, input, Date.now(), reject)),
}));

registerFn<InputSpec, KafkaMessage>('flowsieve/unpack-kafka', (input, context) => ({
  async process({ value }): Promise<void> {
    if (value === undefined) {
      context.count('messages-without-records');
      return;
    }
    const origin = { id: '', arrivedMs: Date.now() };
    await unpack(context, (reject) => payloadChunks(value, input, origin, reject));
  },
}));

/** Sends a message's chunks, and counts and sends what could not be read of it. */
async function unpack(
  context: FnContext,
  chunksOf: (reject: (reject: Reject) => void) => AsyncIterable<Chunk>,
): Promise<void> {
  const rejects: Reject[] = [];
  let chunks = 0;
  for await (const chunk of chunksOf((each) => rejects.push(each))) {
    chunks++;
    await context.send('chunks', chunk);
  }
  if (chunks === 0 && rejects.length === 0) context.count('messages-without-records');
  for (const each of rejects) {
    context.count(`rejects/${each.format}/${each.reason}`);
    await context.send('rejects', each);
  }
}

/** Live inputs -> chunks of whole records, unbounded, and what could not be read. */
export function readLive(
  root: Root,
  inputs: readonly LiveInput[],
): { chunks: PCollection<Chunk>; rejects: PCollection<Reject>[] } {
  const chunks: PCollection<Chunk>[] = [];
  const rejects: PCollection<Reject>[] = [];
  const names = new Map<string, number>();
  for (const { input, location } of inputs) {
    // What a source has read is stored under its name: its place among the inputs must not matter.
    const count = (names.get(input.name) ?? 0) + 1;
    names.set(input.name, count);
    const own = count === 1 ? input.name : `${input.name} ${count}`;
    const name = `read ${own}`;
    const source = (id: string, params: object): void => {
      chunks.push(
        applySource(root, name, { source: id, params: { input, ...params } }, chunkCoder),
      );
    };
    const unpacked = (messages: PCollection<unknown>, fn: string): void => {
      const outputs = applyFn(messages, {
        name: `unpack ${own}`,
        fn,
        params: input,
        outputs: { chunks: chunkCoder, rejects: jsonCoder },
      });
      chunks.push(outputs['chunks']);
      rejects.push(outputs['rejects']);
    };
    switch (location.kind) {
      case 'stdin':
        source(STANDARD_INPUT_SOURCE, {});
        break;
      case 'netflow':
        source(NETFLOW_SOURCE, { host: location.host, port: location.port });
        break;
      case 'pubsub': {
        const { kind: _kind, ...attributes } = location;
        const payload = PubSubReadPayload.create({ ...attributes, withAttributes: true });
        const messages = unbounded(
          root,
          name,
          PUBSUB_READ,
          () => PubSubReadPayload.toBinary(payload),
          new BytesCoder(),
        );
        unpacked(messages, 'flowsieve/unpack-messages');
        break;
      }
      case 'kafka':
        unpacked(readKafka(root, name, location), 'flowsieve/unpack-kafka');
        break;
      default:
        source(FOLLOW_SOURCE, { location });
    }
  }
  return { chunks: together('all chunks', chunks), rejects };
}
