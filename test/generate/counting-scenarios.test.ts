import { expect } from 'chai';
import { PSH } from '../../pipeline/codes.js';
import {
  generateNetwork,
  WEEKLY_HISTORY,
  type Network,
} from '../../launch/generate/generate-network.js';
import { labelsOf, probedBy, sentBy, type Sent } from './sent-packets.js';

/** Distinct targets that each customer address of a scenario must have probed. */
const PROBES = [
  ['silent-space', 100],
  ['unrouted-space', 30],
  ['reserved-space', 24],
  ['silent-ipv6', 25],
  ['all-day-long', 20],
  ['of-all-kinds', 22],
  ['half-as-many', 10],
  ['one-too-few-of-two-kinds', 19],
  ['publicized-targets', 40],
  ['backscatter-of-a-server', 0],
  ['backscatter-of-a-client', 0],
  ['scanned-from-silent-space', 0],
  ['talks-with-silent-space', 0],
] as const;

/** Distinct customer addresses that each remote of a scenario must have reached, by customer. */
const REACHES = [
  ['entered', 1],
  ['attempts-on-many', 12],
  ['attempts-on-just-enough', 5],
  ['attempts-by-c2', 6],
  ['mass-scanner', 6],
  ['too-few-attempts', 4],
] as const;

describe('scenarios of the filters that count', () => {
  let network: Network;
  let sent: readonly Sent[];
  const text = (path: string): string =>
    network.files.find((file) => file.path === path)?.text ?? '';
  const lines = (path: string): ReadonlySet<string> => new Set(text(path).split('\n'));

  before(() => {
    network = generateNetwork({ seed: 21, flows: 20_000, hours: 24 });
    sent = sentBy(network.rows());
  });

  for (const [scenario, targets] of PROBES) {
    it(`${scenario}: probes ${targets} addresses`, () => {
      const labels = labelsOf(network.labels, 'unpublicized-remote', scenario);
      expect(labels.length).to.equal(3);
      for (const { customerAddress } of labels) {
        expect(probedBy(customerAddress ?? '', sent).size).to.equal(targets);
      }
    });
  }

  it('lets no ordinary address probe nearly as many silent addresses as a scan', () => {
    const known = new Set(
      text('inventory.csv')
        .split('\n')
        .map((line) => line.slice(0, line.indexOf(','))),
    );
    const planted = new Set(network.labels.map(({ customerAddress }) => customerAddress));
    const ordinary = new Set(sent.map(({ from }) => from).filter((from) => !planted.has(from)));
    let most = 0;
    for (const address of ordinary) {
      if (!/^(?:198\.18\.(?:\d|[1-5]\d|6[0-3])\.|2001:db8:[ace]:)/.test(address)) continue;
      const silent = [...probedBy(address, sent)].filter((target) => !known.has(target));
      most = Math.max(most, silent.length);
    }
    expect(most).to.be.within(1, 12);
  });

  for (const [scenario, addresses] of REACHES) {
    it(`${scenario}: reaches ${addresses} addresses of a customer`, () => {
      const labels = labelsOf(network.labels, 'targeted-by-threat', scenario);
      const listed = new Set([...lines('attackers.txt'), ...lines('c2.txt')]);
      for (const { remoteAddress } of labels) {
        expect(listed.has(remoteAddress ?? '')).to.equal(true);
        const reached = new Set(
          sent.filter(({ from }) => from === remoteAddress).map(({ to }) => to),
        );
        const customers = labels.filter((label) => label.remoteAddress === remoteAddress).length;
        expect(reached.size / customers).to.equal(addresses);
      }
    });
  }

  it('tells targeted-by-threat of the listed C2 that known-bad-remote lets in', () => {
    const inbound = labelsOf(network.labels, 'known-bad-remote', 'inbound');
    for (const { remoteAddress, service } of inbound) {
      const [other] = labelsOf(network.labels, 'targeted-by-threat', 'inbound').filter(
        (label) => label.remoteAddress === remoteAddress,
      );
      expect(other).to.include({ expect: 'finding', customerAddress: null, service });
      expect(other.indicator).to.equal(remoteAddress);
    }
  });

  it('sends hundreds of megabytes from insecure services, and little from ordinary ones', () => {
    const bytesOf = (scenario: string): readonly number[] =>
      labelsOf(network.labels, 'insecure-service-outbound', scenario).map(({ customerAddress }) =>
        sent
          .filter(({ from }) => from === customerAddress)
          .reduce((sum, { bytes }) => sum + bytes, 0),
      );
    for (const scenario of ['telnet-sends', 'database-sends', 'unvisited-service', 'sound-service'])
      expect(Math.min(...bytesOf(scenario)), scenario).to.be.above(3e8);
    for (const scenario of ['ordinary-volume-of-telnet', 'reverse-shell', 'short-session'])
      expect(Math.max(...bytesOf(scenario)), scenario).to.be.below(1e7);
  });

  it('steers clients of two networks at least to one server that nobody lists', () => {
    const listed = new Set([...lines('c2.txt'), ...lines('malware.txt'), ...lines('clouds.txt')]);
    const c2 = lines('c2.txt');
    const data = sent.filter(({ flags }) => (flags & PSH) !== 0);
    const steered = new Set(data.filter(({ to }) => c2.has(to)).map(({ from }) => from));
    const found = network.labels.filter(
      (label) => label.filter === 'c2-candidate' && label.expect === 'finding',
    );
    expect(found.length).to.be.at.least(15);
    for (const { remoteAddress, scenario } of found) {
      expect(listed.has(remoteAddress ?? '')).to.equal(false);
      const clients = data.filter(({ to }) => to === remoteAddress).map(({ from }) => from);
      expect(new Set(clients).size, scenario).to.be.at.least(4);
      expect(
        clients.every((client) => steered.has(client)),
        scenario,
      ).to.equal(true);
      const networks = clients.map((client) =>
        client.includes(':') ? client.split(':', 3).join(':') : client.replace(/\.\d+$/, ''),
      );
      expect(new Set(networks).size, scenario).to.be.at.least(2);
    }
  });

  it('one-long-session: is one, of hours, with a network of which no earlier day has anything', () => {
    const days = { seed: 21, flows: 20_000, hours: 24, historyDays: WEEKLY_HISTORY };
    const { labels, history, ...judged } = generateNetwork(days);
    const networks = labelsOf(labels, 'volume-change', 'one-long-session')
      .filter(({ subject }) => subject?.startsWith('network:'))
      .map(({ subject }) => subject?.slice('network:'.length).replace(/0\/24$/, '') ?? '');
    expect(networks.length).to.equal(3);
    const now = [...judged.rows()].filter(({ sensor }) => sensor === 'core-1');
    for (const network of networks) {
      const own = now.filter(({ dstIp }) => dstIp.startsWith(network));
      expect(new Set(own.map(({ srcIp, srcPort }) => `${srcIp} ${srcPort}`)).size).to.equal(1);
      const windows = new Set(own.map(({ startMs }) => Math.floor(startMs / 300_000)));
      expect(windows.size).to.be.at.least(20);
      for (const day of history) {
        for (const { srcIp, dstIp } of day.rows()) {
          expect(srcIp.startsWith(network) || dstIp.startsWith(network)).to.equal(false);
        }
      }
    }
  });
});
