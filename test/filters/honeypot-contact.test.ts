import { fakeReference, itFires, REMOTE } from './fixtures.js';

const ID = 'honeypot-contact';
const NETWORK = '203.0.113.128/25';

const reference = fakeReference({
  tags: {
    [REMOTE]: [['honeypot', REMOTE]],
    '203.0.113.200': [['honeypot', NETWORK]],
    '203.0.113.9:2222': [['honeypot', '203.0.113.9:2222']],
    '192.168.0.5': [['honeypot', '192.168.0.5']],
  },
});

describe('honeypot-contact', () => {
  itFires(reference, [
    { name: 'client', conversation: {}, fires: [[ID, REMOTE, 'high', 'high']] },
    {
      name: 'client by a known service',
      conversation: { reason: 'knownService' },
      fires: [[ID, REMOTE, 'high', 'high']],
    },
    {
      name: 'a network of honeypots',
      conversation: { remote: '203.0.113.200' },
      fires: [[ID, NETWORK, 'high', 'medium']],
    },
    {
      name: 'ip:port on a shared address',
      conversation: { remote: '203.0.113.9', remotePort: 2222, shared: true },
      fires: [[ID, '203.0.113.9:2222', 'high', 'high']],
    },
    { name: 'not a shared address', conversation: { shared: true }, fires: [] },
    { name: 'not where the honeypot came', conversation: { role: 'server' }, fires: [] },
    { name: 'not where the side is unknown', conversation: { role: 'unknown' }, fires: [] },
    { name: 'not by the lower port', conversation: { reason: 'lowerPort' }, fires: [] },
    { name: 'not by an ephemeral port', conversation: { reason: 'ephemeralPort' }, fires: [] },
    { name: 'not by a privileged port', conversation: { reason: 'privilegedPort' }, fires: [] },
    {
      name: 'not by a known service where a handshake is asked for',
      conversation: { reason: 'knownService' },
      config: { filters: { [ID]: { minReason: 'handshake' } } },
      fires: [],
    },
    { name: 'not a private remote', conversation: { remote: '192.168.0.5' }, fires: [] },
    { name: 'not an attempt', conversation: { grade: 'attempt' }, fires: [] },
  ]);
});
