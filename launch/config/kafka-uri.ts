/** A topic and the brokers that know where it lies. */
export interface KafkaTopic {
  /** `HOST:PORT` of one broker or several, with commas between them: Kafka's `bootstrap.servers`. */
  readonly brokers: string;
  readonly topic: string;
}

/** What `parseKafkaUri` reads. */
export const KAFKA_EXPECTED = 'kafka://HOST:PORT[,HOST:PORT...]/TOPIC';

/** A host name, an IPv4 address, or an IPv6 address in brackets; a port. */
const BROKER =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]):([1-9][0-9]{0,4})$/;

/** What Kafka takes for a topic (`org.apache.kafka.common.internals.Topic`). */
const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;

/** Brokers and topic of `kafka://HOST:PORT,HOST:PORT/TOPIC`; undefined where it is none. */
export function parseKafkaUri(uri: string): KafkaTopic | undefined {
  const parts = /^kafka:\/\/([^/]+)\/([^/]+)$/i.exec(uri);
  if (parts === null) return undefined;
  const [, brokers, topic] = parts;
  const sound = brokers.split(',').every((broker) => {
    const port = BROKER.exec(broker)?.[1];
    return port !== undefined && Number(port) <= 65535;
  });
  return sound && TOPIC.test(topic) ? { brokers, topic } : undefined;
}
