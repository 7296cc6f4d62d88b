/**
 * Coders of what crosses Beam's boundaries.
 *
 * Fault: the general object coder cuts integers to 32 bits and loses typed arrays. So every value
 * here is bytes or JSON text. Fault: `reader.bytes()` gives a Buffer whose `slice` shares memory;
 * the frames' reader copies, which also aligns.
 */
import './prepare.js';
import 'apache-beam';
import { globalRegistry, type Coder } from 'apache-beam/coders/coders';
import { KVCoder } from 'apache-beam/coders/required_coders';
import { StrUtf8Coder } from 'apache-beam/coders/standard_coders';
import type { Reader, Writer } from 'protobufjs';
import type { Coder as CoderProto } from 'apache-beam/proto/beam_runner_api';
import {
  decodeConversationBatch,
  encodeConversationBatch,
  type ConversationBatch,
} from '../pipeline/conversation-batch.js';
import { decodeChunk, encodeChunk, type Chunk } from '../pipeline/chunk.js';
import { decodeFlowBatch, encodeFlowBatch, type FlowBatch } from '../pipeline/flow-batch.js';

/** A coder whose URN says all there is to say. */
abstract class PlainCoder<T> implements Coder<T> {
  abstract readonly urn: string;
  abstract encode(element: T, writer: Writer): void;
  abstract decode(reader: Reader): T;

  toProto(): CoderProto {
    return { spec: { urn: this.urn, payload: new Uint8Array() }, componentCoderIds: [] };
  }
}

class FlowBatchCoder extends PlainCoder<FlowBatch> {
  static readonly URN = 'flowsieve:coder:flow-batch:v1';
  readonly urn = FlowBatchCoder.URN;

  encode(element: FlowBatch, writer: Writer): void {
    writer.bytes(encodeFlowBatch(element));
  }

  decode(reader: Reader): FlowBatch {
    return decodeFlowBatch(reader.bytes());
  }
}

class ConversationBatchCoder extends PlainCoder<ConversationBatch> {
  static readonly URN = 'flowsieve:coder:conversation-batch:v1';
  readonly urn = ConversationBatchCoder.URN;

  encode(element: ConversationBatch, writer: Writer): void {
    writer.bytes(encodeConversationBatch(element));
  }

  decode(reader: Reader): ConversationBatch {
    return decodeConversationBatch(reader.bytes());
  }
}

class ChunkCoder extends PlainCoder<Chunk> {
  static readonly URN = 'flowsieve:coder:chunk:v1';
  readonly urn = ChunkCoder.URN;

  encode(element: Chunk, writer: Writer): void {
    writer.bytes(encodeChunk(element));
  }

  decode(reader: Reader): Chunk {
    return decodeChunk(reader.bytes());
  }
}

/** Plain JSON values; no `undefined`, no numbers beyond 2^53. */
class JsonCoder extends PlainCoder<unknown> {
  static readonly URN = 'flowsieve:coder:json:v1';
  readonly urn = JsonCoder.URN;

  encode(element: unknown, writer: Writer): void {
    writer.string(JSON.stringify(element));
  }

  decode(reader: Reader): unknown {
    return JSON.parse(reader.string());
  }
}

for (const coder of [ChunkCoder, FlowBatchCoder, ConversationBatchCoder, JsonCoder]) {
  globalRegistry().register(coder.URN, coder);
}

export const chunkCoder = new ChunkCoder();
export const flowBatchCoder = new FlowBatchCoder();
export const conversationBatchCoder = new ConversationBatchCoder();
export const jsonCoder = new JsonCoder();

/** Coder of pairs with a string key, the only keys that are safe in this SDK. */
export function keyedCoder<T>(valueCoder: Coder<T>): Coder<{ key: string; value: T }> {
  return new KVCoder(new StrUtf8Coder(), valueCoder);
}
