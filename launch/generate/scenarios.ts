import { TCP } from '../../pipeline/codes.js';
import type { Label } from './label.js';
import type { Random } from './random.js';
import type { ListName, ReferenceEntries } from './reference-files.js';
import {
  addressIn,
  CUSTOMERS,
  REMOTE_BLOCKS,
  SPECIAL_CUSTOMER_RUNS,
  type GeneratedCustomer,
  type RemoteBlock,
} from './topology.js';
import {
  backscatter,
  datagrams,
  established,
  halfOpen,
  refused,
  unanswered,
  type Exchange,
} from './traffic.js';

/**
 * What is planted: every risk of the six filters that judge single conversations, and beside each
 * the near-misses that must not fire. A scenario takes fresh addresses and writes the feed entries
 * that make them what they are, so scenarios never meddle with each other.
 */
export interface Scenario {
  readonly id: string;
  readonly filter: string;
  readonly expect: Label['expect'];
  plant(context: Planting): Planted;
}

/** One planted relation; `generateNetwork` gives it times and repeats it. */
export interface Planted {
  readonly customer: string;
  readonly customerAddress: string;
  readonly remoteAddress: string;
  /** '' = the customer is the client. */
  readonly role: 'client' | 'server';
  readonly clientPort?: number;
  readonly serverPort: number;
  readonly protocol?: number;
  /** '' for near-misses. */
  readonly indicator: string;
  /** The remote is a customer too. */
  readonly remoteCustomer?: string;
  exchange(random: Random): Exchange;
}

type SpecialRun = keyof typeof SPECIAL_CUSTOMER_RUNS;

/** What a scenario plants with. */
export class Planting {
  readonly random: Random;
  readonly entries: ReferenceEntries;
  /** Turns from instance to instance. */
  readonly #customers: readonly GeneratedCustomer[];
  readonly #turn: number;

  constructor(random: Random, entries: ReferenceEntries, turn: number) {
    this.random = random;
    this.entries = entries;
    this.#turn = turn;
    this.#customers = CUSTOMERS;
  }

