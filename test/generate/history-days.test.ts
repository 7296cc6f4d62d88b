import { expect } from 'chai';
import { PSH, TCP } from '../../pipeline/codes.js';
import {
  generateNetwork,
  WEEKLY_HISTORY,
  type Network,
} from '../../launch/generate/generate-network.js';
import { labelKey, type Label } from '../../launch/generate/label.js';
import type { Row } from '../../launch/generate/row.js';
import { SCENARIOS } from '../../launch/generate/scenarios/scenarios.js';
import { VOLUME_KINDS, type Sensor } from '../../launch/generate/topology.js';
import { labelsOf } from './sent-packets.js';

const OPTIONS = { seed: 31, flows: 30_000, hours: 24, historyDays: WEEKLY_HISTORY } as const;
const DAY = 86_400_000;

/** Distinct conversations with data that the sensor which sees all packets saw. */
function talks(rows: readonly Row[]): readonly Row[] {
  const first = new Map<string, Row>();
  for (const row of rows) {
    if (row.sensor !== 'core-1' || row.protocol !== TCP || (row.tcpFlags & PSH) === 0) continue;
    const ends = [`${row.srcIp} ${row.srcPort}`, `${row.dstIp} ${row.dstPort}`].sort();
    if (!first.has(ends.join(' '))) first.set(ends.join(' '), row);
  }
  return [...first.values()];
}

function between(rows: readonly Row[], ...addresses: readonly (string | null)[]): number {
  return rows.filter(({ srcIp, dstIp }) =>
    addresses.every((address) => address === srcIp || address === dstIp),
  ).length;
}

