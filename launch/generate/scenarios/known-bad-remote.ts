import type { Scenario } from '../planting.js';
import { nearMiss, relation, risk, STAY, TALK, withoutConversation } from '../relation.js';

const FILTER = 'known-bad-remote';

export const knownBadRemote: readonly Scenario[] = [
  risk(FILTER, 'address-on-two-feeds', (context) => {
    const remoteAddress = context.listed('bad', 'c2', 'malware');
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  risk(FILTER, 'kept-connection', (context) => {
    const remoteAddress = context.listed('bad', 'malware');
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 4444,
      indicator: remoteAddress,
      ...STAY,
    };
  }),
  risk(FILTER, 'ip-port', (context) => {
    const remoteAddress = context.remote('bad');
    const indicator = `${remoteAddress}:8443`;
    context.entries.lists.c2.push(indicator);
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 8443,
      indicator,
      ...TALK,
    };
  }),
  // Listed bare and by port: the more specific one names the finding.
  risk(FILTER, 'ip-port-over-address', (context) => {
    const remoteAddress = context.listed('bad', 'malware');
    const indicator = `${remoteAddress}:443`;
    context.entries.lists.c2.push(indicator);
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator,
      ...TALK,
    };
  }),
  risk(FILTER, 'prefix', (context) => ({
    ...context.customer(),
    ...context.listedByPrefix('badPrefix', 'malware'),
    role: 'client',
    serverPort: 80,
    ...TALK,
  })),
  risk(FILTER, 'ipv6-address', (context) => {
    const remoteAddress = context.listed('bad6', 'malware');
    return {
      ...context.customer6(),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  risk(FILTER, 'ipv6-ip-port', (context) => {
    const remoteAddress = context.remote('bad6');
    const indicator = `[${remoteAddress}]:8443`;
    context.entries.lists.c2.push(indicator);
    return {
      ...context.customer6(),
      remoteAddress,
      role: 'client',
      serverPort: 8443,
      indicator,
      ...TALK,
    };
  }),
  risk(FILTER, 'ip-port-on-shared-range', (context) => {
    const remoteAddress = context.remote('cdn');
    const indicator = `${remoteAddress}:4444`;
    context.entries.lists.c2.push(indicator);
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 4444,
      indicator,
      ...TALK,
    };
  }),
  risk(FILTER, 'from-exclusive-claim', (context) => {
    const remoteAddress = context.listed('bad', 'malware');
    return {
      ...context.special('contestedExclusive', 'elm'),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  risk(FILTER, 'from-exclusive-cloud', (context) => {
    const remoteAddress = context.listed('bad', 'malware');
    return {
      ...context.special('cloudExclusive', 'elm'),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  // The remote is cedar's: acme's finding, and none of cedar's, which is the server.
  risk(FILTER, 'another-customer', (context) => {
    const { customerAddress: remoteAddress } = context.customer(['cedar']);
    context.entries.lists.malware.push(remoteAddress);
    return {
      ...context.customer(['acme', 'birch', 'dune', 'elm']),
      remoteAddress,
      remoteCustomer: 'cedar',
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  relation(FILTER, 'agreed-exception', 'suppressed', (context) => {
    const remoteAddress = context.listed('bad', 'malware');
    const owner = context.customer();
    context.entries.suppressions.push({
      customer: owner.customer,
      filter: FILTER,
      remote: remoteAddress,
      reason: 'research on malware hosts',
    });
    return {
      ...owner,
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  ...withoutConversation(
    FILTER,
    ['unanswered', 'refused', 'half-open', 'udp', 'syn-ack-alone'],
    (context) => ({
      ...context.customer(),
      remoteAddress: context.listed('bad', 'c2', 'malware'),
      serverPort: 443,
    }),
  ),
  // Whoever reaches for the customer is not this filter's risk, but that of targeted-by-threat.
  nearMiss(FILTER, 'inbound', (context) => {
    const remoteAddress = context.listed('bad', 'c2');
    return {
      ...context.customer(),
      remoteAddress,
      role: 'server',
      serverPort: context.random.pick([443, 22, 25]),
      indicator: '',
      also: [
        {
          filter: 'targeted-by-threat',
          expect: 'finding',
          customerAddress: null,
          indicator: remoteAddress,
        },
      ],
      ...TALK,
    };
  }),
  nearMiss(FILTER, 'ip-port-on-another-port', (context) => {
    const remoteAddress = context.remote('bad');
    context.entries.lists.c2.push(`${remoteAddress}:8443`);
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: '',
      ...TALK,
    };
  }),
  nearMiss(FILTER, 'address-on-shared-range', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('cdn', 'c2', 'malware'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(FILTER, 'private-remote', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('private', 'malware'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(FILTER, 'from-contested-address', (context) => ({
    ...context.special('contested', context.random.pick(['cedar', 'dune'])),
    remoteAddress: context.listed('bad', 'c2'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(FILTER, 'from-shared-cloud-address', (context) => ({
    ...context.special('cloud', 'dune'),
    remoteAddress: context.listed('bad', 'c2'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(FILTER, 'within-one-customer', (context) => {
    const { customerAddress: remoteAddress } = context.customer(['dune']);
    context.entries.lists.malware.push(remoteAddress);
    return {
      ...context.customer(['dune']),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: '',
      ...TALK,
    };
  }),
];
