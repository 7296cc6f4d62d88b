/** Kafka, through Java's transforms: what moves are pairs of bytes. */
import { externalSink, externalSource } from '../beam/external.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection, Root } from 'apache-beam';
import { BytesCoder, KVCoder } from 'apache-beam/coders/required_coders';
import { NullableCoder } from 'apache-beam/coders/standard_coders';
import type { Finding } from '../pipeline/finding.js';
import type { KafkaPlace, KafkaTime } from '../pipeline/kafka-topic.js';

const READ = 'beam:transform:org.apache.beam:kafka_read_without_metadata:v1';
const WRITE = 'beam:transform:org.apache.beam:kafka_write:v1';
const DESERIALIZER = 'org.apache.kafka.common.serialization.ByteArrayDeserializer';
const SERIALIZER = 'org.apache.kafka.common.serialization.ByteArraySerializer';

/** Java's names of our times. */
const TIMESTAMP_POLICY: Readonly<Record<KafkaTime, string>> = {
  create: 'CreateTime',
  append: 'LogAppendTime',
  arrival: 'ProcessingTime',
};

/** A topic to read from. Plain JSON. */
export interface KafkaInput extends KafkaPlace {
  /** Consumer group to which offsets are committed once an engine has them safe; '' = none. */
  readonly group: string;
  /** Where to begin if the engine and the group have no offsets. */
  readonly from: 'earliest' | 'latest';
  readonly times: KafkaTime;
}

/** A message; a tombstone has no value. */
export interface KafkaMessage {
  readonly key?: Uint8Array;
  readonly value?: Uint8Array;
}

/** Messages of a topic, unbounded, with the timestamps that `times` says. */
export function readKafka(root: Root, name: string, input: KafkaInput): PCollection<KafkaMessage> {
  const { brokers, topic, properties, group, from, times } = input;
  return externalSource(
    root,
    name,
    {
      urn: READ,
      configuration: {
        consumerConfig: {
          'auto.offset.reset': from,
          // Offsets are the engine's; else those of messages would be committed that a crash loses.
          'enable.auto.commit': 'false',
          ...properties,
          'bootstrap.servers': brokers,
          ...(group === '' ? {} : { 'group.id': group }),
        },
        topics: [topic],
        keyDeserializer: DESERIALIZER,
        valueDeserializer: DESERIALIZER,
        timestampPolicy: TIMESTAMP_POLICY[times],
        commitOffsetInFinalize: group !== '',
      },
    },
    new KVCoder(new NullableCoder(new BytesCoder()), new NullableCoder(new BytesCoder())) as never,
  );
}

registerFn<null, Finding>('flowsieve/kafka-message', (_params, context) => ({
  process(finding): void {
    const what = finding.status === 'open' ? 'revisions' : 'withdrawals';
    context.count(`${what}/kafka/${finding.filter}`);
    context.emit('out', {
      key: Buffer.from(finding.id),
      value: Buffer.from(JSON.stringify(finding)),
    });
  },
}));

/**
 * Findings -> a topic: the key is the finding's id, the value the finding as JSON with its `id`,
 * `revision`, `status`, `customer` and `severity`. Java's transform writes no headers.
 *
 * At least once: after a crash revisions are written again. A consumer keeps, by id, the highest
 * revision, and a compacted topic the last.
 */
export function writeKafka(
  findings: PCollection<Finding>,
  name: string,
  { brokers, topic, properties }: KafkaPlace,
): void {
  const { out: messages } = applyFn(findings, {
    name: `encode ${name}`,
    fn: 'flowsieve/kafka-message',
    params: null,
    outputs: { out: new KVCoder(new BytesCoder(), new BytesCoder()) },
  });
  externalSink(messages, name, {
    urn: WRITE,
    configuration: {
      producerConfig: { acks: 'all', ...properties, 'bootstrap.servers': brokers },
      topic,
      keySerializer: SERIALIZER,
      valueSerializer: SERIALIZER,
    },
  });
}