describe('history days', () => {
  let network: Network;
  let judged: readonly Row[];
  let earlier: readonly (readonly Row[])[];
  let judgedTalks: readonly Row[];
  let earlierTalks: readonly (readonly Row[])[];

  before(() => {
    network = generateNetwork(OPTIONS);
    judged = [...network.rows()];
    earlier = network.history.map((day) => [...day.rows()]);
    judgedTalks = talks(judged);
    earlierTalks = earlier.map(talks);
  });

  it('are the days that were asked for, oldest first, each within its UTC day', () => {
    expect(network.history.map(({ day }) => day)).to.deep.equal([
      '2025-02-03',
      '2025-02-10',
      '2025-02-17',
      '2025-02-24',
    ]);
    const days = [...network.history, network];
    [...earlier, judged].forEach((rows, i) => {
      const { startMs, endMs } = days[i];
      expect(endMs - startMs).to.equal(DAY);
      expect(rows.every((row) => row.startMs >= startMs && row.endMs < endMs)).to.equal(true);
    });
  });

  it('are the same for a seed, and differ from each other', () => {
    const again = generateNetwork(OPTIONS);
    expect(again.files).to.deep.equal(network.files);
    expect([...again.history[1].rows()]).to.deep.equal(earlier[1]);
    expect([...again.rows()]).to.deep.equal(judged);
    const ordinary = (rows: readonly Row[]): readonly string[] =>
      rows.slice(0, 200).map(({ srcIp, dstIp, srcPort }) => `${srcIp} ${dstIp} ${srcPort}`);
    expect(ordinary(earlier[0])).to.not.deep.equal(ordinary(earlier[1]));
  });

  it('have about as many records as were asked for', () => {
    for (const rows of [...earlier, judged]) {
      expect(rows.length).to.be.within(OPTIONS.flows * 0.9, OPTIONS.flows * 1.2);
    }
  });

  it('plant every scenario, and label nothing twice', () => {
    const planted = new Set(network.labels.map(({ scenario }) => scenario));
    for (const { id } of SCENARIOS) expect(planted.has(id), id).to.equal(true);
    const keys = network.labels.map(labelKey);
    expect(new Set(keys).size).to.equal(keys.length);
    expect(network.labels.every(({ day }) => day === '2025-03-03')).to.equal(true);
  });

  for (const [scenario, usual, now] of [
    ['ten-times-as-many', 30, 300],
    ['a-twentieth', 300, 15],
    ['a-third-more', 60, 78],
    ['from-one-to-four', 1, 4],
  ] as const) {
    it(`${scenario}: ${usual} conversations a day, then ${now}`, () => {
      const labels = labelsOf(network.labels, 'volume-change', scenario);
      expect(labels.length).to.equal(9);
      for (const { network: prefix, country, port } of VOLUME_KINDS) {
        const own = labels.filter(({ subject }) =>
          [`network:${prefix}`, `country:${country}`, `service:${port}/tcp`].includes(
            subject ?? '',
          ),
        );
        if (own.length === 0) continue;
        expect(own.length).to.equal(3);
        expect(new Set(own.map(({ oneOf }) => oneOf)).size).to.equal(1);
        const start = prefix.replace(/0\/24$/, '');
        const count = (rows: readonly Row[]): number =>
          rows.filter(({ srcIp, dstIp }) => srcIp.startsWith(start) || dstIp.startsWith(start))
            .length;
        expect(earlierTalks.map(count)).to.deep.equal([usual, usual, usual, usual]);
        expect(count(judgedTalks)).to.equal(now);
      }
    });
  }

  it('repeat the relations of filters that judge single conversations', () => {
    const single = network.labels.filter(
      ({ filter, expect: what, scenario }) =>
        (what === 'finding' && filter === 'sanctioned-country') ||
        (filter === 'known-bad-remote' && scenario === 'campaign'),
    );
    expect(single.length).to.be.above(20);
    for (const { customerAddress, remoteAddress } of single) {
      const now = between(judgedTalks, customerAddress, remoteAddress);
      expect(now).to.be.above(0);
      for (const rows of earlierTalks) {
        expect(between(rows, customerAddress, remoteAddress)).to.equal(now);
      }
    }
  });

  it('never show the receivers that must be strange, nor the candidates for C2s', () => {
    const sendersOf = (scenario: string): readonly Label[] =>
      labelsOf(network.labels, 'insecure-service-outbound', scenario);
    const remotesOf = (rows: readonly Row[], address: string | null): ReadonlySet<string> =>
      new Set(
        rows
          .filter(({ srcIp, dstPort }) => srcIp === address && dstPort === 443)
          .map(({ dstIp }) => dstIp),
      );
    for (const { customerAddress } of sendersOf('telnet-sends')) {
      const now = [...remotesOf(judged, customerAddress)];
      expect(now.length).to.equal(3);
      for (const rows of earlier) {
        const then = remotesOf(rows, customerAddress);
        expect(then.size).to.equal(3);
        expect(now.some((remote) => then.has(remote))).to.equal(false);
      }
    }
    for (const { customerAddress } of sendersOf('known-receivers')) {
      const now = remotesOf(judged, customerAddress);
      for (const rows of earlier) expect(remotesOf(rows, customerAddress)).to.deep.equal(now);
    }
    const candidates = network.labels.filter(
      (label) => label.filter === 'c2-candidate' && label.expect === 'finding',
    );
    for (const { remoteAddress } of candidates) {
      expect(between(judgedTalks, remoteAddress)).to.be.above(3);
      for (const rows of earlierTalks) expect(between(rows, remoteAddress)).to.equal(0);
    }
  });

  it('show wrongly listed addresses that clients of all customers use', () => {
    const labels = labelsOf(network.labels, 'known-bad-remote', 'shared-in-effect');
    expect(new Set(labels.map(({ customer }) => customer)).size).to.equal(5);
    for (const address of new Set(labels.map(({ remoteAddress }) => remoteAddress))) {
      for (const rows of [...earlierTalks, judgedTalks]) {
        expect(between(rows, address)).to.equal(50);
      }
    }
  });

  it('have as much ordinary traffic as the judged day', () => {
    const planted = new Set(
      VOLUME_KINDS.map(({ network: prefix }) => prefix.replace(/0\/24$/, '')),
    );
    const ordinary = (rows: readonly Row[]): number =>
      rows.filter(
        ({ srcIp, dstIp }) =>
          ![srcIp, dstIp].some((address) => planted.has(address.replace(/\d+$/, ''))),
      ).length;
    const now = ordinary(judgedTalks);
    for (const rows of earlierTalks) expect(ordinary(rows) / now).to.be.within(0.93, 1.07);
  });

  it('have sensors that come, go and change their rate, with labels that say so', () => {
    const sensorsOf = (rows: readonly Row[]): readonly string[] =>
      [...new Set(rows.map(({ sensor, samplingRate }) => `${sensor} ${samplingRate}`))].sort();
    const steady = ['core-1 1', 'core-2 1', 'edge-1 10', 'edge-2 1000'];
    expect(sensorsOf(judged)).to.deep.equal([...steady, 'edge-3 1', 'edge-5 10']);
    for (const rows of earlier) {
      expect(sensorsOf(rows)).to.deep.equal([...steady, 'edge-4 1', 'edge-5 1']);
    }
    const labels = network.labels.filter(({ scenario }) => scenario.startsWith('sensor-'));
    expect(labels.map(({ subject }) => subject)).to.deep.equal([
      'sensor:edge-3 1/1',
      'sensor:edge-4 1/1',
      'sensor:edge-5 1/1',
      'sensor:edge-5 1/10',
    ]);
  });

  it('have the same traffic, whatever the sensors see of it', () => {
    const one = (samplingRate: number): Sensor => ({
      id: 'one',
      address: '192.0.2.1',
      samplingRate,
      activeTimeoutMs: 60_000,
      clockOffsetMs: 0,
      customers: undefined,
    });
    const packets = (samplingRate: number): number => {
      const sampled = generateNetwork({ ...OPTIONS, sensors: [one(samplingRate)] });
      expect(sampled.labels.some(({ scenario }) => scenario.startsWith('sensor-'))).to.equal(false);
      let sum = 0;
      for (const row of sampled.rows()) {
        if (row.samplingRate === samplingRate) sum += row.packets * samplingRate;
      }
      return sum;
    };
    const all = packets(1);
    expect(packets(100) / all).to.be.within(0.98, 1.02);
    expect(packets(10_000) / all).to.be.within(0.85, 1.15);
  });
});
