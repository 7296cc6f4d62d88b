import { expect } from 'chai';
import { allHits, fakeBatch, fakeReference, itFires, REMOTE } from './fixtures.js';

const ID = 'insecure-remote-service';

const reference = fakeReference({
  services: {
    [`${REMOTE}:23`]: ['telnet', 'default-credentials', 'router'],
    [`${REMOTE}:443`]: ['web'],
    [`${REMOTE}:8443`]: ['self-signed'],
    [`${REMOTE}:9000`]: ['house-tag'],
    '10.1.2.3:23': ['telnet'],
    '[2001:db8::7]:5900': ['vnc'],
  },
});

const telnet = { remotePort: 23, reason: 'inventory' } as const;

describe('insecure-remote-service', () => {
  itFires(reference, [
    { name: 'client', conversation: telnet, fires: [[ID, `${REMOTE}:23/tcp`, 'high', 'high']] },
    {
      name: 'a mild tag, a shared address, a known service',
      conversation: { remotePort: 8443, shared: true, reason: 'knownService' },
      fires: [[ID, `${REMOTE}:8443/tcp`, 'low', 'medium']],
    },
    {
      name: 'IPv6',
      conversation: { remote: '2001:db8::7', remotePort: 5900 },
      fires: [[ID, '[2001:db8::7]:5900/tcp', 'medium', 'high']],
    },
    { name: 'not a service without such a tag', conversation: {}, fires: [] },
    {
      name: 'a tag of the user',
      conversation: { remotePort: 9000 },
      config: { filters: { [ID]: { tags: ['house-tag'] } } },
      fires: [[ID, `${REMOTE}:9000/tcp`, 'medium', 'high']],
    },
    { name: 'not a tag that is not chosen', conversation: { remotePort: 9000 }, fires: [] },
    {
      name: 'not where the customer is the server',
      conversation: { ...telnet, role: 'server' },
      fires: [],
    },
    {
      name: 'not where the side is unknown',
      conversation: { remotePort: 23, role: 'unknown' },
      fires: [],
    },
    { name: 'not a private remote', conversation: { ...telnet, remote: '10.1.2.3' }, fires: [] },
    { name: 'not an attempt', conversation: { ...telnet, grade: 'attempt' }, fires: [] },
  ]);

  it('names in its evidence the tags that made it fire, sorted', () => {
    const [hit] = allHits(fakeBatch([telnet], reference), reference);
    expect(hit.evidence).to.deep.equal([
      {
        type: 'inventory',
        feed: 'scan',
        feedVersion: 'v1',
        entry: `${REMOTE}:23/tcp`,
        service: 'svc',
        tags: ['default-credentials', 'telnet'],
      },
    ]);
  });
});
