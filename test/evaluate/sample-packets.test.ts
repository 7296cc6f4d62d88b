import { expect } from 'chai';
import {
  ACK,
  DESTINATION,
  FIN,
  FLAGS_UNKNOWN,
  GRADE,
  NO_SIDE,
  PSH,
  RST,
  SOURCE,
  SYN,
  TCP,
} from '../../pipeline/codes.js';
import { gradeRecord } from '../../transforms/established/grade.js';
import { samplePackets, type RecordedFlow } from '../../launch/evaluate/sample-packets.js';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { Random } from '../../launch/generate/random.js';
import type { Sensor } from '../../launch/generate/topology.js';

const FLOW: RecordedFlow = {
  srcPort: 50_000,
  dstPort: 443,
  protocol: TCP,
  startMs: 1_000,
  endMs: 61_000,
  packets: 20,
  bytes: 4_000,
  tcpFlags: SYN | ACK | PSH | FIN,
  evidence: 0,
  initiator: NO_SIDE,
};

/** Flags of all that is left of a flow in many turns, each with how often. */
function flagsLeft(flow: RecordedFlow, rate: number, turns = 20_000): ReadonlyMap<number, number> {
  const random = new Random(7);
  const counts = new Map<number, number>();
  for (let turn = 0; turn < turns; turn++) {
    const sampled = samplePackets(flow, rate, random);
    if (sampled === undefined) continue;
    counts.set(sampled.tcpFlags, (counts.get(sampled.tcpFlags) ?? 0) + 1);
  }
  return counts;
}

