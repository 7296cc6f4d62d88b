import { expect } from 'chai';
import fc from 'fast-check';
import {
  allocateFlowColumns,
  decodeFlowBatch,
  encodeFlowBatch,
  flowBatch,
  selectRows,
} from '../../pipeline/flow-batch.js';
import type { FlowBatch } from '../../pipeline/flow-batch.js';
import { readFrame, writeFrame } from '../../pipeline/frame.js';
import { refusesTruncations, sliceAtOddOffset, survivesBitFlips } from './hostile-bytes.js';
import { amongOthers } from './flow-rows.js';
import { flowBatches, withCustomerNames } from './random-batches.js';

/** A sound batch of at least one row, as bytes. */
function someBytes(): Uint8Array {
  const [batch] = fc.sample(
    flowBatches.filter(({ rows }) => rows > 2),
    { numRuns: 1, seed: 7 },
  );
  return encodeFlowBatch(batch);
}

describe('FlowBatch', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(flowBatches, (batch) => {
        const found = decodeFlowBatch(encodeFlowBatch(batch));
        expect(withCustomerNames(found)).to.deep.equal(withCustomerNames(batch));
        expect(decodeFlowBatch(encodeFlowBatch(found))).to.deep.equal(found);
      }),
    );
  });

  it('crosses the wire without the rows that are not selected', () => {
    fc.assert(
      fc.property(flowBatches, (batch) => {
        fc.pre(batch.rows > 0);
        const found = decodeFlowBatch(encodeFlowBatch(amongOthers(batch)));
        expect(withCustomerNames(found)).to.deep.equal(withCustomerNames(batch));
      }),
    );
  });

  it('comes back from a slice at an odd offset, without sharing its memory', () => {
    fc.assert(
      fc.property(flowBatches, (batch) => {
        const slice = sliceAtOddOffset(encodeFlowBatch(batch));
        const found = decodeFlowBatch(slice);
        slice.fill(0);
        expect(withCustomerNames(found)).to.deep.equal(withCustomerNames(batch));
      }),
    );
  });

  it('refuses bytes that end early or go on', () => {
    refusesTruncations(decodeFlowBatch, someBytes());
  });

  it('refuses flipped bits or reads a sound batch', () => {
    survivesBitFlips(flowBatches, encodeFlowBatch, decodeFlowBatch);
  });

  it('refuses random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => decodeFlowBatch(bytes)).to.throw(RangeError);
      }),
    );
  });

  const claims = [
    ['2^31 rows', { rows: 2 ** 31 }, 'row count 2147483648 is outside 0..4194304'],
    ['more rows than it has', { rows: 100_000 }, 'flow batch of 100000 rows has'],
    ['half a row', { rows: 0.5 }, 'row count 0.5 is outside'],
    ['no row count', { rows: null }, 'row count null is outside'],
    ['family 5', { family: 5 }, 'address family 5'],
    ['a dictionary of numbers', { sensors: [1] }, 'a dictionary is not an array of strings'],
    [
      'fewer sensors than it names',
      { sensors: [] },
      'column sensor: index 0 into a dictionary of 0',
    ],
  ] as const;
  for (const [name, change, message] of claims) {
    it(`refuses a header that claims ${name}, allocating nothing for it`, () => {
      const { header, body } = readFrame(someBytes(), 'FLOW', 1);
      const changed = { ...header, ...change };
      const bytes = writeFrame({ kind: 'FLOW', version: 1, header: changed, body });
      const before = process.memoryUsage().arrayBuffers;
      expect(() => decodeFlowBatch(bytes)).to.throw(RangeError, message);
      expect(process.memoryUsage().arrayBuffers - before).to.be.below(1 << 20);
    });
  }

  it('refuses codes above the greatest and numbers that are no time', () => {
    const columns = allocateFlowColumns(4, 1);
    const batch: FlowBatch = {
      family: 4,
      rows: 1,
      selection: undefined,
      sensors: ['s'],
      customers: [],
      columns,
    };
    for (const [name, value, message] of [
      ['grade', 5, 'column grade: value 5 is outside 0..4'],
      ['reason', 8, 'column reason: value 8 is outside 0..7'],
      ['endMs', NaN, 'column endMs: value NaN is outside'],
      ['packets', -1, 'column packets: value -1 is outside'],
      ['bytes', Infinity, 'column bytes: value Infinity is outside'],
    ] as const) {
      columns[name][0] = value;
      expect(() => decodeFlowBatch(encodeFlowBatch(batch))).to.throw(RangeError, message);
      columns[name][0] = 0;
    }
  });

  it('selects rows in the order asked for, of both families', () => {
    fc.assert(
      fc.property(flowBatches, fc.array(fc.nat(), { maxLength: 20 }), (batch, wanted) => {
        if (batch.rows === 0) return;
        const rows = wanted.map((n) => n % batch.rows);
        const found = selectRows(batch, Uint32Array.from(rows), rows.length);
        const width = batch.family === 4 ? 1 : 4;
        rows.forEach((row, i) => {
          expect(found.columns.endMs[i]).to.equal(batch.columns.endMs[row]);
          expect(found.columns.tcpFlags[i]).to.equal(batch.columns.tcpFlags[row]);
          expect(found.columns.grade[i]).to.equal(batch.columns.grade[row]);
          expect([...found.columns.dstAddr.subarray(i * width, (i + 1) * width)]).to.deep.equal([
            ...batch.columns.dstAddr.subarray(row * width, (row + 1) * width),
          ]);
        });
        const again = decodeFlowBatch(encodeFlowBatch(found));
        expect(withCustomerNames(again)).to.deep.equal(withCustomerNames(found));
      }),
    );
  });

  it('cuts longer columns to its rows', () => {
    const columns = allocateFlowColumns(6, 10);
    columns.srcAddr.fill(7);
    const batch = flowBatch(6, 3, ['s'], [], columns);
    expect(batch.columns.srcAddr.length).to.equal(12);
    expect(decodeFlowBatch(encodeFlowBatch(batch))).to.deep.equal(batch);
  });
});
