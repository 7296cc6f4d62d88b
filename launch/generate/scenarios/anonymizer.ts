import type { Scenario } from '../planting.js';
import { nearMiss, risk, STAY, TALK, withoutConversation } from '../relation.js';

const FILTER = 'anonymizer';

export const anonymizer: readonly Scenario[] = [
  ...(['tor', 'vpn'] as const).map((list) =>
    risk(FILTER, list, (context) => {
      const remoteAddress = context.listed('anonymizer', list);
      return {
        ...context.customer(),
        remoteAddress,
        role: 'client',
        serverPort: list === 'tor' ? 9001 : 443,
        indicator: remoteAddress,
        ...STAY,
      };
    }),
  ),
  risk(FILTER, 'ipv6-tor', (context) => {
    const remoteAddress = context.listed('anonymizer6', 'tor');
    return {
      ...context.customer6(),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  ...withoutConversation(FILTER, ['unanswered', 'refused', 'udp', 'syn-ack-alone'], (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('anonymizer', 'tor'),
    serverPort: 443,
  })),
  // Visitors of a public service; only services that a policy names would fire.
  nearMiss(FILTER, 'inbound-from-tor', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('anonymizer', 'tor'),
    role: 'server',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(FILTER, 'vpn-on-shared-range', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('cdn', 'vpn'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
];
