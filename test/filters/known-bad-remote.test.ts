import { expect } from 'chai';
import { allHits, fakeBatch, fakeReference, itFires, REMOTE } from './fixtures.js';

const ID = 'known-bad-remote';
const NETWORK = '203.0.113.0/24';

const reference = fakeReference({
  tags: {
    [REMOTE]: [
      ['c2', REMOTE],
      ['malware', NETWORK],
    ],
    '203.0.113.8': [['malware', NETWORK]],
    '203.0.113.9': [['phishing', '203.0.113.9']],
    '203.0.113.9:8443': [['c2', '203.0.113.9:8443']],
    '203.0.113.9:4444': [['c2', '203.0.113.9:4444']],
    '203.0.113.9:443': [['c2', '203.0.113.9:443']],
    '203.0.113.10': [['attacker', '203.0.113.10']],
    '203.0.113.11': [['vendor-x', NETWORK]],
    '203.0.113.12': [['shared', NETWORK]],
    '10.1.2.3': [['c2', '10.1.2.3']],
    '224.0.0.5': [['c2', '224.0.0.5']],
    '2001:db8::7': [['botnet', '2001:db8::7']],
    '[2001:db8::7]:443': [['c2', '[2001:db8::7]:443']],
  },
});

describe('known-bad-remote', () => {
  itFires(reference, [
    { name: 'client', conversation: {}, fires: [[ID, REMOTE, 'critical', 'high']] },
    {
      name: 'unknown side at low confidence',
      conversation: { role: 'unknown' },
      fires: [[ID, REMOTE, 'critical', 'low']],
    },
    { name: 'never where the customer is the server', conversation: { role: 'server' }, fires: [] },
    {
      name: 'a side known by the lower port alone is a step less sure',
      conversation: { reason: 'lowerPort' },
      fires: [[ID, REMOTE, 'critical', 'medium']],
    },
    {
      name: 'a prefix is a step less sure',
      conversation: { remote: '203.0.113.8' },
      fires: [[ID, NETWORK, 'high', 'medium']],
    },
    {
      name: 'ip:port over address',
      conversation: { remote: '203.0.113.9', remotePort: 8443 },
      fires: [[ID, '203.0.113.9:8443', 'critical', 'high']],
    },
    {
      name: 'another port of it is only the address',
      conversation: { remote: '203.0.113.9', remotePort: 8081 },
      fires: [[ID, '203.0.113.9', 'medium', 'high']],
    },
    {
      name: 'not a bare address that several organisations share',
      conversation: { shared: true },
      fires: [],
    },
    {
      name: 'but ip:port on a shared address, with only that evidence',
      conversation: { remote: '203.0.113.9', remotePort: 4444, shared: true },
      fires: [[ID, '203.0.113.9:4444', 'critical', 'high']],
    },
    {
      name: 'not ip:port on a shared address where the port serves everybody behind it',
      conversation: { remote: '203.0.113.9', remotePort: 8443, shared: true },
      fires: [],
    },
    {
      name: 'not ip:443 on a shared address',
      conversation: { remote: '203.0.113.9', shared: true },
      fires: [],
    },
    {
      name: 'not a category that is not chosen',
      conversation: { remote: '203.0.113.10' },
      fires: [],
    },
    {
      name: 'a category that a customer chooses',
      conversation: { remote: '203.0.113.10' },
      config: { policies: { acme: { [ID]: { categories: ['attacker'] } } } },
      fires: [[ID, '203.0.113.10', 'low', 'high']],
    },
    { name: 'not a policy tag', conversation: { remote: '203.0.113.11' }, fires: [] },
    { name: 'not shared infrastructure', conversation: { remote: '203.0.113.12' }, fires: [] },
    { name: 'not a private remote', conversation: { remote: '10.1.2.3' }, fires: [] },
    { name: 'not a multicast remote', conversation: { remote: '224.0.0.5' }, fires: [] },
    { name: 'not an unlisted remote', conversation: { remote: '192.0.2.1' }, fires: [] },
    { name: 'not an attempt', conversation: { grade: 'attempt' }, fires: [] },
    { name: 'not an answer alone', conversation: { grade: 'answered' }, fires: [] },
    { name: 'not an unknown grade', conversation: { grade: 'unknown' }, fires: [] },
    {
      name: 'a medium grade',
      conversation: { grade: 'medium' },
      fires: [[ID, REMOTE, 'critical', 'high']],
    },
    {
      name: 'IPv6 address and ip:port',
      conversation: { remote: '2001:db8::7' },
      fires: [[ID, '[2001:db8::7]:443', 'critical', 'high']],
    },
    {
      name: 'not where it is switched off',
      conversation: {},
      config: { filters: { [ID]: { enabled: false } } },
      fires: [],
    },
  ]);

  it('makes one hit of all feeds that list a remote, each with its evidence', () => {
    const feeds = ['e', 'd', 'c', 'b', 'a'];
    const listed = fakeReference({
      tags: {
        [REMOTE]: feeds.map((feed) => ({
          category: 'c2',
          feed,
          feedVersion: `version-${feed}`,
          entry: REMOTE,
          since: '2026-01-01T00:00:00Z',
        })),
      },
    });
    const hits = allHits(fakeBatch([{}], listed), listed);
    expect(hits).to.have.length(1);
    expect(hits[0].indicator).to.equal(REMOTE);
    expect(hits[0].evidence).to.deep.equal(
      feeds.map((feed) => ({
        type: 'list',
        feed,
        entry: REMOTE,
        category: 'c2',
        feedVersion: `version-${feed}`,
        since: '2026-01-01T00:00:00Z',
      })),
    );
  });
});