describe('samplePackets', () => {
  it('takes all of it at 1 in 1', () => {
    expect(samplePackets(FLOW, 1, new Random(1))).to.deep.include({
      packets: FLOW.packets,
      bytes: FLOW.bytes,
      tcpFlags: FLOW.tcpFlags,
      startMs: FLOW.startMs,
      endMs: FLOW.endMs,
    });
  });

  it('takes packets, each with the same probability', () => {
    const random = new Random(3);
    let packets = 0;
    let seen = 0;
    for (let turn = 0; turn < 20_000; turn++) {
      const sampled = samplePackets(FLOW, 10, random);
      packets += sampled?.packets ?? 0;
      if (sampled !== undefined) seen++;
    }
    // 400,000 packets: 40,000 expected, standard deviation 190. Seen: 1 - 0.9^20 = 0.878.
    expect(packets).to.be.within(39_000, 41_000);
    expect(seen / 20_000).to.be.closeTo(0.878, 0.012);
  });

  it('stays within the time of the flow, as whole milliseconds', () => {
    const random = new Random(5);
    for (let turn = 0; turn < 2_000; turn++) {
      const sampled = samplePackets(FLOW, 8, random);
      if (sampled === undefined) continue;
      expect(sampled.startMs).to.be.within(FLOW.startMs, sampled.endMs);
      expect(sampled.endMs).to.be.at.most(FLOW.endMs);
      expect(Number.isInteger(sampled.startMs) && Number.isInteger(sampled.endMs)).to.equal(true);
    }
  });

  it('leaves mostly ACK, seldom an end, at most one SYN of a client', () => {
    const left = flagsLeft(FLOW, 1_000);
    const share = (flags: number): number => (left.get(flags) ?? 0) / 400;
    // One packet each of 18 between (5 of them pushed), 1 at the start, 1 at the end; 20 turns of 1,000.
    expect(share(ACK)).to.be.closeTo(13 / 20, 0.15);
    expect(share(ACK | PSH)).to.be.closeTo(5 / 20, 0.1);
    expect(share(SYN)).to.be.closeTo(1 / 20, 0.05);
    expect(share(ACK | FIN)).to.be.closeTo(1 / 20, 0.05);
  });

  const sides = [
    { what: 'the lower port', flow: { ...FLOW, srcPort: 443, dstPort: 50_000 } },
    { what: 'the record', flow: { ...FLOW, initiator: DESTINATION } },
  ] as const;
  for (const { what, flow } of sides) {
    it(`a server's first packet has ACK: ${what} says who it is`, () => {
      const left = flagsLeft(flow, 1_000);
      expect(left.has(SYN)).to.equal(false);
      expect(left.get(SYN | ACK)).to.be.greaterThan(0);
    });
  }

  const alike = [
    { what: 'repeated SYNs', tcpFlags: SYN, packets: 3 },
    { what: 'one packet of a whole connection', tcpFlags: SYN | ACK | PSH | FIN, packets: 1 },
    { what: 'a record without flags', tcpFlags: 0, packets: 5 },
    { what: 'unknown flags', tcpFlags: FLAGS_UNKNOWN, packets: 5 },
  ] as const;
  for (const { what, ...change } of alike) {
    it(`keeps the flags of ${what}`, () => {
      expect([...flagsLeft({ ...FLOW, ...change }, 2).keys()]).to.deep.equal([change.tcpFlags]);
    });
  }

  it('never invents flags, however few packets carry them', () => {
    for (let tcpFlags = 0; tcpFlags < 32; tcpFlags++) {
      for (const packets of [0, 1, 2, 3, 4, 9]) {
        const flow = { ...FLOW, tcpFlags, packets };
        const whole = samplePackets(flow, 1, new Random(1));
        expect(whole?.tcpFlags, `${tcpFlags} of ${packets}`).to.equal(tcpFlags);
        for (const flags of flagsLeft(flow, 3, 500).keys()) expect(flags & ~tcpFlags).to.equal(0);
      }
    }
  });

  const proven = [
    [GRADE.strong, SOURCE, SYN | ACK | PSH],
    [GRADE.medium, NO_SIDE, ACK],
    [GRADE.answered, SOURCE, SYN],
    [GRADE.answered, DESTINATION, SYN | ACK],
    [GRADE.attempt, SOURCE, SYN],
    [GRADE.attempt, DESTINATION, RST | ACK],
    [0, SOURCE, FLAGS_UNKNOWN],
  ] as const;
  for (const [evidence, initiator, flags] of proven) {
    it(`evidence ${evidence} of side ${initiator} becomes flags ${flags}`, () => {
      const flow = { ...FLOW, tcpFlags: FLAGS_UNKNOWN, evidence, initiator };
      expect(samplePackets(flow, 1, new Random(1))?.tcpFlags).to.equal(flags);
    });
  }

  it('leaves as many records, of the same grades, as sensors that sample', () => {
    const whole = sensor('whole', 1);
    const sampling = sensor('sampling', 50);
    const network = generateNetwork({
      seed: 2,
      flows: 60_000,
      hours: 24,
      sensors: [whole, sampling],
    });
    const random = new Random(9);
    const modelled = [0, 0, 0, 0, 0];
    const observed = [0, 0, 0, 0, 0];
    for (const row of network.rows()) {
      if (row.protocol !== TCP) continue;
      if (row.sensor === sampling.id) {
        observed[gradeRecord(0, row.tcpFlags, row.packets, row.bytes)]++;
        continue;
      }
      const sampled = samplePackets({ ...row, evidence: 0, initiator: NO_SIDE }, 50, random);
      if (sampled === undefined) continue;
      modelled[gradeRecord(0, sampled.tcpFlags, sampled.packets, sampled.bytes)]++;
    }
    const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
    const told = `${modelled.join()} and ${observed.join()}`;
    expect(sum(modelled) / sum(observed), told).to.be.closeTo(1, 0.05);
    const share = (counts: readonly number[], grades: readonly number[]): number =>
      sum(grades.map((grade) => counts[grade])) / sum(counts);
    for (const grade of [GRADE.attempt, GRADE.answered]) {
      expect(share(modelled, [grade]), told).to.be.closeTo(share(observed, [grade]), 0.02);
    }
    // Who only receives pushes less than a quarter of its packets: some are strong that were medium.
    expect(share(modelled, [GRADE.strong]), told).to.be.closeTo(
      share(observed, [GRADE.strong]),
      0.15,
    );
  });
});

function sensor(id: string, samplingRate: number): Sensor {
  return {
    id,
    address: '192.0.2.1',
    samplingRate,
    activeTimeoutMs: 60_000,
    clockOffsetMs: 0,
    customers: undefined,
  };
}
