import { expect } from 'chai';
import fc from 'fast-check';
import {
  allocateConversations,
  decodeConversationBatch,
  encodeConversationBatch,
  type ConversationBatch,
} from '../../pipeline/conversation-batch.js';
import { readFrame, writeFrame } from '../../pipeline/frame.js';
import { refusesTruncations, sliceAtOddOffset, survivesBitFlips } from './hostile-bytes.js';
import { conversationBatches, withCustomerNames } from './random-batches.js';

/** A sound batch of at least one row, as bytes. */
function someBytes(): Uint8Array {
  const [batch] = fc.sample(
    conversationBatches.filter(({ rows }) => rows > 2),
    { numRuns: 1, seed: 7 },
  );
  return encodeConversationBatch(batch);
}

describe('ConversationBatch', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(conversationBatches, (batch) => {
        const found = decodeConversationBatch(encodeConversationBatch(batch));
        expect(withCustomerNames(found)).to.deep.equal(withCustomerNames(batch));
        expect(decodeConversationBatch(encodeConversationBatch(found))).to.deep.equal(found);
      }),
    );
  });

  it('comes back from a slice at an odd offset, without sharing its memory', () => {
    fc.assert(
      fc.property(conversationBatches, (batch) => {
        const slice = sliceAtOddOffset(encodeConversationBatch(batch));
        const found = decodeConversationBatch(slice);
        slice.fill(0);
        expect(withCustomerNames(found)).to.deep.equal(withCustomerNames(batch));
      }),
    );
  });

  it('refuses bytes that end early or go on', () => {
    refusesTruncations(decodeConversationBatch, someBytes());
  });

  it('refuses flipped bits or reads a sound batch', () => {
    survivesBitFlips(conversationBatches, encodeConversationBatch, decodeConversationBatch);
  });

  it('refuses random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => decodeConversationBatch(bytes)).to.throw(RangeError);
      }),
    );
  });

  const claims = [
    ['2^31 counter rows', { counterRows: 2 ** 31 }, 'counter row count 2147483648 is outside'],
    ['more counter rows than it has', { counterRows: 100_000 }, 'conversation batch has'],
    ['no reference version', { referenceVersion: 1 }, 'reference version is no string'],
    ['no customers', { customers: [] }, 'column customer: index 0 into a dictionary of 0'],
  ] as const;
  for (const [name, change, message] of claims) {
    it(`refuses a header that claims ${name}`, () => {
      const { header, body } = readFrame(someBytes(), 'CONV', 2);
      const changed = { ...header, ...change };
      const bytes = writeFrame({ kind: 'CONV', version: 2, header: changed, body });
      expect(() => decodeConversationBatch(bytes)).to.throw(RangeError, message);
    });
  }

  it('refuses counter rows that do not follow each other', () => {
    const { columns, counters } = allocateConversations(4, 2, 2);
    const batch: ConversationBatch = {
      family: 4,
      rows: 2,
      origin: { key: '0/0/4', revision: 1, part: 0 },
      counterRows: 2,
      sensors: ['s'],
      customers: ['c'],
      referenceVersion: '',
      columns,
      counters,
    };
    columns.counterStart.set([1, 0]);
    expect(() => decodeConversationBatch(encodeConversationBatch(batch))).to.throw(
      'column counterStart falls at row 1',
    );
    columns.counterStart.set([0, 3]);
    expect(() => decodeConversationBatch(encodeConversationBatch(batch))).to.throw(
      'column counterStart: index 3 into a dictionary of 3',
    );
  });
});
