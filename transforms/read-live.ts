import { chunkCoder, jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
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
import { messageChunks } from './read/message-chunks.js';

const PUBSUB_READ = 'beam:transform:pubsub_read:v1';

registerFn<InputSpec, Uint8Array>('flowsieve/unpack-messages', (input, context) => ({
  async process(message): Promise<void> {
    const rejects: Reject[] = [];
    const reject = (each: Reject): number => rejects.push(each);
    let chunks = 0;
    for await (const chunk of messageChunks(message, input, Date.now(), reject)) {
      chunks++;
      await context.send('chunks', chunk);
    }
    if (chunks === 0 && rejects.length === 0) context.count('messages-without-records');
    for (const each of rejects) {
      context.count(`rejects/${each.format}/${each.reason}`);
      await context.send('rejects', each);
    }
  },
}));

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
        const unpacked = applyFn(messages, {
          name: `unpack ${own}`,
          fn: 'flowsieve/unpack-messages',
          params: input,
          outputs: { chunks: chunkCoder, rejects: jsonCoder },
        });
        chunks.push(unpacked['chunks']);
        rejects.push(unpacked['rejects']);
        break;
      }
      default:
        source(FOLLOW_SOURCE, { location });
    }
  }
  return { chunks: together('all chunks', chunks), rejects };
}
