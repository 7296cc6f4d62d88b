import { applyFn, registerFn } from '../beam/fn.js';
import { stableInput } from '../beam/stable-input.js';
import { primitiveSink } from '../beam/primitive-sink.js';
import type { PCollection } from 'apache-beam';
import { BytesCoder } from 'apache-beam/coders/required_coders';
import { PubSubWritePayload } from 'apache-beam/proto/beam_runner_api';
import type { Finding } from '../pipeline/finding.js';
import type { EngineSink } from './engine-spec.js';
import { encodePubsubMessage } from './read/pubsub-message.js';
import { writeObjects } from './write-objects.js';
import { messageOf } from './write/pubsub-topic.js';

const PUBSUB_WRITE = 'beam:transform:pubsub_write:v1';

registerFn<null, Finding>('flowsieve/pack-findings', (_params, context) => ({
  process(finding): void {
    const { data, attributes } = messageOf(finding);
    const message = encodePubsubMessage({
      data,
      attributes: new Map(Object.entries(attributes)),
      messageId: '',
      publishTime: { seconds: 0, nanos: 0 },
      orderingKey: '',
    });
    const what = finding.status === 'open' ? 'revisions' : 'withdrawals';
    context.count(`${what}/pubsub/${finding.filter}`);
    context.emit('messages', message);
  },
}));

/**
 * Revisions of findings -> the sinks of an engine that is not ours. Delivery is at least once: a
 * consumer keeps, by id, the highest revision.
 *
 * A topic is written by the engine: `beam:transform:pubsub_write:v1` takes serialised PubsubMessages.
 */
export function deliver(findings: PCollection<Finding>, sinks: readonly EngineSink[]): void {
  // What is told must not be told otherwise after a failure: it is stored first.
  const stored = stableInput(findings, 'findings to publish');
  for (const [i, sink] of sinks.entries()) {
    const name = `publish to ${sink.kind} ${i + 1}`;
    if (sink.kind === 'objects') {
      writeObjects(stored, { directory: sink.directory, content: 'findings' });
      continue;
    }
    const { messages } = applyFn(stored, {
      name: `pack for ${name}`,
      fn: 'flowsieve/pack-findings',
      params: null,
      outputs: { messages: new BytesCoder() },
    });
    const payload = PubSubWritePayload.create({ topic: sink.topic });
    primitiveSink(messages, name, PUBSUB_WRITE, PubSubWritePayload.toBinary(payload));
  }
}
