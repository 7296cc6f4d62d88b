import { expect } from 'chai';
import { ACK, FLAGS_UNKNOWN, GRADE, PSH, RST, SYN, TCP } from '../../pipeline/codes.js';
import { gradeBatch } from '../../transforms/established.js';
import { compact, selectedRows } from '../../pipeline/flow-batch.js';
import { batchOf } from '../pipeline/flow-rows.js';

const FLOW = { src: '192.0.2.1', dst: '203.0.113.1', protocol: TCP, packets: 1, bytes: 40 };

describe('gradeBatch', () => {
  it('keeps graded TCP rows, attempts included, and counts what it drops', () => {
    const batch = batchOf(4, [
      { ...FLOW, tcpFlags: ACK | PSH, srcPort: 1 },
      { ...FLOW, protocol: 17, tcpFlags: ACK | PSH },
      { ...FLOW, tcpFlags: FLAGS_UNKNOWN },
      { ...FLOW, tcpFlags: SYN, srcPort: 2 },
      { ...FLOW, protocol: 1, tcpFlags: FLAGS_UNKNOWN },
      { ...FLOW, tcpFlags: RST | ACK, srcPort: 3 },
      { ...FLOW, tcpFlags: FLAGS_UNKNOWN, evidence: GRADE.medium, srcPort: 4 },
      { ...FLOW, tcpFlags: 0, packets: 4, bytes: 400, srcPort: 5 },
      { ...FLOW, tcpFlags: SYN | ACK, srcPort: 6 },
    ]);
    const { kept: narrowed, notTcp, unknown } = gradeBatch(batch);
    const kept = compact(narrowed);
    expect({ notTcp, unknown, rows: kept.rows }).to.deep.equal({ notTcp: 2, unknown: 1, rows: 6 });
    expect([...kept.columns.srcPort]).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect([...kept.columns.grade]).to.deep.equal([
      GRADE.strong,
      GRADE.attempt,
      GRADE.attempt,
      GRADE.medium,
      GRADE.medium,
      GRADE.answered,
    ]);
  });

  it('copies nothing', () => {
    const batch = batchOf(6, [{ ...FLOW, src: '2001:db8::1', dst: '2001:db8::2', tcpFlags: SYN }]);
    expect(gradeBatch(batch).kept.columns).to.equal(batch.columns);
  });

  it('knows the empty batch', () => {
    const { kept, notTcp, unknown } = gradeBatch(batchOf(4, []));
    expect([selectedRows(kept), notTcp, unknown]).to.deep.equal([0, 0, 0]);
  });
});
