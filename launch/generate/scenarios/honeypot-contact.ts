import type { Scenario } from '../planting.js';
import { NO_CONVERSATION, nearMiss, risk, TALK, withoutConversation } from '../relation.js';

const FILTER = 'honeypot-contact';

export const honeypotContact: readonly Scenario[] = [
  ...[22, 80, 443].map((serverPort) =>
    risk(FILTER, `port-${serverPort}`, (context) => {
      const remoteAddress = context.listed('honeypot', 'honeypots');
      return {
        ...context.customer(),
        remoteAddress,
        role: 'client',
        serverPort,
        // The filter wants a known-service port on one side only.
        clientPort: context.random.between(52000, 65535),
        indicator: remoteAddress,
        ...TALK,
      };
    }),
  ),
  ...withoutConversation(FILTER, ['unanswered', 'refused', 'udp', 'syn-ack-alone'], (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('honeypot', 'honeypots'),
    serverPort: 22,
  })),
  ...(['unanswered', 'half-open'] as const).map((way) =>
    nearMiss(FILTER, `scanned-by-honeypot-${way}`, (context) => ({
      ...context.customer(),
      remoteAddress: context.listed('honeypot', 'honeypots'),
      role: 'server',
      serverPort: 22,
      indicator: '',
      ...NO_CONVERSATION[way],
    })),
  ),
  nearMiss(FILTER, 'inbound', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('honeypot', 'honeypots'),
    role: 'server',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
];
