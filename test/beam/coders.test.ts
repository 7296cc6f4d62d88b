import { expect } from 'chai';
import fc from 'fast-check';
import { Context, globalRegistry, type Coder } from 'apache-beam/coders/coders';
import protobuf from 'protobufjs';
import {
  chunkCoder,
  conversationBatchCoder,
  flowBatchCoder,
  jsonCoder,
  keyedCoder,
} from '../../beam/coders.js';
import type { Chunk } from '../../pipeline/chunk.js';
import { conversationBatches, flowBatches } from '../pipeline/random-batches.js';

/** Writes values one behind the other, so that each but the first lies at any offset of a pooled Buffer. */
function through<T>(coder: Coder<T>, values: readonly T[]): T[] {
  const writer = protobuf.Writer.create();
  writer.string('x');
  for (const value of values) coder.encode(value, writer, Context.needsDelimiters);
  const reader = protobuf.Reader.create(Buffer.from(writer.finish()));
  reader.string();
  const found = values.map(() => coder.decode(reader, Context.needsDelimiters));
  expect(reader.pos).to.equal(reader.len);
  return found;
}

/** The coder that a worker makes of a URN. */
function registered(urn: string): Coder<unknown> {
  return globalRegistry().getCoder(urn);
}

const CHUNK: Chunk = {
  input: { name: 'n', uri: 'ü', format: 'auto', sensor: '', samplingRate: 0, unknownFlags: 'keep' },
  uri: 'ü',
  format: 'csv',
  offset: 2 ** 40,
  preamble: Uint8Array.of(1),
  bytes: Uint8Array.of(2, 3),
};

describe('coders', () => {
  it('are found by their URN', () => {
    for (const coder of [chunkCoder, flowBatchCoder, conversationBatchCoder, jsonCoder]) {
      expect(registered(coder.urn)).to.be.instanceOf(coder.constructor);
      expect(coder.toProto().spec?.urn).to.equal(coder.urn);
    }
  });

  it('bring batches and chunks back, one behind the other', () => {
    const flows = fc.sample(
      flowBatches.filter(({ rows }) => rows > 5),
      { numRuns: 3, seed: 3 },
    );
    expect(through(registered(flowBatchCoder.urn), flows)).to.deep.equal(flows);
    const some = fc.sample(
      conversationBatches.filter(({ rows }) => rows > 5),
      { numRuns: 3, seed: 3 },
    );
    expect(through(registered(conversationBatchCoder.urn), some)).to.deep.equal(some);
    expect(through(registered(chunkCoder.urn), [CHUNK, CHUNK])).to.deep.equal([CHUNK, CHUNK]);
  });

  it('bring JSON back, with integers beyond 32 bits, that the SDK cuts', () => {
    const values = [2 ** 31, 2 ** 40, -1, 'ü', null, { a: [1.5, { b: true }] }, ''];
    expect(through(registered(jsonCoder.urn), values)).to.deep.equal(values);
    const pairs = [
      { key: 'ü', value: 2 ** 40 },
      { key: '', value: null },
    ];
    expect(through(keyedCoder(jsonCoder), pairs)).to.deep.equal(pairs);
  });
});
