import { expect } from 'chai';
import { allHits, fakeBatch, fakeReference, itFires, REMOTE, type FilterCase } from './fixtures.js';

const ID = 'policy-violation';

const reference = fakeReference({
  tags: {
    [REMOTE]: [['vendor-x', '203.0.113.0/24']],
    '203.0.113.9:8333': [['mining', '203.0.113.9:8333']],
  },
});

function banned(...rules: string[]): NonNullable<FilterCase['config']> {
  return { policies: { acme: { [ID]: { banned: rules } } } };
}

describe('policy-violation', () => {
  itFires(reference, [
    { name: 'nothing by default', conversation: {}, fires: [] },
    {
      name: 'tag',
      conversation: {},
      config: banned('tag:vendor-x'),
      fires: [[ID, 'tag:vendor-x', 'medium', 'high']],
    },
    {
      name: 'tag on a shared range, server',
      conversation: { shared: true, role: 'server' },
      config: banned('tag:vendor-x'),
      fires: [[ID, 'tag:vendor-x', 'medium', 'high']],
    },
    {
      name: 'tag of an ip:port',
      conversation: { remote: '203.0.113.9', remotePort: 8333 },
      config: banned('tag:mining'),
      fires: [[ID, 'tag:mining', 'medium', 'high']],
    },
    {
      name: 'not the tag of an ip:port where the remote is the client',
      conversation: { remote: '203.0.113.9', remotePort: 8333, role: 'server' },
      config: banned('tag:mining'),
      fires: [],
    },
    { name: 'not another tag', conversation: {}, config: banned('tag:vendor-y'), fires: [] },
    {
      name: 'tag where the side is unknown',
      conversation: { role: 'unknown' },
      config: banned('tag:vendor-x'),
      fires: [[ID, 'tag:vendor-x', 'medium', 'medium']],
    },
    {
      name: 'network, written with host bits',
      conversation: { remote: '203.0.113.8' },
      config: banned('203.0.113.99/24'),
      fires: [[ID, '203.0.113.0/24', 'medium', 'high']],
    },
    {
      name: 'last address of a network',
      conversation: { remote: '203.0.113.255' },
      config: banned('203.0.113.0/24'),
      fires: [[ID, '203.0.113.0/24', 'medium', 'high']],
    },
    {
      name: 'not the address after it',
      conversation: { remote: '203.0.114.0' },
      config: banned('203.0.113.0/24'),
      fires: [],
    },
    {
      name: 'the longest network',
      conversation: { remote: '203.0.113.70' },
      config: banned('203.0.113.0/24', '203.0.113.64/26', '203.0.0.0/16'),
      fires: [[ID, '203.0.113.64/26', 'medium', 'high']],
    },
    {
      name: 'the outer network behind an inner one',
      conversation: { remote: '203.0.113.130' },
      config: banned('203.0.113.64/26', '203.0.113.0/24'),
      fires: [[ID, '203.0.113.0/24', 'medium', 'high']],
    },
    {
      name: 'everything',
      conversation: { remote: '192.0.2.255' },
      config: banned('0.0.0.0/0'),
      fires: [[ID, '0.0.0.0/0', 'medium', 'high']],
    },
    {
      name: 'not a private remote, even of everything',
      conversation: { remote: '192.168.1.1' },
      config: banned('0.0.0.0/0', 'tcp/443'),
      fires: [],
    },
    {
      name: 'IPv6 network',
      conversation: { remote: '2001:db8:5::1' },
      config: banned('2001:db8::/32', '2001:DB8:4::/48'),
      fires: [[ID, '2001:db8::/32', 'medium', 'high']],
    },
    {
      name: 'IPv6 ip:port',
      conversation: { remote: '2001:db8::1' },
      config: banned('2001:db8::/32', '[2001:db8::1]:443'),
      fires: [[ID, '[2001:db8::1]:443', 'medium', 'high']],
    },
    {
      name: 'ip:port over address over tag over port',
      conversation: {},
      config: banned('tcp/443', 'tag:vendor-x', REMOTE, `${REMOTE}:443`),
      fires: [[ID, `${REMOTE}:443`, 'medium', 'high']],
    },
    {
      name: 'address over tag',
      conversation: {},
      config: banned('tcp/443', 'tag:vendor-x', REMOTE),
      fires: [[ID, REMOTE, 'medium', 'high']],
    },
    {
      name: 'tag over port',
      conversation: {},
      config: banned('tcp/443', 'tag:vendor-x'),
      fires: [[ID, 'tag:vendor-x', 'medium', 'high']],
    },
    {
      name: 'not ip:port where the remote is the client',
      conversation: { role: 'server', remotePort: 443 },
      config: banned(`${REMOTE}:443`),
      fires: [],
    },
    {
      name: 'port of the remote service',
      conversation: { remotePort: 6889 },
      config: banned('tcp/6881-6889'),
      fires: [[ID, 'tcp/6881-6889', 'medium', 'high']],
    },
    {
      name: 'port of an own service',
      conversation: { role: 'server', customerPort: 6881 },
      config: banned('TCP/6881-6889'),
      fires: [[ID, 'tcp/6881-6889', 'medium', 'high']],
    },
    {
      name: 'not an ephemeral port in the range',
      conversation: { customerPort: 6885 },
      config: banned('tcp/6881-6889'),
      fires: [],
    },
    {
      name: 'not a port where the side is unknown',
      conversation: { role: 'unknown', remotePort: 6885 },
      config: banned('tcp/6881-6889'),
      fires: [],
    },
    {
      name: 'the narrowest port range, as sure as the side',
      conversation: { remotePort: 6885, reason: 'lowerPort' },
      config: banned('tcp/1-65535', 'tcp/6885', 'tcp/6881-6889'),
      fires: [[ID, 'tcp/6885', 'medium', 'low']],
    },
    {
      name: 'the severity that the customer gives it',
      conversation: {},
      config: { filters: { [ID]: { severity: 'high' } }, ...banned('tag:vendor-x') },
      fires: [[ID, 'tag:vendor-x', 'high', 'high']],
    },
    {
      name: 'not for another customer',
      conversation: { customer: 'globex' },
      config: banned('tag:vendor-x'),
      fires: [],
    },
    {
      name: 'not an attempt',
      conversation: { grade: 'attempt' },
      config: banned('tag:vendor-x'),
      fires: [],
    },
  ]);

  it('quotes the rule as written, and the list entries behind a tag', () => {
    const evidence = (rule: string): unknown =>
      allHits(fakeBatch([{}], reference), reference, banned(rule))[0].evidence;
    expect(evidence('203.0.113.99/24')).to.deep.equal([
      { type: 'policy', rule: '203.0.113.99/24' },
    ]);
    expect(evidence('tag:vendor-x')).to.deep.equal([
      { type: 'policy', rule: 'tag:vendor-x' },
      {
        type: 'list',
        feed: 'feed-vendor-x',
        entry: '203.0.113.0/24',
        category: 'vendor-x',
        feedVersion: 'v1',
      },
    ]);
  });
});
