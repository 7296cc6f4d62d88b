import type { Scenario } from '../planting.js';
import { risk, STAY, TALK, withoutConversation } from '../relation.js';

const FILTER = 'sanctioned-country';

export const sanctionedCountry: readonly Scenario[] = [
  ...(['IR', 'KP', 'CU'] as const).map((country) =>
    risk(FILTER, `client-of-${country.toLowerCase()}`, (context) => ({
      ...context.customer(),
      remoteAddress: context.remote(`sanctioned${country}`),
      role: 'client',
      serverPort: 443,
      indicator: `country:${country}`,
      ...TALK,
    })),
  ),
  risk(FILTER, 'server-for-ir', (context) => ({
    ...context.customer(),
    remoteAddress: context.remote('sanctionedIR'),
    role: 'server',
    serverPort: context.random.pick([443, 22, 25]),
    indicator: 'country:IR',
    ...TALK,
  })),
  risk(FILTER, 'ipv6-client', (context) => ({
    ...context.customer6(),
    remoteAddress: context.remote('sanctioned6'),
    role: 'client',
    serverPort: 993,
    indicator: 'country:IR',
    ...STAY,
  })),
  // A country is about the range itself, so sharing does not excuse it; it only lowers confidence.
  risk(FILTER, 'shared-range', (context) => ({
    ...context.customer(),
    remoteAddress: context.remote('cdnSanctioned'),
    role: 'client',
    serverPort: 443,
    indicator: 'country:CU',
    ...TALK,
  })),
  ...withoutConversation(
    FILTER,
    ['unanswered', 'refused', 'half-open', 'udp', 'syn-ack-alone'],
    (context) => ({
      ...context.customer(),
      remoteAddress: context.remote('sanctionedKP'),
      serverPort: 443,
    }),
  ),
];
