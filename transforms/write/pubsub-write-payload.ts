/**
 * What `beam:transform:pubsub_write:v1` has for a payload: org.apache.beam.model.pipeline.v1
 * PubSubWritePayload, which the SDK's protos of 2.49 leave out.
 */
import protobuf from 'protobufjs';

/** Field 1, length-delimited: the topic, `projects/P/topics/T`. */
const TOPIC = (1 << 3) | 2;

/** The payload that writes serialised PubsubMessages to `topic`. */
export function pubsubWritePayload(topic: string): Uint8Array {
  return protobuf.Writer.create().uint32(TOPIC).string(topic).finish();
}
