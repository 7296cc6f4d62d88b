/** When a Kafka message counts as having happened, which is what the watermark follows. */
export const KAFKA_TIMES = ['create', 'append', 'arrival'] as const;

/** `create`: as its producer said; `append`: as the broker stored it; `arrival`: as it is read. */
export type KafkaTime = (typeof KAFKA_TIMES)[number];

/** A topic, and what its clients need. Plain JSON. */
export interface KafkaPlace {
  /** Kafka's `bootstrap.servers`. */
  readonly brokers: string;
  readonly topic: string;
  /** Further properties of Kafka's clients (`security.protocol`, ...). */
  readonly properties: Readonly<Record<string, string>>;
}
