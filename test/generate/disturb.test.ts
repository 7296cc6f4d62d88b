import { expect } from 'chai';
import { GRADE, TCP } from '../../pipeline/codes.js';
import {
  duplicateSensors,
  redeliver,
  shuffleRows,
  swapAtRandom,
  swappable,
} from '../../launch/generate/disturb.js';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { Random } from '../../launch/generate/random.js';
import type { Row } from '../../launch/generate/row.js';
import { gradeRecord } from '../../transforms/established/grade.js';
import {
  orientRecord,
  orientationReason,
  clientSide,
} from '../../transforms/orient/orientation.js';

const SYN = 2;
const SWAPPABLE = [
  { what: 'SYN alone', tcpFlags: SYN, packets: 3, expected: false },
  { what: 'SYN and RST', tcpFlags: 6, packets: 2, expected: false },
  { what: 'RST alone', tcpFlags: 4, packets: 1, expected: false },
  { what: 'SYN+ACK, one packet', tcpFlags: 18, packets: 1, expected: false },
  { what: 'SYN+ACK, retransmitted', tcpFlags: 18, packets: 3, expected: false },
  { what: 'RST+ACK', tcpFlags: 20, packets: 1, expected: false },
  { what: 'ACK alone', tcpFlags: 16, packets: 1, expected: true },
  { what: 'data', tcpFlags: 24, packets: 1, expected: true },
  { what: 'a whole direction', tcpFlags: 27, packets: 9, expected: true },
  { what: 'a whole direction that was reset', tcpFlags: 30, packets: 9, expected: true },
] as const;

const plain = ({ exportedMs, ...row }: Row): string => JSON.stringify([row, exportedMs]);
const rows = [...generateNetwork({ seed: 4, flows: 8_000, hours: 2 }).rows()];

describe('disturbing rows', () => {
  for (const { what, tcpFlags, packets, expected } of SWAPPABLE) {
    it(`${expected ? 'may' : 'must not'} swap ${what}`, () => {
      expect(swappable({ ...rows[0], protocol: TCP, tcpFlags, packets })).to.equal(expected);
    });
  }

  it('swaps half of what may be swapped, and nothing else about them', () => {
    const swapped = swapAtRandom(rows, new Random(1));
    let changed = 0;
    rows.forEach((row, i) => {
      const other = swapped[i];
      if (plain(other) === plain(row)) return;
      changed++;
      expect(swappable(row)).to.equal(true);
      const back = { ...other, srcIp: other.dstIp, dstIp: other.srcIp };
      expect(plain({ ...back, srcPort: other.dstPort, dstPort: other.srcPort })).to.equal(
        plain(row),
      );
    });
    expect(changed / rows.filter(swappable).length).to.be.within(0.45, 0.55);
  });

  it('swaps only records whose sender decides neither grade nor side', () => {
    for (const row of rows.filter((each) => each.protocol === TCP && swappable(each))) {
      const { tcpFlags, packets, bytes, srcPort, dstPort } = row;
      expect(gradeRecord(0, tcpFlags, packets, bytes)).to.be.at.least(GRADE.medium);
      const before = orientRecord(0, tcpFlags, packets, srcPort, dstPort);
      const after = orientRecord(0, tcpFlags, packets, dstPort, srcPort);
      expect(orientationReason(after)).to.equal(orientationReason(before));
      if (clientSide(before) !== 0) expect(clientSide(after)).to.equal(3 - clientSide(before));
    }
  });

  it('swaps copies of a record alike', () => {
    const twice = swapAtRandom(redeliver(rows), new Random(2));
    for (let i = 0; i < twice.length; i += 2) expect(plain(twice[i])).to.equal(plain(twice[i + 1]));
  });

  it('shuffles without losing any', () => {
    const shuffled = shuffleRows(rows, new Random(3)).map(plain);
    expect(shuffled).to.not.deep.equal(rows.map(plain));
    expect(shuffled.toSorted()).to.deep.equal(rows.map(plain).toSorted());
  });

  it('duplicates sensors under another name', () => {
    const twice = duplicateSensors(rows);
    expect(twice.length).to.equal(2 * rows.length);
    expect(twice[1]).to.deep.equal({ ...rows[0], sensor: `${rows[0].sensor}-copy` });
  });
});
