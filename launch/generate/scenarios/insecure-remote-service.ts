import type { Scenario } from '../planting.js';
import { nearMiss, risk, TALK, withoutConversation } from '../relation.js';

const FILTER = 'insecure-remote-service';

export const insecureRemoteService: readonly Scenario[] = [
  ...(
    [
      ['telnet', 23, 'telnet'],
      ['ftp', 21, 'ftp'],
      ['mongodb', 27017, 'exposed-database'],
      ['http', 8081, 'default-credentials'],
    ] as const
  ).map(([service, port, tag]) =>
    risk(FILTER, service, (context) => {
      const remoteAddress = context.remote('insecure');
      context.scanned(remoteAddress, port, service, tag);
      return {
        ...context.customer(),
        remoteAddress,
        role: 'client',
        serverPort: port,
        indicator: `${remoteAddress}:${port}/tcp`,
        ...TALK,
      };
    }),
  ),
  risk(FILTER, 'ipv6-telnet', (context) => {
    const remoteAddress = context.remote('insecure6');
    context.scanned(remoteAddress, 23, 'telnet', 'telnet');
    return {
      ...context.customer6(),
      remoteAddress,
      role: 'client',
      serverPort: 23,
      indicator: `[${remoteAddress}]:23/tcp`,
      ...TALK,
    };
  }),
  ...withoutConversation(
    FILTER,
    ['unanswered', 'refused', 'half-open', 'syn-ack-alone'],
    (context) => {
      const remoteAddress = context.remote('insecure');
      context.scanned(remoteAddress, 23, 'telnet', 'telnet');
      return { ...context.customer(), remoteAddress, serverPort: 23 };
    },
  ),
  nearMiss(FILTER, 'another-port', (context) => {
    const remoteAddress = context.remote('insecure');
    context.scanned(remoteAddress, 23, 'telnet', 'telnet', 'default-credentials');
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: '',
      ...TALK,
    };
  }),
  nearMiss(FILTER, 'secure-service', (context) => {
    const remoteAddress = context.remote('insecure');
    context.scanned(remoteAddress, 443, 'https');
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: '',
      ...TALK,
    };
  }),
  nearMiss(FILTER, 'inbound', (context) => {
    const remoteAddress = context.remote('insecure');
    context.scanned(remoteAddress, 23, 'telnet', 'telnet');
    return {
      ...context.customer(),
      remoteAddress,
      role: 'server',
      serverPort: 443,
      indicator: '',
      ...TALK,
    };
  }),
];
