import { expect } from 'chai';
import { addressOf } from '../../pipeline/address.js';
import { planFilters } from '../../filters/policies.js';
import { parseSuppressions } from '../../filters/suppression.js';
import { parse as parseYaml } from 'yaml';
import { ACK, PSH, SYN } from '../../pipeline/codes.js';
import { generateNetwork, type Network } from '../../launch/generate/generate-network.js';
import { labelKey, type Label } from '../../launch/generate/label.js';
import type { Row } from '../../launch/generate/row.js';
import { SCENARIOS } from '../../launch/generate/scenarios/scenarios.js';
import { SENSORS } from '../../launch/generate/topology.js';

const OPTIONS = { seed: 11, flows: 20_000, hours: 24 } as const;
const FILTERS = [
  'anonymizer',
  'c2-candidate',
  'honeypot-contact',
  'insecure-remote-service',
  'insecure-service-outbound',
  'known-bad-remote',
  'policy-violation',
  'sanctioned-country',
  'targeted-by-threat',
  'unpublicized-remote',
] as const;

describe('generateNetwork', () => {
  let network: Network;
  let rows: readonly Row[];

  before(() => {
    network = generateNetwork(OPTIONS);
    rows = [...network.rows()];
  });

  it('gives the same network for a seed, and each time its rows are read', () => {
    const again = generateNetwork(OPTIONS);
    expect(again.files).to.deep.equal(network.files);
    expect([...again.rows()]).to.deep.equal(rows);
    expect([...network.rows()].length).to.equal(rows.length);
    const other = generateNetwork({ ...OPTIONS, seed: 12 });
    expect([...other.rows()].slice(0, 100)).to.not.deep.equal(rows.slice(0, 100));
  });

  it('comes close to the number of flows that was asked for', () => {
    expect(rows.length).to.be.within(OPTIONS.flows, OPTIONS.flows * 1.02);
  });

  it('has only rows that a sensor could have exported', () => {
    for (const row of rows) {
      expect(addressOf(row.srcIp)?.family).to.equal(addressOf(row.dstIp)?.family);
      expect(row.packets).to.be.at.least(1);
      expect(row.bytes).to.be.at.least(row.packets * 28);
      expect(row.endMs).to.be.at.least(row.startMs);
      expect(row.exportedMs).to.be.at.least(row.endMs);
      expect(row.endMs).to.be.within(network.startMs - 1000, network.endMs + 1000);
      const sensor = SENSORS.find(({ id }) => id === row.sensor);
      expect(row.samplingRate).to.equal(sensor?.samplingRate);
      expect(row.endMs - row.startMs).to.be.at.most((sensor?.activeTimeoutMs ?? 0) + 1);
    }
  });

  it('is late, repeated, and seen by several sensors', () => {
    const lateness = rows.map(({ exportedMs, endMs }) => exportedMs - endMs);
    expect(Math.max(...lateness)).to.be.above(60_000);
    const texts = rows.map((row) => JSON.stringify({ ...row, exportedMs: 0 }));
    expect(new Set(texts).size).to.be.below(texts.length);
    expect(new Set(rows.map(({ sensor }) => sensor)).size).to.equal(SENSORS.length);
  });

  it('plants every scenario with every filter having risks and near-misses', () => {
    const planted = new Set(network.labels.map(({ scenario }) => scenario));
    for (const { id, needsHistory = false } of SCENARIOS) {
      expect(planted.has(id), id).to.equal(!needsHistory);
    }
    for (const filter of FILTERS) {
      const of = network.labels.filter((label) => label.filter === filter);
      expect(of.filter(({ expect: what }) => what === 'finding').length, filter).to.be.at.least(3);
      expect(of.filter(({ expect: what }) => what === 'nothing').length, filter).to.be.at.least(3);
    }
  });

  it('labels nothing twice, and no near-miss as a risk', () => {
    const keys = network.labels.map(labelKey);
    expect(new Set(keys).size).to.equal(keys.length);
    const whom = ({ filter, customer, customerAddress, remoteAddress, day }: Label): string =>
      [filter, customer, customerAddress, remoteAddress, day].join(' ');
    const risks = new Set(
      network.labels.filter(({ expect: what }) => what === 'finding').map(whom),
    );
    for (const label of network.labels) {
      expect(label.indicator === '', label.scenario).to.equal(label.expect === 'nothing');
      if (label.expect === 'nothing')
        expect(risks.has(whom(label)), label.scenario).to.equal(false);
    }
  });

  it('gives no two scenarios the same address', () => {
    const users = new Map<string, string>();
    for (const { customerAddress, remoteAddress, scenario } of network.labels) {
      for (const address of [customerAddress, remoteAddress]) {
        if (address === null) continue;
        const user = users.get(address) ?? scenario;
        expect(user, `${address} of ${user} and ${scenario}`).to.equal(scenario);
        users.set(address, scenario);
      }
    }
  });

  it('shows every risk to the sensor that sees all packets, with data in both directions', () => {
    const core = rows.filter(({ sensor }) => sensor === 'core-1');
    for (const label of network.labels) {
      const { customerAddress, remoteAddress, expect: what } = label;
      if (customerAddress === null || remoteAddress === null) continue;
      const out = core.filter(
        (row) => row.srcIp === customerAddress && row.dstIp === remoteAddress,
      );
      const back = core.filter(
        (row) => row.srcIp === remoteAddress && row.dstIp === customerAddress,
      );
      expect(out.length + back.length, label.scenario).to.be.above(0);
      if (what === 'nothing') continue;
      const data = ({ tcpFlags }: Row): boolean => (tcpFlags & (PSH | ACK)) === (PSH | ACK);
      expect(out.some(data), label.scenario).to.equal(true);
      expect(back.some(data), label.scenario).to.equal(true);
    }
  });

  it('samples without bias: counts times rate agree with the sensor that sees all', () => {
    const sensors = SENSORS.filter(({ id }) => id === 'core-1').concat(
      [10, 100].map((samplingRate) => ({
        ...SENSORS[0],
        id: `one-in-${samplingRate}`,
        samplingRate,
      })),
    );
    const sampled = generateNetwork({ ...OPTIONS, flows: 60_000, sensors });
    const packets = new Map<string, number>();
    // Without the giants, whose few counts would decide alone.
    for (const row of sampled.rows()) {
      if (row.packets * row.samplingRate > 20_000 || row.protocol !== 17) continue;
      packets.set(row.sensor, (packets.get(row.sensor) ?? 0) + row.packets * row.samplingRate);
    }
    const all = packets.get('core-1') ?? 0;
    expect(all).to.be.above(100_000);
    expect((packets.get('one-in-10') ?? 0) / all).to.be.within(0.97, 1.03);
    expect((packets.get('one-in-100') ?? 0) / all).to.be.within(0.9, 1.1);
  });

  it('shows attempts as SYN without ACK', () => {
    const attempt = network.labels.find(({ scenario }) => scenario === 'unanswered');
    const seen = rows.filter(({ dstIp }) => dstIp === attempt?.remoteAddress);
    expect(seen.length).to.be.above(0);
    expect(seen.every(({ tcpFlags }) => tcpFlags === SYN)).to.equal(true);
  });

  it('writes a configuration, policies and suppressions that are valid', () => {
    const text = (path: string): string =>
      network.files.find((file) => file.path === path)?.text ?? '';
    const config = parseYaml(text('flowsieve.yaml')) as { filters: unknown; policies: unknown };
    expect(planFilters(config.filters, config.policies).problems).to.deep.equal([]);
    const { entries, problems } = parseSuppressions(text('suppressions.yaml'));
    expect(problems).to.deep.equal([]);
    expect(entries.length).to.be.above(0);
  });

  for (const [name, options] of [
    ['seed', { ...OPTIONS, seed: -1 }],
    ['flows', { ...OPTIONS, flows: 0.5 }],
    ['hours', { ...OPTIONS, hours: 0 }],
    ['start', { ...OPTIONS, startMs: 1 }],
    ['history day', { ...OPTIONS, historyDays: [7, 7] }],
    ['history days', { ...OPTIONS, hours: 12, historyDays: [7] }],
    ['midnight', { ...OPTIONS, startMs: 3_600_000, historyDays: [7] }],
  ] as const) {
    it(`refuses a wrong ${name}`, () => {
      expect(() => generateNetwork(options)).to.throw(RangeError, name);
    });
  }
});
