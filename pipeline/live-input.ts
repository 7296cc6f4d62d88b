import type { InputSpec } from './chunk.js';
import type { KafkaPlace, KafkaTime } from './kafka-topic.js';

/** An input of a job without an end, and where it comes from. Plain JSON. */
export interface LiveInput {
  readonly input: InputSpec;
  readonly location: LiveLocation;
}

export type LiveLocation =
  /** Files, those to come too. Paths and patterns are absolute. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'glob'; readonly pattern: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'stdin' }
  /** UDP. */
  | { readonly kind: 'netflow'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'pubsub';
      /** `projects/P/subscriptions/S`. */
      readonly subscription: string;
      /** Attribute with the earliest event time of a message's records; '' = its publish time. */
      readonly timestampAttribute: string;
      /** Attribute by which a message that was published twice is known; '' = none. */
      readonly idAttribute: string;
    }
  | KafkaLocation;

/** A Kafka topic; only engines that run Java's transforms read it. */
export interface KafkaLocation extends KafkaPlace {
  readonly kind: 'kafka';
  /** Consumer group; '' = none. */
  readonly group: string;
  readonly from: 'earliest' | 'latest';
  readonly times: KafkaTime;
}
