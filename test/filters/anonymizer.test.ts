import { fakeReference, itFires, REMOTE } from './fixtures.js';

const ID = 'anonymizer';
const VPN = '203.0.113.64/26';

const reference = fakeReference({
  tags: {
    [REMOTE]: [['tor', REMOTE]],
    '203.0.113.65': [['vpn', VPN]],
    '203.0.113.9:3128': [['proxy', '203.0.113.9:3128']],
    '10.1.2.3': [['tor', '10.1.2.3']],
    [`${REMOTE}:50000`]: [['tor', `${REMOTE}:50000`]],
  },
});

const guarded = { policies: { acme: { [ID]: { inboundServices: ['tcp/22', 'tcp/3389-3390'] } } } };

describe('anonymizer', () => {
  itFires(reference, [
    { name: 'client of Tor', conversation: {}, fires: [[ID, REMOTE, 'medium', 'high']] },
    {
      name: 'client of a VPN network',
      conversation: { remote: '203.0.113.65' },
      fires: [[ID, VPN, 'low', 'medium']],
    },
    {
      name: 'client of a proxy at ip:port, on a shared address too',
      conversation: { remote: '203.0.113.9', remotePort: 3128, shared: true },
      fires: [[ID, '203.0.113.9:3128', 'medium', 'high']],
    },
    { name: 'not another port of it', conversation: { remote: '203.0.113.9' }, fires: [] },
    { name: 'not a shared address', conversation: { shared: true }, fires: [] },
    { name: 'not where the side is unknown', conversation: { role: 'unknown' }, fires: [] },
    { name: 'not a private remote', conversation: { remote: '10.1.2.3' }, fires: [] },
    { name: 'not an attempt', conversation: { grade: 'attempt' }, fires: [] },
    {
      name: 'not inbound by default',
      conversation: { role: 'server', customerPort: 22 },
      fires: [],
    },
    {
      name: 'Tor inbound to a service that the policy names',
      conversation: { role: 'server', customerPort: 22 },
      config: guarded,
      fires: [[ID, REMOTE, 'medium', 'high']],
    },
    {
      name: 'Tor inbound to the end of a range of services',
      conversation: { role: 'server', customerPort: 3390 },
      config: guarded,
      fires: [[ID, REMOTE, 'medium', 'high']],
    },
    {
      name: 'not inbound to another service',
      conversation: { role: 'server', customerPort: 23 },
      config: guarded,
      fires: [],
    },
    {
      name: 'not inbound from a shared address',
      conversation: { role: 'server', customerPort: 22, shared: true },
      config: guarded,
      fires: [],
    },
    {
      name: 'not inbound from a VPN',
      conversation: { role: 'server', customerPort: 22, remote: '203.0.113.65' },
      config: guarded,
      fires: [],
    },
    {
      name: 'not inbound where the customer has no interest in Tor',
      conversation: { role: 'server', customerPort: 22 },
      config: { filters: { [ID]: { categories: ['vpn'], inboundServices: ['tcp/22'] } } },
      fires: [],
    },
  ]);
});
