import type { Scenario } from '../planting.js';
import { nearMiss, risk, STAY, TALK, withoutConversation } from '../relation.js';

const FILTER = 'policy-violation';

/** Who has a policy, and what it bans: see flowsieve.yaml. */
export const BANNED: Readonly<Record<string, readonly string[]>> = {
  acme: ['tag:vendor-x', 'tcp/6881-6889', '203.0.113.0/24'],
  cedar: ['tcp/3333', 'tag:vendor-x', 'tcp/6881-6889', '203.0.113.0/24'],
};
const WITH_POLICY = Object.keys(BANNED);
const WITHOUT_POLICY = ['birch', 'dune', 'elm'];

export const policyViolation: readonly Scenario[] = [
  risk(FILTER, 'vendor', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('vendor'),
    role: 'client',
    serverPort: 443,
    indicator: 'tag:vendor-x',
    ...TALK,
  })),
  risk(FILTER, 'vendor-inbound', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('vendor'),
    role: 'server',
    serverPort: 22,
    indicator: 'tag:vendor-x',
    ...TALK,
  })),
  risk(FILTER, 'peer-to-peer', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('clean'),
    role: 'client',
    serverPort: context.random.between(6881, 6889),
    indicator: 'tcp/6881-6889',
    ...STAY,
  })),
  risk(FILTER, 'peer-to-peer-inbound', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('clean'),
    role: 'server',
    serverPort: context.random.between(6881, 6889),
    indicator: 'tcp/6881-6889',
    ...TALK,
  })),
  risk(FILTER, 'mining', (context) => ({
    ...context.customer(['cedar']),
    remoteAddress: context.remote('clean'),
    role: 'client',
    serverPort: 3333,
    indicator: 'tcp/3333',
    ...STAY,
  })),
  risk(FILTER, 'network', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('bannedNetwork'),
    role: 'client',
    serverPort: 443,
    indicator: '203.0.113.0/24',
    ...TALK,
  })),
  ...withoutConversation(FILTER, ['unanswered', 'refused', 'udp'], (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('vendor'),
    serverPort: 6881,
  })),
  nearMiss(FILTER, 'banned-port-of-the-client', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('clean'),
    role: 'client',
    clientPort: context.random.between(6881, 6889),
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(FILTER, 'banned-port-of-a-remote-client', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('clean'),
    role: 'server',
    clientPort: context.random.between(6881, 6889),
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(FILTER, 'customer-without-policy', (context) => ({
    ...context.customer(WITHOUT_POLICY),
    remoteAddress: context.remote('vendor'),
    role: 'client',
    serverPort: 6881,
    indicator: '',
    ...TALK,
  })),
];