  /** A fresh address of a customer, in turn; only of `among`, if given. */
  customer(among?: readonly string[]): { customer: string; customerAddress: string } {
    const choice = this.#customers.filter(({ id }) => among?.includes(id) ?? true);
    const { id, planted } = choice[this.#turn % choice.length];
    return {
      customer: id,
      customerAddress: addressIn(planted, this.entries.take(`planted ${id}`)),
    };
  }

  /** The same with an IPv6 address. */
  customer6(): { customer: string; customerAddress: string } {
    const choice = this.#customers.filter(({ planted6 }) => planted6 !== undefined);
    const { id, planted6 } = choice[this.#turn % choice.length];
    const index = this.entries.take(`planted6 ${id}`);
    return { customer: id, customerAddress: addressIn(planted6 ?? REMOTE_BLOCKS.bad6, index) };
  }

  /** An address whose owner is in doubt, or in a cloud. `customer` is who would be blamed for it. */
  special(run: SpecialRun, customer: string): { customer: string; customerAddress: string } {
    const customerAddress = addressIn(SPECIAL_CUSTOMER_RUNS[run], this.entries.take(run));
    return { customer, customerAddress };
  }

  /** A fresh remote of a block. */
  remote(block: RemoteBlock): string {
    return addressIn(REMOTE_BLOCKS[block], this.entries.take(block));
  }

  /** A fresh remote that is on lists, as a bare address. */
  listed(block: RemoteBlock, ...lists: readonly ListName[]): string {
    const remote = this.remote(block);
    for (const list of lists) this.entries.lists[list].push(remote);
    return remote;
  }

  /** Adds what a scan found. */
  scanned(ip: string, port: number, service: string, ...tags: readonly string[]): void {
    this.entries.inventory.push({ ip, port, service, tags });
  }
}

/** Some kilobytes each way within a minute: the smallest that is surely a conversation. */
function talk(random: Random): Exchange {
  const up = Math.ceil(random.logNormal(1_500, 1));
  const down = Math.ceil(random.logNormal(6_000, 1.2));
  return established(random, up, down, random.between(200, 40_000));
}

/** A connection that is kept open over several windows and active time-outs. */
function stayConnected(random: Random): Exchange {
  return established(random, 60_000, 90_000, random.between(8, 25) * 60_000);
}

const udp = (random: Random): Exchange =>
  datagrams(random.between(2, 20), 120, random.between(2, 20), 300, random.between(50, 30_000));

const UDP = 17;

type Shape = Pick<Planted, 'exchange'> & { readonly protocol?: number };
const TALK: Shape = { exchange: talk };
const STAY: Shape = { exchange: stayConnected };
/** Everything that is not an established TCP conversation the customer began. */
const NO_CONVERSATION = {
  unanswered: { exchange: unanswered },
  refused: { exchange: refused },
  'half-open': { exchange: halfOpen },
  udp: { exchange: udp, protocol: UDP },
  'syn-ack-alone': { exchange: backscatter },
} as const satisfies Readonly<Record<string, Shape>>;
type NoConversation = keyof typeof NO_CONVERSATION;

function risk(filter: string, id: string, plant: Scenario['plant']): Scenario {
  return { id, filter, expect: 'finding', plant };
}

function nearMiss(filter: string, id: string, plant: Scenario['plant']): Scenario {
  return { id, filter, expect: 'nothing', plant };
}

/** One near-miss a way of not having a conversation with a remote that would be a risk. */
function withoutConversation(
  filter: string,
  ways: readonly NoConversation[],
  plant: (context: Planting) => Omit<Planted, 'exchange' | 'indicator' | 'role'>,
): readonly Scenario[] {
  return ways.map((way) =>
    nearMiss(filter, way, (context) => ({
      ...plant(context),
      role: 'client',
      indicator: '',
      ...NO_CONVERSATION[way],
    })),
  );
}

const SANCTIONED = 'sanctioned-country';
const BAD = 'known-bad-remote';
const ANONYMIZER = 'anonymizer';
const INSECURE = 'insecure-remote-service';
const POLICY = 'policy-violation';
const HONEYPOT = 'honeypot-contact';

/** Who has a policy, and what it bans: see flowsieve.yaml. */
export const BANNED: Readonly<Record<string, readonly string[]>> = {
  acme: ['tag:vendor-x', 'tcp/6881-6889', '203.0.113.0/24'],
  cedar: ['tcp/3333', 'tag:vendor-x', 'tcp/6881-6889', '203.0.113.0/24'],
};
const WITH_POLICY = Object.keys(BANNED);
const WITHOUT_POLICY = ['birch', 'dune', 'elm'];

const sanctionedCountry: readonly Scenario[] = [
  ...(['IR', 'KP', 'CU'] as const).map((country) =>
    risk(SANCTIONED, `client-of-${country.toLowerCase()}`, (context) => ({
      ...context.customer(),
      remoteAddress: context.remote(`sanctioned${country}`),
      role: 'client',
      serverPort: 443,
      indicator: `country:${country}`,
      ...TALK,
    })),
  ),
  risk(SANCTIONED, 'server-for-ir', (context) => ({
    ...context.customer(),
    remoteAddress: context.remote('sanctionedIR'),
    role: 'server',
    serverPort: context.random.pick([443, 22, 25]),
    indicator: 'country:IR',
    ...TALK,
  })),
  risk(SANCTIONED, 'ipv6-client', (context) => ({
    ...context.customer6(),
    remoteAddress: context.remote('sanctioned6'),
    role: 'client',
    serverPort: 993,
    indicator: 'country:IR',
    ...STAY,
  })),
  // A country is about the range itself, so sharing does not excuse it; it only lowers confidence.
  risk(SANCTIONED, 'shared-range', (context) => ({
    ...context.customer(),
    remoteAddress: context.remote('cdnSanctioned'),
    role: 'client',
    serverPort: 443,
    indicator: 'country:CU',
    ...TALK,
  })),
  ...withoutConversation(
    SANCTIONED,
    ['unanswered', 'refused', 'half-open', 'udp', 'syn-ack-alone'],
    (context) => ({
      ...context.customer(),
      remoteAddress: context.remote('sanctionedKP'),
      serverPort: 443,
    }),
  ),
];

const knownBadRemote: readonly Scenario[] = [
  risk(BAD, 'address-on-two-feeds', (context) => {
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
  risk(BAD, 'kept-connection', (context) => {
    const remoteAddress = context.listed('bad', 'c2');
    return {
      ...context.customer(),
      remoteAddress,
      role: 'client',
      serverPort: 4444,
      indicator: remoteAddress,
      ...STAY,
    };
  }),
  risk(BAD, 'ip-port', (context) => {
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
  risk(BAD, 'ip-port-over-address', (context) => {
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
  risk(BAD, 'prefix', (context) => {
    const network = 8 * context.entries.take('badPrefix');
    const indicator = `${addressIn(REMOTE_BLOCKS.badPrefix, network)}/29`;
    context.entries.lists.malware.push(indicator);
    return {
      ...context.customer(),
      remoteAddress: addressIn(REMOTE_BLOCKS.badPrefix, network + context.random.between(1, 6)),
      role: 'client',
      serverPort: 80,
      indicator,
      ...TALK,
    };
  }),
  risk(BAD, 'ipv6-address', (context) => {
    const remoteAddress = context.listed('bad6', 'c2');
    return {
      ...context.customer6(),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  risk(BAD, 'ipv6-ip-port', (context) => {
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
  risk(BAD, 'ip-port-on-shared-range', (context) => {
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
  risk(BAD, 'from-exclusive-claim', (context) => {
    const remoteAddress = context.listed('bad', 'c2');
    return {
      ...context.special('contestedExclusive', 'elm'),
      remoteAddress,
      role: 'client',
      serverPort: 443,
      indicator: remoteAddress,
      ...TALK,
    };
  }),
  risk(BAD, 'from-exclusive-cloud', (context) => {
    const remoteAddress = context.listed('bad', 'c2');
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
  risk(BAD, 'another-customer', (context) => {
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
  {
    id: 'agreed-exception',
    filter: BAD,
    expect: 'suppressed',
    plant(context) {
      const remoteAddress = context.listed('bad', 'malware');
      const owner = context.customer();
      context.entries.suppressions.push({
        customer: owner.customer,
        filter: BAD,
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
    },
  },
  ...withoutConversation(
    BAD,
    ['unanswered', 'refused', 'half-open', 'udp', 'syn-ack-alone'],
    (context) => ({
      ...context.customer(),
      remoteAddress: context.listed('bad', 'c2', 'malware'),
      serverPort: 443,
    }),
  ),
  nearMiss(BAD, 'inbound', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('bad', 'c2'),
    role: 'server',
    serverPort: context.random.pick([443, 22, 25]),
    indicator: '',
    ...TALK,
  })),
  nearMiss(BAD, 'ip-port-on-another-port', (context) => {
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
  nearMiss(BAD, 'address-on-shared-range', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('cdn', 'c2', 'malware'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(BAD, 'private-remote', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('private', 'malware'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(BAD, 'from-contested-address', (context) => ({
    ...context.special('contested', context.random.pick(['cedar', 'dune'])),
    remoteAddress: context.listed('bad', 'c2'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(BAD, 'from-shared-cloud-address', (context) => ({
    ...context.special('cloud', 'dune'),
    remoteAddress: context.listed('bad', 'c2'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(BAD, 'within-one-customer', (context) => {
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

const anonymizer: readonly Scenario[] = [
  ...(['tor', 'vpn'] as const).map((list) =>
    risk(ANONYMIZER, list, (context) => {
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
  risk(ANONYMIZER, 'ipv6-tor', (context) => {
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
  ...withoutConversation(
    ANONYMIZER,
    ['unanswered', 'refused', 'udp', 'syn-ack-alone'],
    (context) => ({
      ...context.customer(),
      remoteAddress: context.listed('anonymizer', 'tor'),
      serverPort: 443,
    }),
  ),
  // Visitors of a public service; only services that a policy names would fire.
  nearMiss(ANONYMIZER, 'inbound-from-tor', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('anonymizer', 'tor'),
    role: 'server',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(ANONYMIZER, 'vpn-on-shared-range', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('cdn', 'vpn'),
    role: 'client',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
];

const insecureRemoteService: readonly Scenario[] = [
  ...(
    [
      ['telnet', 23, 'telnet'],
      ['ftp', 21, 'ftp'],
      ['mongodb', 27017, 'exposed-database'],
      ['http', 8081, 'default-credentials'],
    ] as const
  ).map(([service, port, tag]) =>
    risk(INSECURE, service, (context) => {
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
  risk(INSECURE, 'ipv6-telnet', (context) => {
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
    INSECURE,
    ['unanswered', 'refused', 'half-open', 'syn-ack-alone'],
    (context) => {
      const remoteAddress = context.remote('insecure');
      context.scanned(remoteAddress, 23, 'telnet', 'telnet');
      return { ...context.customer(), remoteAddress, serverPort: 23 };
    },
  ),
  nearMiss(INSECURE, 'another-port', (context) => {
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
  nearMiss(INSECURE, 'secure-service', (context) => {
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
  nearMiss(INSECURE, 'inbound', (context) => {
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

const policyViolation: readonly Scenario[] = [
  risk(POLICY, 'vendor', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('vendor'),
    role: 'client',
    serverPort: 443,
    indicator: 'tag:vendor-x',
    ...TALK,
  })),
  risk(POLICY, 'vendor-inbound', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('vendor'),
    role: 'server',
    serverPort: 22,
    indicator: 'tag:vendor-x',
    ...TALK,
  })),
  risk(POLICY, 'peer-to-peer', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('clean'),
    role: 'client',
    serverPort: context.random.between(6881, 6889),
    indicator: 'tcp/6881-6889',
    ...STAY,
  })),
  risk(POLICY, 'peer-to-peer-inbound', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('clean'),
    role: 'server',
    serverPort: context.random.between(6881, 6889),
    indicator: 'tcp/6881-6889',
    ...TALK,
  })),
  risk(POLICY, 'mining', (context) => ({
    ...context.customer(['cedar']),
    remoteAddress: context.remote('clean'),
    role: 'client',
    serverPort: 3333,
    indicator: 'tcp/3333',
    ...STAY,
  })),
  risk(POLICY, 'network', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('bannedNetwork'),
    role: 'client',
    serverPort: 443,
    indicator: '203.0.113.0/24',
    ...TALK,
  })),
  ...withoutConversation(POLICY, ['unanswered', 'refused', 'udp'], (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('vendor'),
    serverPort: 6881,
  })),
  nearMiss(POLICY, 'banned-port-of-the-client', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('clean'),
    role: 'client',
    clientPort: context.random.between(6881, 6889),
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(POLICY, 'banned-port-of-a-remote-client', (context) => ({
    ...context.customer(WITH_POLICY),
    remoteAddress: context.remote('clean'),
    role: 'server',
    clientPort: context.random.between(6881, 6889),
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
  nearMiss(POLICY, 'customer-without-policy', (context) => ({
    ...context.customer(WITHOUT_POLICY),
    remoteAddress: context.remote('vendor'),
    role: 'client',
    serverPort: 6881,
    indicator: '',
    ...TALK,
  })),
];

const honeypotContact: readonly Scenario[] = [
  ...[22, 80, 443].map((serverPort) =>
    risk(HONEYPOT, `port-${serverPort}`, (context) => {
      const remoteAddress = context.listed('honeypot', 'honeypots');
      return {
        ...context.customer(),
        remoteAddress,
        role: 'client',
        serverPort,
        indicator: remoteAddress,
        ...TALK,
      };
    }),
  ),
  ...withoutConversation(
    HONEYPOT,
    ['unanswered', 'refused', 'udp', 'syn-ack-alone'],
    (context) => ({
      ...context.customer(),
      remoteAddress: context.listed('honeypot', 'honeypots'),
      serverPort: 22,
    }),
  ),
  ...(['unanswered', 'half-open'] as const).map((way) =>
    nearMiss(HONEYPOT, `scanned-by-honeypot-${way}`, (context) => ({
      ...context.customer(),
      remoteAddress: context.listed('honeypot', 'honeypots'),
      role: 'server',
      serverPort: 22,
      indicator: '',
      ...NO_CONVERSATION[way],
    })),
  ),
  nearMiss(HONEYPOT, 'inbound', (context) => ({
    ...context.customer(),
    remoteAddress: context.listed('honeypot', 'honeypots'),
    role: 'server',
    serverPort: 443,
    indicator: '',
    ...TALK,
  })),
];

/** All scenarios; further filters append theirs. */
export const SCENARIOS: readonly Scenario[] = [
  ...sanctionedCountry,
  ...knownBadRemote,
  ...anonymizer,
  ...insecureRemoteService,
  ...policyViolation,
  ...honeypotContact,
];

/** IANA number of what is planted. */
export function protocolOf(planted: Planted): number {
  return planted.protocol ?? TCP;
}
