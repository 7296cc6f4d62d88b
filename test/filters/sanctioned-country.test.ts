import { expect } from 'chai';
import { allHits, fakeBatch, fakeReference, itFires, REMOTE } from './fixtures.js';

const ID = 'sanctioned-country';

const reference = fakeReference({
  countries: {
    [REMOTE]: 'IR',
    '203.0.113.8': 'SE',
    '203.0.113.9': 'BY',
    '10.1.2.3': 'IR',
    '2001:db8::7': 'KP',
  },
});

const watching = { filters: { [ID]: { watch: ['by'] } } };

describe('sanctioned-country', () => {
  itFires(reference, [
    { name: 'client', conversation: {}, fires: [[ID, 'country:IR', 'high', 'medium']] },
    {
      name: 'server, a severity less',
      conversation: { role: 'server' },
      fires: [[ID, 'country:IR', 'medium', 'medium']],
    },
    {
      name: 'unknown side at low confidence',
      conversation: { role: 'unknown' },
      fires: [[ID, 'country:IR', 'medium', 'low']],
    },
    {
      name: 'weak orientation at low confidence',
      conversation: { reason: 'lowerPort' },
      fires: [[ID, 'country:IR', 'high', 'low']],
    },
    {
      name: 'shared range at low confidence',
      conversation: { shared: true },
      fires: [[ID, 'country:IR', 'high', 'low']],
    },
    {
      name: 'IPv6',
      conversation: { remote: '2001:db8::7' },
      fires: [[ID, 'country:KP', 'high', 'medium']],
    },
    { name: 'not another country', conversation: { remote: '203.0.113.8' }, fires: [] },
    {
      name: 'not an address of no known country',
      conversation: { remote: '192.0.2.1' },
      fires: [],
    },
    {
      name: 'not a private remote, whatever a table says',
      conversation: { remote: '10.1.2.3' },
      fires: [],
    },
    { name: 'not an attempt', conversation: { grade: 'attempt' }, fires: [] },
    {
      name: 'a watched country, a severity less, in lower case',
      conversation: { remote: '203.0.113.9' },
      config: watching,
      fires: [[ID, 'country:BY', 'medium', 'medium']],
    },
    {
      name: 'a watched country from outside, two less',
      conversation: { remote: '203.0.113.9', role: 'server' },
      config: watching,
      fires: [[ID, 'country:BY', 'low', 'medium']],
    },
    {
      name: 'not a country that the customer takes off the list',
      conversation: {},
      config: { policies: { acme: { [ID]: { countries: ['KP'] } } } },
      fires: [],
    },
  ]);

  it('says in its evidence that the address is shared', () => {
    const hits = allHits(fakeBatch([{ shared: true }], reference), reference);
    expect(hits[0].evidence).to.deep.equal([
      { type: 'country', country: 'IR', feed: 'geo', feedVersion: 'v1', sharedAddress: true },
    ]);
  });
});
